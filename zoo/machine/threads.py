"""How many threads this process may use, by affinity and quota, and how they wait."""

import math
import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
# How often a waiting thread of libgomp (torch's OpenMP on Linux) polls before it sleeps.
# Fewer cost speed on a quiet machine, more beside a busy process: docs/results/speed.md.
_SPINS = ("GOMP_SPINCOUNT", "2000")


def thread_budget(groups: Path = _GROUPS) -> int:
    """The number of CPUs that this process may really use, not that of the whole machine.

    groups: the folder of the control groups.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, math.ceil(cgroup_quota(groups) or cores)))


def cgroup_quota(groups: Path = _GROUPS) -> float | None:
    """The CPU quota of the container in cores, such as 1.5; None without a limit."""
    try:
        quota, period = _quota_and_period(groups)
    except (OSError, ValueError):
        return None
    return None if quota in ("max", "-1") else int(quota) / int(period)


def _quota_and_period(groups: Path) -> tuple[str, str]:
    """From cgroup v2, else from v1."""
    if (groups / "cpu.max").exists():
        quota, period = (groups / "cpu.max").read_text().split()[:2]
        return quota, period
    older = [groups / "cpu" / f"cpu.cfs_{name}_us" for name in ("quota", "period")]
    quota, period = (path.read_text().strip() for path in older)
    return quota, period


def spin_briefly() -> None:
    """Let OpenMP's waiting threads sleep early; called before torch is loaded.

    By default they spin for milliseconds, on cores that another busy process needs: training in
    fp32 next to one was half as fast. The user's own setting takes precedence.
    """
    if not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & os.environ.keys():
        # Not in os.environ, from which an arm of `bench` has its environment: that measures a
        # runtime as it is by itself.
        os.putenv(*_SPINS)
