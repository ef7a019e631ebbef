"""How much memory a process may use, and how the limit is enforced.

Free memory is limited by the control groups of a container.
"""

import contextlib
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

_SHARE = 0.75  # share of free memory: the rest is for other processes, and for late detection
_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
# Reserved, not used: the stack of a thread, and what malloc sets apart for it.
_OF_A_THREAD = 80 << 20
UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


@contextlib.contextmanager
def memory_errors(advice: str) -> Iterator[None]:
    """Turn running out of memory in the block into an error with advice."""
    try:
        yield
    except MemoryError as error:
        raise ZooError(f"out of memory. {advice}") from error
    except RuntimeError as error:  # torch's own, of a CPU and of a GPU
        if not any(words in str(error) for words in ("allocate memory", "out of memory")):
            raise
        raise ZooError(f"out of memory. {advice}") from error


def default_bound(processes: int = 1) -> int:
    """The default memory limit in bytes of a process, one of several at a time."""
    return int(memory_left() * _SHARE) // processes


def memory_left() -> int:
    """Bytes that can be allocated now without harm to other processes."""
    import psutil

    return min([psutil.virtual_memory().available, *_left_in_groups()])


def _left_in_groups() -> Iterator[int]:
    """The free memory of each control group of this process that has a limit."""
    for folder, limit, usage, cache in _groups():
        with contextlib.suppress(OSError, ValueError):  # `max` is not a number: there is no limit
            most, used = (int((folder / name).read_text()) for name in (limit, usage))
            yield max(0, most - used + _reclaimable(folder / "memory.stat", cache))


def _groups() -> Iterator[tuple[Path, str, str, str]]:
    """Folders, from the process's own up, with the names that its version of cgroups has."""
    try:
        lines = (_PROC / "self" / "cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if not controllers:
            root, names = _GROUPS, ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            root = _GROUPS / "memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        own = root / place.lstrip("/")
        for folder in (own, *own.parents):
            if folder.is_relative_to(root):
                yield folder, *names


def _reclaimable(path: Path, name: str) -> int:
    """The memory of cached files that the kernel can reclaim."""
    fields = (line.split() for line in path.read_text().splitlines())
    return next((int(value) for key, value in fields if key == name), 0)


def limit_address_space(most: int, threads: int = 1) -> None:
    """Let this process allocate so many more bytes; beyond that, allocations fail."""
    set_address_space(_reserved() + threads * _OF_A_THREAD + most)


def set_address_space(most: int | None) -> None:
    """Limit the address space of this process in bytes, None for no limit."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    limits = [part for part in (most, hard) if part not in (None, resource.RLIM_INFINITY)]
    soft = min(limits, default=resource.RLIM_INFINITY)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def limits_address_space() -> bool:
    """Whether the kernel enforces such a limit; macOS only stores it."""
    return sys.platform == "linux"


def _reserved() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int((_PROC / "self" / "statm").read_text().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


class Watch:
    """Tells when the resident memory of a process exceeds a bound; a check takes 20 us."""

    def __init__(self, pid: int, most: int, every: float = 0.25) -> None:
        """most: bytes. every: seconds between two checks."""
        import psutil

        self.most, self.every = most, every
        self._process: Any = psutil.Process(pid)
        self._gone = psutil.Error

    def exceeded(self) -> bool:
        """Whether it takes more now."""
        try:
            return bool(self._process.memory_info().rss > self.most)
        except self._gone:
            return False  # which its pipe tells, too


def size_text(count: int) -> str:
    """`8 GB`, `512 MB`: as `--memory` takes it."""
    for unit, size in reversed(UNITS.items()):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count} bytes"
