"""Check answers: timed calls against the reference, the whole test set against its labels."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measuring.arm_process import ArmError, ArmProcess
from bench.measuring.warm_process import WarmProcess
from bench.results.accuracy import Logits, accuracy_of, difference
from bench.results.predictions import predictions_key
from bench.results.rows import Scored
from bench.runtimes.registry import apart_by, computes_in
from bench.subjects.arm import Arm
from bench.subjects.images import ImageFiles
from bench.sweep.columns import accuracy_columns, from_card, of_card
from bench.sweep.matrix import Settings
from zoo.data.class_names import columns_by_name, is_in_order
from zoo.inspection.steadiness import examine
from zoo.parity import COMPUTED_IN, ELSEWHERE, TURNED_IN_BENCH, largest, tolerance
from zoo.progress import Progress

_ACCURACY_BATCH = 64
_PROBED = 48  # images that show whether an answer depends on more than its image


class Referee:
    """Holds the answers of the reference, and runs it if it was not measured itself."""

    def __init__(self, settings: Settings, folder: Path, progress: Progress) -> None:
        self.settings = settings
        self.folder = folder
        self.progress = progress
        self._predicted: dict[str, NDArray[np.int64]] = {}
        self._doubts: dict[str, str] = {}
        self._accuracies: dict[tuple[str, int], Scored] = {}
        self._logits: dict[tuple[str, int], Logits] = {}
        self._answers: dict[tuple[str, int], Logits] = {}

    def check(
        self, arm: Arm, batch: int, answers: Logits, images: Path, computed_in: str | None = None
    ) -> None:
        """The timed calls must give what the reference gives for the same batches of images.

        computed_in: as reported by the arm, see the column of that name.
        """
        key = (arm.subject.name, batch)
        if arm.is_reference:
            self._answers[key] = answers
        elif key not in self._answers:
            self._answers[key] = self._asked(arm, "batch", images, batch)
        expected = self._answers[key]
        if answers.shape != expected.shape:
            classes = f"{answers.shape[1]} classes, the reference has {expected.shape[1]}"
            raise ArmError(f"its logits are wrong: they have {classes}")
        apart = largest(answers - expected)
        bound = tolerance(_share(arm, computed_in), largest(expected)) + spread(arm)
        if not apart <= bound:
            raise ArmError(
                f"its logits are wrong: {apart:.3g} away from the reference's; {bound:.3g} is "
                "allowed"
            )

    def accuracy(
        self,
        name: str,
        warm: WarmProcess,
        arm: Arm,
        images: ImageFiles,
        batches: Sequence[int],
    ) -> dict[int, Scored]:
        """The accuracy of an arm, for each batch size.

        It is measured once, or at each batch size if answers depend on more than the image.
        """
        opened = warm.process()
        usual = opened.facts["fixed_batch"] or _ACCURACY_BATCH
        if name not in self._doubts:
            self._doubts[name] = self._doubt(opened, arm, images, {*batches, usual})
        doubt = self._doubts[name]
        columns = {}
        for batch in batches:
            key = name, batch if doubt else usual
            if key not in self._accuracies:
                stored = predictions_key(name, batch if doubt else None)
                found = self._measured(stored, opened, arm, images, key[1])
                self._accuracies[key] = replace(found, answers_vary=doubt or None)
            columns[batch] = self._accuracies[key]
        return columns

    def take_predicted(self) -> dict[str, NDArray[np.int64]]:
        """The classes predicted since the last call, by `Row.predictions`."""
        taken, self._predicted = self._predicted, {}
        return taken

    def _doubt(
        self, opened: ArmProcess, arm: Arm, images: ImageFiles, sizes: Collection[int]
    ) -> str:
        """A message about what the arm's answers depend on besides the image, or ""."""
        path, out = self.folder / "probe.npy", self.folder / "probed.npy"

        def ask(images: NDArray[Any], size: int) -> Logits:
            np.save(path, images)
            opened.ask("predict", images=str(path), size=size, logits=str(out))
            given: Logits = np.load(out)
            return given

        if not self.settings.batches:  # doubled as long as it pays: the small ones tell enough
            sizes = {min(size, _ACCURACY_BATCH) for size in sizes}
        found = examine(ask, images.few[:_PROBED], sizes)
        less = arm.tf32 or computes_in(arm.runtime) != "fp32"
        rounded = tolerance(apart_by(arm.runtime), found.largest) if less else 0.0
        doubt = found.doubt(rounded + spread(arm))
        if doubt:
            name = f"{arm.subject.name} {arm.subject.precision}, {arm.runtime}"
            self.progress.say(f"{name}: {doubt}; accuracy is measured at each batch size")
        return doubt

    def _measured(
        self, stored: str, opened: ArmProcess, arm: Arm, images: ImageFiles, size: int
    ) -> Scored:
        """Measure on the whole test set, through the timed session, at one batch size.

        stored: the key under which predictions are stored.
        """
        if images.test is None or images.labels is None:
            raise AssertionError("accuracy needs a test set")
        subject, classes = arm.subject, len(images.class_names)
        logits = self._predict(opened, arm, images.test, len(images.labels), size)
        if logits.shape[1] != classes:
            told = f"it gives {logits.shape[1]} classes, {subject.dataset} has {classes}"
            return from_card(arm, told)
        key = subject.name, size
        if arm.is_reference:
            self._logits[key] = logits
        elif key not in self._logits:
            self._logits[key] = self._asked(arm, "predict", images.test, size)
        reference = self._logits[key]
        order = columns_by_name(subject.class_names or (), images.class_names)
        if by_name := order is not None and not is_in_order(order):
            logits, reference = logits[:, order], reference[:, order]
        found = accuracy_of(logits, images.labels)
        apart = difference(logits, reference, images.labels)
        self._predicted[stored] = logits.argmax(axis=1)
        self._predicted[f"labels|{subject.dataset}"] = images.labels
        reason, said = None, of_card(arm)
        if said and abs(said.correct - found.correct) > TURNED_IN_BENCH * found.images:
            reason = f"the card says {said.correct:,} of {said.images:,}"
        return Scored(
            **accuracy_columns(found),
            classes=classes,
            class_order="by name" if by_name else None,
            accuracy_source="measured",
            accuracy_reason=reason,
            accuracy_batch=size,
            agreement=apart.agreement,
            mcnemar_p=apart.mcnemar_p,
            max_difference=apart.largest,
        )

    def _predict(self, opened: ArmProcess, arm: Arm, test: Path, images: int, size: int) -> Logits:
        """The logits of the whole test set at one batch size."""
        out, subject = self.folder / "logits.npy", arm.subject
        label = f"accuracy of {subject.name} {subject.precision}, {arm.runtime}, batch {size}"
        with self.progress.task(label, images) as advance:
            opened.ask(
                "predict",
                images=str(test),
                size=size,
                logits=str(out),
                on_progress=advance,
            )
        logits: Logits = np.load(out)
        return logits

    def _asked(self, arm: Arm, what: str, images: Path, size: int) -> Logits:
        """Run the arm's reference in a separate process."""
        out = self.folder / "reference.npy"
        kept_in: dict[str, Any] = {"answers" if what == "batch" else "logits": str(out)}
        with ArmProcess(self.settings.order(arm.reference()), self.settings.timeout) as opened:
            opened.ask(what, images=str(images), size=size, **kept_in)
        given: Logits = np.load(out)
        return given


def _share(arm: Arm, computed_in: str | None) -> float:
    """For `tolerance`: the runtime's rounding, and int8 files without a card."""
    share = apart_by(arm.runtime)
    if arm.subject.card is None and "int8" in (computed_in or ""):
        share = max(share, COMPUTED_IN["int8"])
    return share


def spread(arm: Arm) -> float:
    """How much more than fp32 the answers of an artifact's fp16 or int8 file may differ."""
    card = arm.subject.card
    if card is None or arm.subject.precision == "fp32":
        return 0.0
    return ELSEWHERE * max(card.precisions[arm.subject.precision].max_difference.values())
