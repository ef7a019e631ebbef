"""How many threads are ours: those of the process's affinity, cut by the container's quota."""

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def thread_budget() -> int:
    """CPUs this process may really use, not those of the whole machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _quota_cores(cores)))


def _quota_cores(cores: int) -> int:
    try:
        quota, period = _QUOTA.read_text().split()[:2]
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else math.ceil(int(quota) / int(period))
