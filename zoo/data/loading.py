"""`load`: find a dataset, decode it once, open it from the cache."""

import hashlib
from pathlib import Path

import numpy as np

from zoo.data.arrays import DataFacts, write_arrays
from zoo.data.cache import FORMAT, Entry, build_entry, cache_root, open_entry
from zoo.data.catalog import is_path, name_of_path, origin_of
from zoo.data.dataset import Dataset
from zoo.data.identity import identify, stat_signature
from zoo.data.known import KNOWN
from zoo.data.pixels import View
from zoo.data.sources import SPLITS, Origin, check_classes
from zoo.errors import ZooError
from zoo.progress import Progress

SILENT = Progress()
LISTED = 5


def load(
    name: str = "cifar10",
    *,
    data_dir: Path | None = None,
    size: tuple[int, int] | int | None = None,
    grey: bool = False,
    skip_bad: bool = False,
    cache_dir: Path | None = None,
    progress: Progress = SILENT,
) -> Dataset:
    """Open the dataset `name`: a known one, or a folder or zip of train/<class>/ and test/<class>/.

    data_dir: where local copies of known datasets lie, else $ZOO_DATA; without a copy they are
        downloaded.
    size, grey: another view: (height, width) or one side in pixels, and one channel.
    skip_bad: leave unreadable images out instead of stopping.
    cache_dir: where decoded images are kept, else $ZOO_CACHE, else ~/.cache/onnx-zoo.
    """
    root = cache_root(cache_dir)
    view = _changed(name, View.of(size, grey))
    origin = origin_of(name, data_dir, root, progress)
    entry = _entry(origin, view, root, progress)
    facts = entry.facts
    _tell_unreadable(origin, facts, skip_bad, progress)
    return Dataset(
        name=name_of_path(Path(name)) if is_path(name) else name,
        class_names=facts.class_names,
        train=entry.train,
        test=entry.test,
        fingerprint=facts.fingerprint,
        mean=facts.mean,
        std=facts.std,
        view=str(view),
        mirror=KNOWN[name].mirror if name in KNOWN else True,
        skipped=tuple(_full_name(origin, where) for where, _ in facts.skipped),
    )


def _changed(name: str, view: View) -> View:
    """`view` without changes that make no difference to `name`, so that no second copy is made."""
    if name not in KNOWN:
        return view
    shape = KNOWN[name].shape
    return View(
        size=None if view.size == shape[:2] else view.size,
        grey=view.grey and shape[2] == 3,
    )


def _entry(origin: Origin, view: View, root: Path, progress: Progress) -> Entry:
    identity = identify(origin, root)
    key = hashlib.sha256(f"{FORMAT} {identity.key} {view}".encode()).hexdigest()
    found = open_entry(root, key)
    if found:
        return found

    def build(folder: Path) -> DataFacts:
        with origin.open() as source:
            check_classes(source.class_names, source.labels, origin.title)
            facts = write_arrays(source, view, folder, progress)
        if stat_signature(origin) != identity.signature:
            raise ZooError(
                f"{origin.title} changed while it was being read. Run the command again."
            )
        _check_rest(origin, facts, folder)
        return facts

    return build_entry(
        root,
        key,
        build,
        lambda: progress.say(f"waiting for another process that is decoding {origin.title}"),
    )


def _check_rest(origin: Origin, facts: DataFacts, folder: Path) -> None:
    """Every class must have readable images, even if bad ones are skipped."""
    labels = {split: np.load(folder / f"{split}-labels.npy") for split in SPLITS}
    try:
        check_classes(facts.class_names, labels, origin.title)
    except ZooError as error:
        raise ZooError(f"{error}\n{_unreadable(origin, facts)}") from error


def _tell_unreadable(origin: Origin, facts: DataFacts, skip_bad: bool, progress: Progress) -> None:
    if not facts.skipped:
        return
    text = _unreadable(origin, facts)
    if not skip_bad:
        raise ZooError(f"{text}\nRepair or remove them; train and samples can also --skip-bad.")
    progress.say(f"{text}\nThey are left out.")


def _unreadable(origin: Origin, facts: DataFacts) -> str:
    count = len(facts.skipped)
    lines = [f"{_full_name(origin, name)}: {why}" for name, why in facts.skipped[:LISTED]]
    if count > LISTED:
        lines.append(f"and {count - LISTED} more")
    noun = "image" if count == 1 else "images"
    return "\n  ".join([f"{count} {noun} of {origin.title} cannot be read:", *lines])


def _full_name(origin: Origin, name: str) -> str:
    return str(origin.path / name) if origin.path else name
