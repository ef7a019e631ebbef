"""Threads kept to a core each, or to some cores together, for runtimes that cannot be told so."""

import os
from pathlib import Path

_TASKS = Path("/proc/self/task")


def pin(cores: tuple[int, ...]) -> None:
    """Thread i to core i: those that worked most are the pool's; others never work."""
    own = os.getpid()
    os.sched_setaffinity(own, cores[:1])
    others = sorted((int(task.name) for task in _TASKS.iterdir()), key=_worked, reverse=True)
    for thread, core in zip((one for one in others if one != own), cores[1:], strict=False):
        os.sched_setaffinity(thread, (core,))


def keep_to(cores: tuple[int, ...], threads: int) -> None:
    """All threads to come to these cores, or to as many of the process's as there are threads."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores or sorted(os.sched_getaffinity(0))[:threads])


def _worked(thread: int) -> int:
    """Nanoseconds that a thread has run."""
    return int((_TASKS / str(thread) / "schedstat").read_text().split()[0])
