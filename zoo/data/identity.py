"""The identity of a source's content, cached by the stat signature of its files.

Hashing 100 MB takes a quarter of a second; looking at sizes and times takes microseconds. A file
that was replaced or edited has another signature and is hashed again.
"""

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from zoo.data.pixels import LARGEST_FILE
from zoo.data.sources import Origin
from zoo.data.threads import over_chunks
from zoo.errors import ZooError
from zoo.files import write_json
from zoo.reading import open_regular

HASH_CHUNK_FILES = 64


@dataclass(frozen=True)
class Identity:
    """What identifies the content of a source."""

    key: str  # sha256 hex over their names and contents
    signature: str  # over their stats, which is quick


def identify(origin: Origin, root: Path) -> Identity:
    """The identity of the files of `origin`; cached in `root`."""
    if origin.path is None:
        return Identity(_text_hash(origin.kind), stat_signature(origin))
    signature = stat_signature(origin)
    memo = root / "memo" / f"{_text_hash(f'{origin.kind} {origin.path.resolve()}')}.json"
    known = _remembered(memo, signature)
    if known:
        return Identity(known, signature)
    key = _hash_contents(origin)
    # A cache that cannot be written may still hold the entry; only the shortcut is lost.
    with contextlib.suppress(ZooError):
        write_json(memo, {"path": str(origin.path), "signature": signature, "key": key})
    return Identity(key, signature)


def stat_signature(origin: Origin) -> str:
    """sha256 hex over name, size, times and inode of every file of `origin`."""
    digest = hashlib.sha256()
    for name in origin.names:
        digest.update(os.fsencode(name) + b"\n")
        if not name.endswith("/"):
            digest.update(_stat_text(origin, name).encode())
    return digest.hexdigest()


def _stat_text(origin: Origin, name: str) -> str:
    try:
        # Not through a Path: this is half the time of opening a folder of 60,000 images.
        stat = os.stat(_file(origin, name))  # noqa: PTH116
    except OSError as error:
        return _unreadable(origin, name, error)
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino} {stat.st_dev}\n"


def _remembered(memo: Path, signature: str) -> str | None:
    try:
        record = json.loads(memo.read_text(encoding="utf-8"))
        return str(record["key"]) if record["signature"] == signature else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hash_contents(origin: Origin) -> str:
    names = sorted(origin.names)
    digest = hashlib.sha256(origin.kind.encode())

    def work(span: range) -> bytes:
        return b"".join(_part_hash(origin, names[index]) for index in span)

    for parts in over_chunks(work, len(names), HASH_CHUNK_FILES):
        digest.update(parts)
    return digest.hexdigest()


def _part_hash(origin: Origin, name: str) -> bytes:
    """64 bytes: the hash of the name and that of the content, if it has one."""
    content = hashlib.sha256()
    if not name.endswith("/"):
        try:
            # An archive may have any size, a file of a folder that of an image.
            with open_regular(Path(_file(origin, name)), LARGEST_FILE if name else None) as handle:
                content = hashlib.file_digest(handle, "sha256")
        except OSError as error:
            content.update(_unreadable(origin, name, error).encode())
    return hashlib.sha256(os.fsencode(name)).digest() + content.digest()


def _unreadable(origin: Origin, name: str, error: OSError) -> str:
    """A placeholder for an unreadable file's content: one bad image of many may be skipped."""
    if not name:
        raise ZooError(f"cannot read {origin.path}: {error.strerror}.") from error
    return f"unreadable: {error.errno}\n"


def _file(origin: Origin, name: str) -> str:
    return f"{origin.path}/{name}" if name else str(origin.path)


def _text_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
