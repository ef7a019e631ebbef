"""JAX and Flax as this zoo uses them: on the CPU, on as many threads as are ours.

XLA makes its threads with the first array, as many as NPROC in the environment says. Without it,
XLA counts the cores that it may run on, and knows no container's quota.
"""

import os
from pathlib import Path

from zoo.errors import UnavailableError
from zoo.machine.threads import thread_budget

__all__ = ["jax", "missing", "nnx", "threads"]

_TASKS = Path("/proc/self/task")
_POOL = "tf_XLAEigen"  # as each thread that computes is called

os.environ.setdefault("NPROC", str(thread_budget()))


def missing(package: str, error: ImportError) -> UnavailableError:
    """An error for what the extra installs."""
    return UnavailableError(f"{package} does not load ({error}): pip install -e '.[jax]'")


try:
    import jax
except ImportError as error:
    raise missing("jax", error) from error
try:
    from flax import nnx
except ImportError as error:
    raise missing("flax", error) from error

jax.config.update("jax_platforms", "cpu")


def threads() -> int | None:
    """That XLA computes on, counted in this process; None where the system does not tell."""
    jax.devices()
    try:
        names = [(task / "comm").read_text().strip() for task in _TASKS.iterdir()]
    except OSError:
        return None
    return names.count(_POOL)
