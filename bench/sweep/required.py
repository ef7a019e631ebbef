"""Accuracy that was requested: refuse early if it cannot be measured."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from bench.measuring.arm_process import ArmProcess
from bench.results.record import Amendment
from bench.results.rows import FAILED, Outcome, Scored
from bench.subjects.images import data_of
from bench.subjects.subject import Subject
from bench.sweep.matrix import Settings
from zoo.errors import UsageError, ZooError
from zoo.progress import Progress


def check_test_sets(
    subjects: Iterable[Subject],
    classes: dict[str, int],
    data_dir: Path | None,
    progress: Progress,
) -> None:
    """Refuse subjects whose accuracy cannot be measured. classes: of third-party files."""
    for subject in {(one.name, one.place): one for one in subjects}.values():
        data = subject.no_accuracy or data_of(subject, data_dir, progress)
        if isinstance(data, str):
            kind = ZooError if subject.place and not subject.no_accuracy else UsageError
            raise kind(f"{_asked(subject)} {data.rstrip('.')}; or leave out --accuracy.")
        given, known = classes.get(subject.name), len(data.class_names)
        if given not in (None, known):
            raise UsageError(
                f"{_asked(subject)} it gives {given} classes, {subject.dataset} has {known}. Name "
                "its own test set with --data, or leave out --accuracy."
            )


def _asked(subject: Subject) -> str:
    return f"--accuracy: the accuracy of {subject.name} cannot be measured:"


def classes_of(opened: ArmProcess, shape: tuple[int, int, int], fixed_batch: int | None) -> int:
    """How many classes an arm has, from its answer to one batch."""
    batch = fixed_batch or 1
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        images, answers = Path(folder, "images.npy"), Path(folder, "answers.npy")
        np.save(images, np.zeros((batch, *shape), np.uint8))
        opened.ask("batch", images=str(images), size=batch, answers=str(answers))
        return int(np.load(answers).shape[1])


def amended(cell: str, scored: Scored, settings: Settings) -> Amendment:
    """Add a cell's accuracy. If it was required but not measured, the cell fails."""
    outcome = Outcome()
    if settings.measure_accuracy and scored.accuracy_source != "measured":
        outcome = Outcome(FAILED, missing_accuracy(scored.accuracy_reason))
    return Amendment(cell, outcome, scored)


def missing_accuracy(reason: str | None) -> str:
    """Why an otherwise measured cell failed."""
    return f"accuracy was requested but could not be measured: {reason}"
