"""Files that are either whole or not there: written under a temporary name, synced, renamed."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.errors import ZooError

_CAUSES = {
    errno.ENOSPC: "the disk is full; free some space and go on",
    errno.EDQUOT: "the disk quota is used up; free some space and go on",
    errno.EROFS: "the file system is read-only; name another folder",
    errno.EACCES: "this folder may not be written to; name another one or change its permissions",
    errno.EPERM: "this folder may not be written to; name another one or change its permissions",
    errno.ENOTDIR: "a part of this path is a file, not a folder; name another one",
    errno.EISDIR: "this is a folder; name a file",
    errno.EEXIST: "a file of this name stands in the way; name another folder",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write `path` into a `ZooError` that names the fix."""
    try:
        yield
    except OSError as error:
        cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
        raise ZooError(f"cannot write {path}: {cause}.") from error


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; what is there when the block ends becomes `path`.

    When the block fails, or the process dies, the old file stays as it was.
    """
    with writing(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb") as handle:
                os.fsync(handle.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` last through a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text`, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Replace `path` by `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
