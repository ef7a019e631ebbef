"""Import JAX and Flax for this zoo: on the CPU, with the threads this process may use.

XLA creates its threads with the first array, as many as NPROC in the environment says. Without it,
XLA counts the cores that it may run on, and ignores a container's quota.
"""

import os
from pathlib import Path

from zoo.errors import UnavailableError
from zoo.machine.threads import thread_budget

__all__ = ["jax", "missing", "nnx", "threads"]

_TASKS = Path("/proc/self/task")
_POOL = "tf_XLAEigen"  # the name of each computing thread

os.environ.setdefault("NPROC", str(thread_budget()))


def missing(package: str, error: ImportError) -> UnavailableError:
    """An error for a missing package of the extra."""
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
    """The number of XLA's threads, counted in this process; None if it is unknown."""
    jax.devices()
    try:
        names = [(task / "comm").read_text().strip() for task in _TASKS.iterdir()]
    except OSError:
        return None
    return names.count(_POOL)
