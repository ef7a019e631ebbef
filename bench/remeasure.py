"""Rows of two sittings are measured again, in turns, where both files are still at hand."""

import tempfile
from functools import cached_property
from pathlib import Path

from bench.arm import Arm
from bench.matrix import PRESETS
from bench.pictures import Gallery
from bench.results import Row
from bench.runtimes import Order
from bench.schedule import take_turns
from bench.stats import PairedRatio
from bench.subjects import Subject, find_subjects
from zoo.errors import ZooError
from zoo.progress import Progress


class Remeasurer:
    """Finds the files of two rows by their hashes, among what is published and beside it."""

    def __init__(self, exports: Path) -> None:
        self.exports = exports

    @cached_property
    def _known(self) -> dict[str, Subject]:
        try:
            subjects = find_subjects([], self.exports)
        except ZooError:
            return {}
        return {subject.sha256: subject for subject in subjects}

    def __call__(self, base: Row, new: Row) -> PairedRatio | None:
        """Time of `new` / time of `base`, measured now; None where a file is not at hand."""
        found = [self._find(row) for row in (base, new)]
        if found[0] is None or found[1] is None:
            return None
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            orders = _order(base, found[0]), _order(new, found[1])
            with Arm(orders[1]) as arm:
                height, width, channels = arm.facts["image_shape"]
            gallery = Gallery(Path(folder), None, Progress())
            pictures = gallery.of(found[1], (height, width, channels))
            turns = take_turns(
                *orders,
                pictures.batches(new.batch, Path(folder)),
                new.batch,
                PRESETS["standard"].pair,
            )
        return turns.ratio()

    def _find(self, row: Row) -> Subject | None:
        """By its hash; a foreign file may have changed since, so it is read again."""
        if row.sha256 in self._known:
            return self._known[row.sha256]
        if row.subject.lower().endswith(".onnx"):
            try:
                (subject,) = find_subjects([row.subject], self.exports)
            except ZooError:
                return None
            return subject if subject.sha256 == row.sha256 else None
        return None


def _order(row: Row, subject: Subject) -> Order:
    return Order(
        model=str(subject.path),
        runtime=row.runtime,
        provider=row.provider,
        threads=row.threads,
        boundary="device" if row.boundary == "device" else "host",
        tf32=bool(row.tf32),
    )
