"""Describe this machine, and detect other processes that interfere with measuring.

Everything is read from the kernel, and is None (or empty) on systems that do not report it. No host
names, user names or paths, because this is published beside the results.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bench.measuring import kernel
from zoo.machine.cpu import cpu_name, vector_flags
from zoo.machine.threads import cgroup_quota, thread_budget

_PACKAGES = ("numpy", "onnx")  # used for files and arrays with every runtime
SMI_SECONDS = 20.0  # seconds for an answer of nvidia-smi, which may hang

# When a block counts as disturbed. A process alone on its cores waits 0.1 to 0.5% of the time,
# beside a half-busy neighbour 25%; the odd daemon is no reason to measure again.
MOST_DELAY = 0.02
MOST_STEAL = 0.01
MOST_THROTTLED = 0.01
# Clocks are read at a moment and wander by some per cent; leaving a turbo step is more than that.
MOST_CLOCK_FALL = 0.1
# For the whole machine, including ourselves: used only if our own delay is unavailable.
MOST_PRESSURE = 0.2


@dataclass(frozen=True)
class Environment:
    """The machine and what is installed."""

    machine: str  # equal on the same machine, another one elsewhere
    cpu: str
    vector_flags: tuple[str, ...]
    cores: int  # the ones that we may use, by affinity and quota
    affinity: tuple[int, ...]
    quota: float | None  # the container's, in cores' worth of time
    governor: str | None
    memory_gib: float
    gpus: tuple[str, ...]
    gpu_driver: str | None
    system: str
    python: str
    packages: Mapping[str, str]
    load: float | None  # the average of the last minute
    at: str  # in UTC


def environment(packages: Iterable[str] = (), *, smi_seconds: float = SMI_SECONDS) -> Environment:
    """This machine, now. packages: those of the runtimes, with versions if installed.

    Imports no runtime: versions come from package metadata.
    """
    import psutil

    cpu, flags, cores = cpu_name(), vector_flags(), thread_budget()
    memory = psutil.virtual_memory().total / 2**30
    gpus, driver = _gpus(smi_seconds)
    affinity = kernel.affinity(os.getpid())
    return Environment(
        machine=machine_key(cpu, flags, cores, gpus, memory),
        cpu=cpu,
        vector_flags=flags,
        cores=cores,
        affinity=affinity,
        quota=cgroup_quota(),
        governor=kernel.governor(affinity),
        memory_gib=round(memory, 2),
        gpus=gpus,
        gpu_driver=driver,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        packages=_versions(dict.fromkeys((*_PACKAGES, *packages))),
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def machine_key(
    cpu: str, flags: Iterable[str], cores: int, gpus: Iterable[str], memory_gib: float
) -> str:
    """A short key that is equal for equal machines, independent of their names."""
    facts = [cpu, sorted(flags), cores, sorted(gpus), round(memory_gib)]
    # A letter first, or a table may take it for a number.
    return "m" + hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:11]


def _versions(packages: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _gpus(seconds: float) -> tuple[tuple[str, ...], str | None]:
    """Names of the NVIDIA GPUs, and their driver."""
    rows = _nvidia_smi("--query-gpu=name,driver_version", seconds)
    return tuple(name for name, *_ in rows), rows[0][1] if rows else None


def vram_mib(pid: int, smi_seconds: float = SMI_SECONDS) -> float | None:
    """GPU memory that a process holds now, over all GPUs; None if the driver does not say."""
    rows = _nvidia_smi("--query-compute-apps=pid,used_memory", smi_seconds)
    held = [float(used) for owner, used in rows if owner == str(pid) and used.isdigit()]
    return sum(held) if held else None


def _nvidia_smi(query: str, seconds: float) -> list[list[str]]:
    """The rows of its answer, memory in MiB; none if there is no driver, or it hangs."""
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[part.strip() for part in line.split(",")] for line in done.stdout.splitlines()]
    return [row for row in rows if len(row) == 2]


@dataclass(frozen=True)
class Contention:
    """Counters at one moment, in seconds since they began; two of them make an `Evidence`."""

    steal: float | None  # taken by the hypervisor, the mean over the cores it may run on
    pressure: float | None  # some task of the machine waited for a core
    throttled: float | None  # the container's quota was used up
    delays: Mapping[int, float] | None  # waiting for a core, by thread of the process
    clock_mhz: float | None  # clock of the core it last ran on


@dataclass(frozen=True)
class Evidence:
    """What happened between two readings, as shares of the wall time."""

    steal_share: float | None
    pressure_share: float | None
    throttled_share: float | None
    # Of the thread that waited longest, as a call ends with its last thread (a sum would grow with
    # their number); others' doing, for a block is one answer and the parent sleeps meanwhile.
    delay_share: float | None
    clock_mhz: float | None  # at the end
    clock_change: float | None  # -0.1 where it fell by 10%
    wall_seconds: float

    @classmethod
    def between(cls, before: Contention, after: Contention, wall_ns: int) -> "Evidence":
        """The evidence from two readings of the same process, and the time between them."""
        wall = wall_ns / 1e9
        return cls(
            steal_share=_share(before.steal, after.steal, wall),
            pressure_share=_share(before.pressure, after.pressure, wall),
            throttled_share=_share(before.throttled, after.throttled, wall),
            delay_share=_share(0.0, _longest(before.delays, after.delays), wall),
            clock_mhz=after.clock_mhz,
            clock_change=_change(before.clock_mhz, after.clock_mhz),
            wall_seconds=wall,
        )

    @property
    def disturbed(self) -> str | None:
        """How other processes interfered with this block, as far as known, or None."""
        found = []
        if _above(self.delay_share, MOST_DELAY):
            found.append(f"a thread waited for a core for {self.delay_share:.1%} of the time")
        # The kernel counts in ticks: the first one may be a remainder of long ago.
        tick = kernel.TICK_SECONDS / max(self.wall_seconds, 1e-9)
        if _above(self.steal_share, MOST_STEAL + tick):
            found.append(f"the hypervisor took {self.steal_share:.1%} of the time")
        if _above(self.throttled_share, MOST_THROTTLED):
            found.append(f"the CPU quota was used up for {self.throttled_share:.1%} of the time")
        if self.clock_change is not None and self.clock_change < -MOST_CLOCK_FALL:
            found.append(f"the clock dropped by {-self.clock_change:.0%}")
        if self.delay_share is None and _above(self.pressure_share, MOST_PRESSURE):
            found.append(f"some task waited for a core for {self.pressure_share:.1%} of the time")
        return "; ".join(found) or None


def read_contention(pid: int | None) -> Contention:
    """The current counters; pid: those of a process, or None for only those of the machine."""
    return Contention(
        steal=kernel.steal(kernel.affinity(pid) if pid else ()),
        pressure=kernel.pressure(),
        throttled=kernel.throttled(),
        delays=kernel.delays(pid) if pid else None,
        clock_mhz=kernel.clock_mhz(pid) if pid else None,
    )


def _longest(before: Mapping[int, float] | None, after: Mapping[int, float] | None) -> float | None:
    """The longest wait of any thread; a thread that has ended in between is lost."""
    if before is None or after is None:
        return None
    return max((count - before.get(thread, 0) for thread, count in after.items()), default=0.0)


def _share(before: float | None, after: float | None, wall: float) -> float | None:
    if before is None or after is None or wall <= 0:
        return None
    return max(0.0, after - before) / wall


def _change(before: float | None, after: float | None) -> float | None:
    return after / before - 1 if before and after is not None else None


def _above(share: float | None, most: float) -> bool:
    return share is not None and share > most
