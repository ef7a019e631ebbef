"""Whether answers are right: of timed calls by the reference, of a whole test set by its labels."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import matrix
from bench.accuracy import Logits, accuracy_of, difference
from bench.arm import Arm, ArmError
from bench.columns import accuracy_columns, from_card, of_card
from bench.journal import Journal
from bench.kept import Kept
from bench.matrix import Settings
from bench.pictures import Pictures
from bench.results import read_predictions, write_predictions
from zoo.progress import Progress

_ACCURACY_BATCH = 64
_SAME = 1e-3  # of (1 + the largest logit): how far another fp32 engine's answers may be
_TURNED = 1e-3  # share of the pictures whose class may turn on another CPU, which rounds otherwise
_SPREAD = 1.5  # how much farther than at the gate an fp16 or int8 file may be on this machine


class Referee:
    """Knows what the reference answers, and asks it where it was not measured itself."""

    def __init__(
        self, settings: Settings, journal: Journal, folder: Path, progress: Progress
    ) -> None:
        self.settings = settings
        self.journal = journal
        self.folder = folder
        self.progress = progress
        self._predicted = _predictions(journal)
        self._accuracies: dict[str, dict[str, Any]] = {}
        self._logits: dict[str, Logits] = {}
        self._answers: dict[tuple[str, int], Logits] = {}

    def check(self, arm: matrix.Arm, batch: int, answers: Logits, pictures: Path) -> None:
        """The timed calls must give what the reference gives for the same batches of pictures."""
        key = (arm.subject.name, batch)
        if arm.is_reference:
            self._answers[key] = answers
        elif key not in self._answers:
            self._answers[key] = self._asked(arm, "batch", pictures, batch)
        expected = self._answers[key]
        if answers.shape != expected.shape:
            classes = f"{answers.shape[1]} classes, the reference {expected.shape[1]}"
            raise ArmError(f"its logits are wrong: they are of {classes}")
        apart = float(np.abs(answers - expected).max(initial=0))
        bound = _SAME * (1 + float(np.abs(expected).max(initial=0)))
        card = arm.subject.card
        if card and arm.subject.precision != "fp32":
            seen = card.precisions[arm.subject.precision].max_difference
            bound += _SPREAD * max(seen.values())
        if not apart <= bound:
            raise ArmError(
                f"its logits are wrong: {apart:.3g} away from the reference's, allowed {bound:.3g}"
            )

    def accuracy(
        self, name: str, kept: Kept, arm: matrix.Arm, pictures: Pictures
    ) -> dict[str, Any]:
        """The columns of accuracy of the arm of that name, measured once."""
        if name not in self._accuracies:
            self._accuracies[name] = self._measured(name, kept.arm(), arm, pictures)
        return self._accuracies[name]

    def _measured(
        self, name: str, opened: Arm, arm: matrix.Arm, pictures: Pictures
    ) -> dict[str, Any]:
        """Over the whole test set, through the session that was timed."""
        if pictures.test is None or pictures.labels is None:
            raise AssertionError("accuracy needs a test set")
        out, subject = self.folder / "logits.npy", arm.subject
        size = opened.facts["fixed_batch"] or _ACCURACY_BATCH
        label = f"accuracy of {subject.name} {subject.precision}, {arm.runtime}"
        with self.progress.task(label, len(pictures.labels)) as advance:
            opened.ask(
                "predict",
                pictures=str(pictures.test),
                size=size,
                logits=str(out),
                on_progress=advance,
            )
        logits: Logits = np.load(out)
        classes = len(pictures.class_names)
        if logits.shape[1] != classes:
            told = f"it gives {logits.shape[1]} classes, {subject.dataset} has {classes}"
            return from_card(arm, told)
        if arm.is_reference:
            self._logits[subject.name] = logits
        elif subject.name not in self._logits:
            self._logits[subject.name] = self._asked(arm, "predict", pictures.test, size)
        found = accuracy_of(logits, pictures.labels)
        apart = difference(logits, self._logits[subject.name], pictures.labels)
        self._predicted[name] = logits.argmax(axis=1)
        self._predicted[f"labels|{subject.dataset}"] = pictures.labels
        write_predictions(self.journal.path, self._predicted)
        columns = {
            **accuracy_columns(found),
            "accuracy_source": "measured",
            "agreement": apart.agreement,
            "mcnemar_p": apart.mcnemar_p,
            "max_difference": apart.largest,
        }
        said = of_card(arm)
        if said and abs(said.correct - found.correct) > _TURNED * found.images:
            columns["accuracy_reason"] = f"the card says {said.correct:,} of {said.images:,}"
        return columns

    def _asked(self, arm: matrix.Arm, what: str, pictures: Path, size: int) -> Logits:
        """The answer of the arm's reference, in a process of its own."""
        out = self.folder / "reference.npy"
        kept_in: dict[str, Any] = {"answers" if what == "batch" else "logits": str(out)}
        with Arm(arm.reference().order(self.settings), self.settings.timeout) as opened:
            opened.ask(what, pictures=str(pictures), size=size, **kept_in)
        given: Logits = np.load(out)
        return given


def _predictions(journal: Journal) -> dict[str, NDArray[np.int64]]:
    """Those of an earlier sitting; a damaged file is measured anew with the next accuracy."""
    try:
        return read_predictions(journal.path) if journal.rows else {}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}
