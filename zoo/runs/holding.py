"""Lock a folder for one process at a time; a second one stops at once and says why.

While the lock is held, a file in the folder says by whom. The kernel frees the lock of a process
that dies; the next process takes over its file.
"""

import json
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from zoo.errors import UsageError, ZooError
from zoo.files import lock_file, try_lock, writing
from zoo.records import read

LOCK = ".run.lock"


@dataclass(frozen=True)
class Holder:
    """The process that holds a folder."""

    pid: int
    command: str
    since: str  # local time, to the second

    @classmethod
    def this_process(cls) -> "Holder":
        command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
        return cls(os.getpid(), command, f"{datetime.now():%Y-%m-%d %H:%M:%S}")

    def __str__(self) -> str:
        return f"process {self.pid} ({self.command}), since {self.since}"


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Be the only process in this block, or stop at once (`ZooError`)."""
    path = folder / LOCK
    with lock_file(path) as handle:
        if not try_lock(handle):
            raise _refusal(folder)
        if not _is_still(path, handle):  # its last holder removed it after we had opened it
            with holding(folder):
                yield
            return
        if path.stat().st_size and not _holder(path):
            raise UsageError(
                f"{path} exists, and this program did not write it, so it is not replaced. "
                "Move it away, or name another folder."
            )
        with writing(path):
            os.truncate(handle, 0)
            os.write(handle, json.dumps(asdict(Holder.this_process())).encode())
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def refuse_held(folder: Path) -> None:
    """Stop (`ZooError`) if another process is changing the folder; nothing is written."""
    try:
        with (folder / LOCK).open("rb") as handle:
            free = try_lock(handle.fileno())
    except OSError:  # it was never held, or we may not open it
        return
    holder = _holder(folder / LOCK)
    if not free and not (holder and holder.pid == os.getpid()):
        raise _refusal(folder)


def _refusal(folder: Path) -> ZooError:
    holder = _holder(folder / LOCK) or "another process"
    return ZooError(f"{folder} is in use by {holder}. Wait for it to end, or stop it.")


def _holder(path: Path) -> Holder | None:
    try:
        found: Holder = read(Holder, json.loads(path.read_text(encoding="utf-8")), "holder")
    except (OSError, ValueError, RecursionError):
        return None
    return found


def _is_still(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(handle))
    except OSError:
        return False
