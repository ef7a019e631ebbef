"""Pin threads to cores, for runtimes that have no setting for it."""

import os
from pathlib import Path

_TASKS = Path("/proc/self/task")


def pin(cores: tuple[int, ...]) -> None:
    """Pin thread i to core i; the pool's threads are those that worked most."""
    own = os.getpid()
    os.sched_setaffinity(own, cores[:1])
    others = sorted((int(task.name) for task in _TASKS.iterdir()), key=_worked, reverse=True)
    for thread, core in zip((one for one in others if one != own), cores[1:], strict=False):
        os.sched_setaffinity(thread, (core,))


def keep_to(cores: tuple[int, ...], threads: int) -> None:
    """Limit all future threads to these cores, or to as many cores as there are threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores or sorted(os.sched_getaffinity(0))[:threads])


def _worked(thread: int) -> int:
    """The nanoseconds that a thread has run."""
    return int((_TASKS / str(thread) / "schedstat").read_text().split()[0])
