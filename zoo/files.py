"""Write files atomically: under a temporary name, synced, then renamed."""

import errno
import fcntl
import glob
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

_UNFINISHED = ".onnx-zoo.tmp"
_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space and try again",
    errno.EDQUOT: "the disk quota is used up; free some space and try again",
    errno.EFBIG: "the file would be larger than this system allows",
    errno.EMFILE: "this process has too many open files; raise `ulimit -n`",
    errno.EROFS: "the file system is read-only; name another folder",
    errno.EACCES: "no permission to write to this folder; change that, or name another folder",
    errno.EPERM: "no permission to write to this folder; change that, or name another folder",
    errno.ENOTDIR: "a part of this path is a file, not a folder; name another one",
    errno.EISDIR: "this is a folder; name a file",
    errno.EEXIST: "a file has this name; name another folder",
}


def cause_of(error: OSError) -> str:
    """What the operating system refused, and how to fix it."""
    return _CAUSES.get(error.errno or 0, error.strerror or str(error))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write `path` into a `ZooError` that names the fix."""
    try:
        yield
    except OSError as error:
        raise ZooError(f"cannot write {path}: {cause_of(error)}.") from error


def check_writable(folder: Path) -> None:
    """Refuse early a folder that cannot be created or written to; nothing is created."""
    with writing(folder):
        nearest = folder
        while not os.path.lexists(nearest):
            nearest = nearest.parent
        if not nearest.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(nearest, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; at the end of the block it is renamed to `path`.

    If the block fails or the process dies, the old file stays as it was.
    """
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        temporary = path.with_name(f".{path.name}.{os.getpid()}{_UNFINISHED}")
        with lock_file(temporary) as alive:
            with suppress(OSError):  # a file system without locks
                try_lock(alive)
            try:
                yield temporary
                with temporary.open("rb") as handle:
                    os.fsync(handle.fileno())
                temporary.replace(path)
                sync_folder(path.parent)
            finally:
                temporary.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove temporary files of `path` from killed processes; the kernel has freed their locks."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.*{_UNFINISHED}"):
        with suppress(OSError), lock_file(leftover) as handle:
            if try_lock(handle):
                leftover.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text`, atomically."""
    with atomic(path) as temporary:
        # A lone surrogate, which JSON may hold, becomes the escape that JSON has for it.
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


@contextmanager
def locked(path: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Be the only process in this block; `on_wait` is called once if another one is in it.

    The kernel frees the lock of a process that dies. The file stays, because others may wait on it.
    """
    with lock_file(path) as handle:
        if not try_lock(handle):
            on_wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def lock_file(path: Path) -> Iterator[int]:
    """An open handle that `try_lock` takes; the lock ends with the block."""
    with writing(path):
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)


def try_lock(handle: int) -> bool:
    """Whether the lock was free, and is now held."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
