"""Decoded datasets on disk: whole entries only, built by one process at a time.

    <root>/entries/<key>/   meta.json and four .npy files, complete or not there
    <root>/building/<key>/  the work of the builder that holds locks/<key>
    <root>/locks/<key>      never removed, since another process may be waiting on it
    <root>/memo/            see `identity`

A killed builder leaves its folder in building/, but the kernel frees its lock.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from zoo.data.arrays import DataFacts
from zoo.data.dataset import Split
from zoo.data.sources import SPLITS
from zoo.errors import ZooError
from zoo.files import lock_file, locked, sync_folder, try_lock, write_json, writing

FORMAT = 1
META = "meta.json"
_DAMAGED = ".damaged"
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Entry:
    """One cached dataset, memory-mapped read-only."""

    facts: DataFacts
    train: Split
    test: Split


def cache_root(cache_dir: Path | None) -> Path:
    """`cache_dir`, else $ZOO_CACHE, else ~/.cache/onnx-zoo."""
    if cache_dir is not None:
        return cache_dir
    given = os.environ.get("ZOO_CACHE")
    return Path(given).expanduser() if given else Path.home() / ".cache" / "onnx-zoo"


def open_entry(root: Path, key: str) -> Entry | None:
    """The entry `key`, or None if there is none or it is damaged, such as by a truncated file."""
    folder = root / "entries" / key
    try:
        meta = json.loads((folder / META).read_text(encoding="utf-8"))
        facts = DataFacts(
            class_names=tuple(meta["class_names"]),
            fingerprint=meta["fingerprint"],
            mean=tuple(meta["mean"]),
            std=tuple(meta["std"]),
            skipped=tuple((name, reason) for name, reason in meta["skipped"]),
        )
        return Entry(facts, *(_open_split(folder, split) for split in SPLITS))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def build_entry(
    root: Path, key: str, build: Callable[[Path], DataFacts], on_wait: Callable[[], None]
) -> Entry:
    """Open the entry `key`; if needed, `build` first writes it into the folder it is given.

    While another process builds it, `on_wait` is called once and its result is then used.
    """
    with writing(root):
        for name in ("entries", "building", "locks"):
            (root / name).mkdir(parents=True, exist_ok=True)
    with locked(root / "locks" / key, on_wait):
        found = open_entry(root, key)
        if found:
            return found
        with writing(root):
            _sweep(root, key)
        folder = root / "building" / key
        try:
            with writing(folder):
                folder.mkdir()
            write_json(folder / META, asdict(build(folder)))
            _publish(root, key, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        found = open_entry(root, key)
    if not found:
        raise ZooError(f"the cache entry {root / 'entries' / key} vanished while it was built.")
    return found


def _open_split(folder: Path, split: str) -> Split:
    # Mapping fails where the file is shorter than its header says.
    # Plain arrays over the map: np.memmap's own subclass makes every slice slower.
    # Copy on write: the file is safe, and torch takes the array without a warning or a copy.
    images = np.asarray(np.load(folder / f"{split}-images.npy", mmap_mode="c"))
    labels = np.asarray(np.load(folder / f"{split}-labels.npy", mmap_mode="c"))
    if images.dtype != np.uint8 or images.ndim != 4 or labels.shape != images.shape[:1]:
        raise ValueError(f"the arrays in {folder} do not match their description")
    return Split(images, labels)


def _publish(root: Path, key: str, folder: Path) -> None:
    entry = root / "entries" / key
    with writing(entry):
        if entry.exists():
            damaged = root / "building" / f"{key}{_DAMAGED}"
            entry.rename(damaged)
            shutil.rmtree(damaged)
        folder.rename(entry)
        sync_folder(entry.parent)


def _sweep(root: Path, own: str) -> None:
    """Remove what killed builders left: their lock is free, for they hold it while they live.

    What has no lock of its name was not left by a builder, which makes the lock first.
    """
    for leftover in (root / "building").iterdir():
        key = leftover.name.removesuffix(_DAMAGED)
        lock = root / "locks" / key
        if key == own:
            shutil.rmtree(leftover)
        elif _KEY.fullmatch(key) and lock.is_file():
            with lock_file(lock) as handle:
                if try_lock(handle):
                    shutil.rmtree(leftover, ignore_errors=True)
