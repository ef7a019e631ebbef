"""Measure rows of two sweeps again, in turns, if what ran then can run here now.

That needs both files, and the machine and runtime of both rows: if a runtime was upgraded in
between, only the new version is installed, and the old one cannot be measured any more.
"""

import tempfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.measuring.arm_process import ArmProcess
from bench.measuring.environment import environment
from bench.measuring.turns import Plan, take_turns
from bench.results.rows import Row
from bench.runtimes import Order
from bench.stats.ratios import PairedRatio
from bench.subjects.arm import Arm
from bench.subjects.images import Gallery
from bench.subjects.subject import Subject, find_subjects, of_file
from bench.sweep.matrix import PRESETS
from zoo.errors import ZooError
from zoo.inspection.inspector import Inspector
from zoo.ort.given import Given
from zoo.progress import Progress


class Remeasurer:
    """Finds the files of two rows by their hashes, among published models and at their paths.

    given: what third-party files do not say; timeout: seconds per answer; memory: the limit of an
    arm in bytes.
    """

    def __init__(
        self,
        exports: Path | None,
        *,
        data_dir: Path | None = None,
        given: Given | None = None,
        timeout: float = Plan.timeout,
        memory: int | None = None,
    ) -> None:
        self.exports = exports
        self.data_dir = data_dir
        self.given = given or Given()
        self.timeout = timeout
        self.memory = memory

    @cached_property
    def _known(self) -> dict[str, Subject]:
        try:
            subjects = find_subjects([], self.exports)
        except ZooError:
            return {}
        return {subject.sha256: subject for subject in subjects}

    def __call__(self, base: Row, new: Row) -> PairedRatio | None:
        """Time of `new` / time of `base`, measured now.

        None if a file is unavailable, or if nothing that is available here differs; `ZooError` if
        the machine or a runtime is a different one now.
        """
        found = [self._find(row) for row in (base, new)]
        if found[0] is None or found[1] is None:
            return None
        orders = _order(base, found[0], self.memory), _order(new, found[1], self.memory)
        one, other = (replace(order, model="", shown=None) for order in orders)
        if base.sha256 == new.sha256 and one == other:
            return None  # it would be the same computation twice
        if (base.machine, new.machine) != (self._machine, self._machine):
            raise ZooError("the two files were not both measured on this machine")
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            self._refuse_other_runtime(base, orders[0])
            height, width, channels = self._refuse_other_runtime(new, orders[1])["image_shape"]
            gallery = Gallery(Path(folder), self.data_dir, Progress())
            images = gallery.of(found[1], (height, width, channels))
            turns = take_turns(
                *orders,
                images.batches(new.batch, Path(folder)),
                new.batch,
                replace(PRESETS["standard"].pair, timeout=self.timeout),
            )
        if turns.wrong:
            raise ZooError(f"{turns.wrong} timed calls gave different logits than before")
        return turns.ratio()

    @cached_property
    def _machine(self) -> str:
        return environment().machine

    def _refuse_other_runtime(self, row: Row, order: Order) -> dict[str, Any]:
        """Refuse unless the installed runtime is the one that the row was measured with."""
        with ArmProcess(order, self.timeout) as arm:
            installed = arm.facts["what_ran"].get("runtime_version")
            if row.runtime_version is None or installed != row.runtime_version:
                was = row.runtime_version or "an unknown runtime"
                raise ZooError(f"measured with {was}, but {installed or 'another'} is installed")
            return arm.facts

    def _find(self, row: Row) -> Subject | None:
        """Find a file by its hash; a third-party file is read again, as it may have changed."""
        if row.sha256 in self._known:
            return self._known[row.sha256]
        if row.subject.lower().endswith(".onnx"):
            try:
                given = replace(self.given, data=row.dataset)
                with Inspector() as inspector:
                    subject = of_file(Path(row.subject), given, inspector)
            except ZooError:
                return None
            return subject if subject.sha256 == row.sha256 else None
        return None


def _order(row: Row, subject: Subject, memory: int | None = None) -> Order:
    arm = Arm(
        subject,
        row.runtime,
        row.provider,
        "device" if row.boundary == "device" else "host",
        row.threads,
        bool(row.cuda_graph),
        tf32=bool(row.tf32),
    )
    fell_back = row.elsewhere is not None
    return arm.order(allow_fallback=fell_back, memory=memory)
