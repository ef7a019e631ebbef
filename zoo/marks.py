"""Recognise files that this project wrote; only those are ever replaced.

A PNG carries the mark in its metadata, a page and a text in their first lines, a checkpoint in its
header. A table is known by its columns, and JSON by its keys.
"""

import json
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from zoo.errors import UsageError, ZooError
from zoo.tables import read_table

MARK = "onnx-zoo"
CHECKPOINT_KEY = "zoo"  # of the metadata in a safetensors header
MARKDOWN_LINE = f"<!-- {MARK} -->"
_HEAD = 4096  # bytes, among which the mark stands
_LARGEST = 1 << 26  # bytes of JSON that are looked through


def is_ours(path: Path, names: Collection[str] = ()) -> bool:
    """Whether this project wrote the file; one that cannot be read counts as written by others.

    names: the columns of a table, or keys of JSON objects, that identify it. A file with an unknown
    extension is checked as a PNG.
    """
    try:
        return path.is_file() and _KINDS.get(path.suffix, _png)(path, frozenset(names))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False


def refuse_others(paths: Iterable[Path], remedy: str, names: Collection[str] = ()) -> None:
    """Refuse existing files that are not ours, before anything is made to replace them.

    remedy: what may be done besides moving them away.
    """
    for path in paths:
        if path.is_dir():
            raise ZooError(f"cannot write {path}: this is a folder; name a file.")
        if os.path.lexists(path) and not is_ours(path, names):
            raise UsageError(
                f"{path} exists, and this program did not write it, so it is not replaced. "
                f"Move it away, or {remedy}."
            )


def _png(path: Path, names: frozenset[str]) -> bool:
    head = _head(path)
    return head.startswith(b"\x89PNG\r\n") and b"tEXtSoftware\0" + MARK.encode() in head


def _page(path: Path, names: frozenset[str]) -> bool:
    return f'<meta name="generator" content="{MARK}">'.encode() in _head(path)


def _markdown(path: Path, names: frozenset[str]) -> bool:
    return _head(path).startswith(MARKDOWN_LINE.encode())


def _checkpoint(path: Path, names: frozenset[str]) -> bool:
    with path.open("rb") as handle:
        length = int.from_bytes(handle.read(8), "little")
        header = json.loads(handle.read(min(length, _LARGEST)))
    return CHECKPOINT_KEY in header["__metadata__"]


def _json(path: Path, names: frozenset[str]) -> bool:
    if path.stat().st_size > _LARGEST:
        return False
    return bool(names) and names <= json.loads(path.read_text(encoding="utf-8")).keys()


def _table(path: Path, names: frozenset[str]) -> bool:
    line = _head(path).decode("utf-8", errors="ignore").partition("\n")[0]
    return bool(names) and names <= set(read_table([line])[0])


def _lines(path: Path, names: frozenset[str]) -> bool:
    """Lines of JSON; a killed process may have cut off the first, or there may be none yet."""
    head = _head(path).decode("utf-8", errors="ignore")
    return not head or (head.startswith("{") and all(f'"{name}": ' in head for name in names))


def _head(path: Path) -> bytes:
    with path.open("rb") as handle:
        return handle.read(_HEAD)


_KINDS = {
    ".png": _png,
    ".html": _page,
    ".md": _markdown,
    ".safetensors": _checkpoint,
    ".json": _json,
    ".jsonl": _lines,
    ".csv": _table,
}
