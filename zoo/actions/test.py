"""`test`: measure a finished run on the whole test set, in fp32."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.actions.trained import load_trained, projection_of
from zoo.artifacts.artifact import Artifact, find_artifact, known_artifact, which_artifact
from zoo.data import Dataset, load
from zoo.drawing import plots
from zoo.drawing.confusion import Confusion, confusion_counts
from zoo.drawing.outcome import Outcome
from zoo.drawing.outcome_page import draw_outcome
from zoo.drawing.projection import PROJECTION, Projection
from zoo.errors import UnavailableError, ZooError, unknown_name
from zoo.files import check_writable, write_json, write_text
from zoo.intervals import Accuracy
from zoo.machine.memory import memory_errors
from zoo.marks import is_ours, refuse_others
from zoo.ort.providers import known_providers
from zoo.ort.signature import Signature
from zoo.ort.signature import logits as logits_of_file
from zoo.progress import Progress
from zoo.runs.history import HISTORY, EpochRow, read_history
from zoo.runs.naming import find_run, known_run, which_run
from zoo.runs.remains import RESULTS, TEST_FINDINGS, TEST_PAGE
from zoo.runs.run import Run
from zoo.scores import Calibration, ClassScore, among_top, class_scores
from zoo.tables import table_text

SHOWN = 40
PRINTED = 8
_TOP = 5
_COLUMNS = ("index", "label", "prediction", "confidence")


@dataclass(frozen=True)
class Sample:
    """One test image."""

    index: int
    label: str  # its true class
    prediction: str
    confidence: float  # the share of belief in the prediction


@dataclass(frozen=True)
class Findings:
    """The results of a test."""

    id: str
    fingerprint: str
    accuracy: Accuracy  # without test-time views
    with_views: Accuracy | None  # with the recipe's test-time views, if any
    top5: Accuracy | None  # the true class among the five likeliest; None with five or fewer
    calibration: Calibration  # of the predictions' confidences
    per_class: dict[str, Accuracy]
    scores: dict[str, ClassScore]  # recall, precision and F1 of each class
    confusion: list[list[int]]  # counts [true][predicted]
    samples: list[Sample]
    files: dict[str, str]  # files written, by kind


def test(
    name: str,
    *,
    run: Path | None = None,
    exports: Path | None = None,
    data_dir: Path | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> Findings:
    """Test a finished run, named by its model or id, and write the results beside it.

    If there is no such run, the artifact of that name is tested, and the results go to
    results/<id>/.
    """
    progress = progress or Progress()
    if run is None and known_run(name) is None and known_artifact(name, exports) is not None:
        artifact = find_artifact(name, exports)
        _say(which_artifact(name, artifact), progress)
        _refuse_others(RESULTS / artifact.card.id)
        return _findings(_seen_by_artifact(artifact, data_dir, device, progress))
    target = find_run(name, run)
    if run is None:
        _say(which_run(name, target), progress)
    target.finished_card()
    with target.held():
        return _findings(_seen_by_run(target, data_dir, device, progress))


def _say(told: str, progress: Progress) -> None:
    if told:
        progress.say(told)


def _refuse_others(folder: Path) -> None:
    """Refuse to replace files that an earlier test did not write."""
    check_writable(folder)
    if is_ours(folder / TEST_FINDINGS, ("fingerprint", "accuracy", "confusion")):
        return
    remedy = "run this in another folder"
    names = (
        "confusion.png",
        "predictions.png",
        "mistakes.png",
        "latents.png",
        TEST_FINDINGS,
        TEST_PAGE,
    )
    refuse_others((folder / name for name in names), remedy)
    refuse_others([folder / "predictions.csv"], remedy, _COLUMNS)


def _findings(seen: "_Seen") -> Findings:
    """Evaluate the logits, and write the results beside the run, or into results/."""
    data, plain, views = seen.data, seen.plain, seen.views
    names, labels = data.class_names, data.test.labels
    beliefs, predictions = _softmax(plain), plain.argmax(axis=1)
    right = predictions == labels
    counts = confusion_counts(labels, predictions, len(names))
    confusion = counts.tolist()
    scores = class_scores(confusion)
    outcome = Outcome(
        id=seen.id,
        data=data.name,
        classes=tuple(names),
        images=data.test.images,
        labels=labels,
        probabilities=beliefs,
        confusion=Confusion.of(names, confusion),
        accuracy=Accuracy.of(right),
        with_views=None if views is None else Accuracy.of(views.argmax(axis=1) == labels),
        top5=Accuracy.of(among_top(plain, labels, _TOP)) if len(names) > _TOP else None,
        scores=scores,
        calibration=Calibration.of(beliefs.max(axis=1), right),
        history=seen.history,
    )
    files = _write_images(seen, outcome, counts)
    beside = [path.name for path in files.values()]
    files["page"] = seen.folder / TEST_PAGE
    write_text(files["page"], draw_outcome(outcome, beside))
    report = Findings(
        id=seen.id,
        fingerprint=data.fingerprint,
        accuracy=outcome.accuracy,
        with_views=outcome.with_views,
        top5=outcome.top5,
        calibration=outcome.calibration,
        per_class={n: Accuracy.of(right[labels == i]) for i, n in enumerate(names)},
        scores=dict(zip(names, scores, strict=True)),
        confusion=confusion,
        samples=_samples(beliefs, data),
        files={kind: str(path) for kind, path in files.items()},
    )
    write_text(seen.folder / "predictions.csv", _predictions_csv(beliefs, data))
    write_json(seen.folder / TEST_FINDINGS, asdict(report))
    return report


@dataclass(frozen=True)
class _Seen:
    """The answers of a network to the test set."""

    id: str
    folder: Path  # where the findings go
    data: Dataset
    plain: NDArray[np.float32]  # logits [N, classes]
    views: NDArray[np.float32] | None  # the same with the recipe's test-time views
    projection: Projection | None  # of what has latents
    history: list[EpochRow]  # of its training run; empty if none was kept


def _seen_by_run(
    target: Run, data_dir: Path | None, device: str | None, progress: Progress
) -> _Seen:
    card = target.finished_card()
    data = card.options.load_data(data_dir, progress)
    card.check_data(data)
    with memory_errors("Close other programs, or test with --device cpu."):
        trained = load_trained(target, card, device)
        plain, views = trained.with_views(data.test.images, progress)
        projection = projection_of(trained, data)
    history = read_history(target.history) if target.history.exists() else []
    return _Seen(card.id, target.folder, data, plain, views, projection, history)


def _seen_by_artifact(
    artifact: Artifact, data_dir: Path | None, device: str | None, progress: Progress
) -> _Seen:
    """The answers of the plain network in its fp32 file, and the published map of latents."""
    card = artifact.card
    height, width, channels = card.image_shape
    data = load(
        card.dataset,
        data_dir=data_dir,
        size=(height, width),
        grey=channels == 1,
        progress=progress,
    )
    if data.fingerprint != card.fingerprint:
        raise ZooError(
            f"{artifact.id} was trained on other images than {data.name} holds now (the "
            "fingerprints differ). Restore that data."
        )
    session = artifact.session(provider=_choose_provider(device))
    plain = logits_of_file(session, Signature.of(session), data.test.images)
    projection = None
    if PROJECTION in artifact.entry["files"]:
        try:
            projection = Projection.from_csv(artifact.content(PROJECTION), card.class_names)
        except ValueError as error:
            raise ZooError(f"{artifact.folder / PROJECTION} is damaged: {error}.") from error
    kept = HISTORY in artifact.entry["files"]
    history = read_history(artifact.checked(HISTORY)) if kept else []
    return _Seen(card.id, RESULTS / card.id, data, plain, None, projection, history)


def _choose_provider(device: str | None) -> str:
    """`cpu`, `cuda`, or by default the best that works in ONNX Runtime."""
    if device not in (None, "cpu", "cuda"):
        raise unknown_name("device", str(device), ("cpu", "cuda"))
    problem = known_providers()["cuda"]
    if device == "cuda" and problem:
        raise UnavailableError(f"--device cuda cannot run here: {problem}.")
    return device or ("cpu" if problem else "cuda")


def _samples(beliefs: NDArray[np.float32], data: Dataset) -> list[Sample]:
    """The first images in canonical order, which is as good as random."""
    return [
        Sample(
            index=index,
            label=data.class_names[int(data.test.labels[index])],
            prediction=data.class_names[int(belief.argmax())],
            confidence=float(belief.max()),
        )
        for index, belief in enumerate(beliefs[:PRINTED])
    ]


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def _write_images(seen: _Seen, outcome: Outcome, counts: NDArray[np.int64]) -> dict[str, Path]:
    folder, data = seen.folder, seen.data
    worst = outcome.mistakes()[:SHOWN]
    files = {"confusion": folder / "confusion.png", "predictions": folder / "predictions.png"}
    share, images = outcome.accuracy.share, outcome.accuracy.images
    title = f"{seen.id}: {share:.2%} of {images:,} test images of {data.name} correct"
    plots.draw_confusion(counts, data.class_names, files["confusion"], title)
    first = np.arange(min(SHOWN, images))
    beliefs = outcome.probabilities
    _draw(first, beliefs, data, files["predictions"], f"{seen.id}: the first test images")
    if len(worst):
        files["mistakes"] = folder / "mistakes.png"
        _draw(worst, beliefs, data, files["mistakes"], f"{seen.id}: the worst mistakes")
    if seen.projection is not None:
        files["latents"] = folder / "latents.png"
        plots.draw_projection(seen.projection, images, files["latents"])
    return files


def _draw(
    chosen: NDArray[np.int64],
    beliefs: NDArray[np.float32],
    data: Dataset,
    path: Path,
    title: str,
) -> None:
    names = data.class_names
    plots.draw_predictions(
        data.test.images[chosen],
        [names[int(label)] for label in data.test.labels[chosen]],
        [names[int(belief.argmax())] for belief in beliefs[chosen]],
        path,
        title=title,
        notes=[
            f"{belief.max():.0%}, image {index}"
            for index, belief in zip(chosen, beliefs[chosen], strict=True)
        ],
    )


def _predictions_csv(beliefs: NDArray[np.float32], data: Dataset) -> str:
    """index, label, prediction and confidence of every test image, in canonical order."""
    names = data.class_names
    guesses = zip(data.test.labels, beliefs.argmax(axis=1), beliefs.max(axis=1), strict=True)
    return table_text(
        _COLUMNS,
        (
            (index, names[label], names[guess], f"{belief:.4f}")
            for index, (label, guess, belief) in enumerate(guesses)
        ),
    )
