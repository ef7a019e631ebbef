"""What Linux reports about cores, waiting and memory; None on other systems.

Cheap enough to be read before and after every block: about 0.1 ms together.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_PROC, _CPUS, _CGROUP = "/proc", "/sys/devices/system/cpu", "/sys/fs/cgroup"
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 0.01


def affinity(pid: int) -> tuple[int, ...]:
    """The cores that a process may run on; none if unknown."""
    try:
        return tuple(sorted(os.sched_getaffinity(pid)))
    except (AttributeError, OSError):
        return ()


def governor(cores: Iterable[int]) -> str | None:
    """How these cores choose their clock, such as `performance`."""
    texts = [_read(f"{_CPUS}/cpu{core}/cpufreq/scaling_governor") for core in cores]
    return ", ".join(sorted({text.strip() for text in texts if text})) or None


def clock_mhz(pid: int) -> float | None:
    """MHz of the core that a process ran on last. A virtual machine does not know it."""
    stat = _read(f"{_PROC}/{pid}/stat")
    if stat is None:
        return None
    core = stat.rpartition(")")[2].split()[36]
    text = _read(f"{_CPUS}/cpu{core}/cpufreq/scaling_cur_freq")
    return int(text) / 1e3 if text else None


def steal(cores: Iterable[int]) -> float | None:
    """Seconds that the hypervisor took, the mean over these cores (over all if none are given).

    In whole ticks of each core.
    """
    wanted = {f"cpu{core}" for core in cores}
    ticks = []
    for line in (_read(f"{_PROC}/stat") or "").splitlines():
        if not line.startswith("cpu"):
            break
        name, *counters = line.split()
        if (name in wanted if wanted else name != "cpu") and len(counters) > 7:
            ticks.append(int(counters[7]))
    return sum(ticks) / len(ticks) * TICK_SECONDS if ticks else None


def pressure() -> float | None:
    """Seconds in which at least one task of the machine waited for a core."""
    some, _, total = (_read(f"{_PROC}/pressure/cpu") or "").partition("\n")[0].rpartition("total=")
    return int(total) / 1e6 if some.startswith("some") else None


def throttled() -> float | None:
    """Seconds in which the container had used up its quota, from control groups v2, else v1."""
    for path, name, unit in (
        (f"{_CGROUP}/cpu.stat", "throttled_usec", 1e6),
        (f"{_CGROUP}/cpu/cpu.stat", "throttled_time", 1e9),
    ):
        facts = dict(line.split(maxsplit=1) for line in (_read(path) or "").splitlines())
        if name in facts:
            return int(facts[name]) / unit
    return None


def delays(pid: int) -> dict[int, float] | None:
    """By thread: seconds spent waiting for a core."""
    found = {}
    for thread in _thread_ids(pid):
        waited = (_read(f"{_PROC}/{pid}/task/{thread}/schedstat") or "0").split()
        if waited[0] != "0":  # a kernel that does not count says 0 0 0
            found[thread] = int(waited[1]) / 1e9
    return found or None


def _thread_ids(pid: int) -> list[int]:
    try:
        with os.scandir(f"{_PROC}/{pid}/task") as entries:
            return [int(entry.name) for entry in entries]
    except OSError:
        return []


def forget_peak() -> None:
    """Let the kernel count the peak of our resident memory from now on, if it can."""
    with suppress(OSError):
        Path(f"{_PROC}/self/clear_refs").write_text("5")


def peak_rss_mib() -> float | None:
    """Largest resident memory of this process, by the kernel's own count.

    Not getrusage, which also counts the peak of the parent before exec.
    """
    text = _read(f"{_PROC}/self/status")
    if text is None:
        return None
    (peak,) = (line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:"))
    return int(peak) / 1024


def _read(path: str) -> str | None:
    """The first 64 KiB of a small file, in a third of the time that `Path.read_text` takes."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(handle, 1 << 16).decode(errors="replace")
    except OSError:  # a process that has ended, pressure that is switched off
        return None
    finally:
        os.close(handle)
