"""Read the training curves, confusion matrices and maps of latents of measured artifacts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.results.rows import Row
from zoo.artifacts.artifact import Artifact, list_artifacts
from zoo.artifacts.places import in_words
from zoo.drawing.confusion import CONFUSION, Confusion
from zoo.drawing.projection import PROJECTION, Projection
from zoo.errors import ZooError
from zoo.runs.history import HISTORY, EpochRow, read_history
from zoo.runs.remains import find_test_page


@dataclass(frozen=True)
class Training:
    """What an artifact keeps of its training run; missing parts are empty."""

    id: str
    history: list[EpochRow]
    confusion: Confusion | None
    projection: Projection | None
    test_page: Path | None = None  # what `test` wrote about it here


def read_trainings(rows: Sequence[Row], exports: Path | None) -> tuple[list[Training], list[str]]:
    """The training data of each measured artifact, and messages about what was left out."""
    subjects = {row.subject: row for row in rows if row.precision != "file"}
    try:
        known = {artifact.id: artifact for artifact in list_artifacts(exports)}
    except ZooError as error:
        return [], [f"No training curves or confusion matrices: {error}"]
    found, missing = [], []
    for subject, row in subjects.items():
        if subject not in known:
            missing.append(
                f"{subject}: there is no such artifact in {in_words(exports)}, so no training "
                "curves and no confusion matrix."
            )
            continue
        training, gaps = _read(known[subject])
        missing += gaps
        found.append(training)
        if not _same_bytes(row, known[subject]):
            missing.append(
                f"{subject}: the artifact was published again after it was measured; the curves "
                "and confusion matrix shown are those of the new one."
            )
    return [one for one in found if one.history or one.confusion or one.projection], missing


def _read(artifact: Artifact) -> tuple[Training, list[str]]:
    history: list[EpochRow] = []
    confusion, gaps, kept = None, [], artifact.entry["files"]
    try:
        if HISTORY in kept:
            history = read_history(artifact.checked(HISTORY))
        if not history:
            gaps.append(f"{artifact.id} keeps no {HISTORY}, so there are no training curves.")
    except ZooError as error:
        gaps.append(f"{artifact.id}: no training curves: {error}")
    try:
        if CONFUSION in kept:
            confusion = Confusion.from_csv(artifact.content(CONFUSION))
        else:
            gaps.append(f"{artifact.id} keeps no {CONFUSION}, so there is no confusion matrix.")
    except (ZooError, ValueError) as error:
        gaps.append(f"{artifact.id}: no confusion matrix: {error}")
    projection = None
    try:
        if PROJECTION in kept:  # models that stand on no backbone have none
            names = artifact.card.class_names
            projection = Projection.from_csv(artifact.content(PROJECTION), names)
    except (ZooError, ValueError) as error:
        gaps.append(f"{artifact.id}: no map of latents: {error}")
    page = None
    try:
        page = find_test_page(artifact.id, artifact.card.fingerprint)
    except ZooError as error:
        gaps.append(f"{artifact.id}: no link to the page of its test: {error}")
    return Training(artifact.id, history, confusion, projection, page), gaps


def _same_bytes(row: Row, artifact: Artifact) -> bool:
    file = artifact.entry["files"].get(f"{row.precision}.onnx")
    return row.sha256 is None or file is None or file["sha256"] == row.sha256
