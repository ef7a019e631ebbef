"""The BLAS library of numpy: which one it is, and how many threads it uses."""

from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from zoo.machine.threads import thread_budget


def blas() -> dict[str, Any]:
    """What threadpoolctl reports about numpy's BLAS; scipy may have loaded a second one."""
    found: list[dict[str, Any]] = [
        library for library in threadpool_info() if library["user_api"] == "blas"
    ]
    found.sort(key=lambda library: "numpy" not in library["filepath"])
    return found[0] if found else {}


def described() -> str:
    """Such as `numpy 2.4.6, openblas 0.3.31 SkylakeX`: the kernels that it chose for this CPU."""
    library = blas()
    facts = (library.get(fact) for fact in ("internal_api", "version", "architecture"))
    words = " ".join(str(fact) for fact in facts if fact)
    return f"numpy {np.__version__}, {words or 'an unknown BLAS'}"


def threads() -> int:
    """The number of threads that a matrix product uses."""
    return int(blas().get("num_threads", 1))


def take_threads(count: int) -> None:
    """Set the number of threads that a matrix product uses."""
    threadpool_limits(count, user_api="blas")


def our_threads() -> AbstractContextManager[Any]:
    """Within the block, use only our share of threads: the library counts cores, not quotas."""
    limits: AbstractContextManager[Any] = threadpool_limits(
        min(threads(), thread_budget()), user_api="blas"
    )
    return limits
