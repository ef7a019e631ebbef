"""The accuracy of both arms on the whole test set, and whether the difference is chance."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measuring.arm_process import ArmProcess
from bench.pair.asking import Pair
from bench.pair.settings import PairSettings
from bench.results.accuracy import Difference, Logits, accuracy_of
from bench.results.predictions import predictions_key
from bench.results.rows import Scored
from bench.runtimes.registry import apart_by, computes_in
from bench.subjects.arm import Arm
from bench.subjects.images import ImageFiles
from bench.sweep.columns import accuracy_columns, asked, from_card, of_card
from bench.sweep.matrix import Cell
from bench.sweep.referee import spread
from zoo.data.class_names import columns_by_name, is_in_order, other_classes
from zoo.errors import UsageError
from zoo.inspection.steadiness import examine
from zoo.parity import tolerance
from zoo.progress import Progress

_BATCH = 64
_PROBED = 48  # images that show whether an answer depends on more than its image
NOT_ASKED = "not measured (--no-accuracy)"


@dataclass(frozen=True)
class WholeSet:
    """An arm's answers to the whole test set."""

    logits: Logits  # in the order of the test set's classes
    size: int  # images per call
    doubt: str  # what an answer depends on beside its image, in words, or ""
    by_name: bool  # whether the file has its classes in another order


def why_not(pair: Pair, images: ImageFiles, classes: int) -> str:
    """Why accuracy is not measured, in words; "" if it is. classes: the number an arm outputs."""
    if pair.settings.measure_accuracy is False:
        return NOT_ASKED
    subjects = [arm.subject for arm in pair.arms]
    for subject in subjects:
        if subject.no_accuracy:
            return f"{subject.name}: {subject.no_accuracy}"
    for subject in subjects:
        if not subject.place:
            return f"the test set of {subject.name} is unknown; name it with --data"
    a, b = subjects
    if a.place != b.place and a.dataset != b.dataset:
        return f"{a.name} is tested on {a.dataset}, {b.name} on {b.dataset}"
    if images.test is None:
        return images.reason or "no test set is available"
    for subject in subjects:
        names = subject.class_names or ()
        if names and columns_by_name(names, images.class_names) is None:
            told = other_classes(names, images.class_names, subject.dataset or "")
            return f"{subject.name} {told}; if they mean the same, add --classes-as-given"
    if classes != len(images.class_names):
        return f"they give {classes} classes, {a.dataset} has {len(images.class_names)}"
    return ""


def predicted(
    opened: ArmProcess,
    arm: Arm,
    images: ImageFiles,
    settings: PairSettings,
    folder: Path,
    progress: Progress,
) -> WholeSet:
    """Predict the whole test set; at the comparison's batch size if answers depend on it."""
    assert images.test is not None
    assert images.labels is not None
    path, out = folder / "probe.npy", folder / "logits.npy"

    def ask(images: NDArray[np.uint8], size: int) -> Logits:
        np.save(path, images)
        opened.ask("predict", images=str(path), size=size, logits=str(out))
        given: Logits = np.load(out)
        return given

    size = opened.facts["fixed_batch"] or _BATCH
    found = examine(ask, images.few[:_PROBED], {settings.batch, size})
    less = settings.tf32 or computes_in(arm.runtime) != "fp32"
    rounded = tolerance(apart_by(arm.runtime), found.largest) if less else 0.0
    doubt = found.doubt(rounded + spread(arm))
    size = settings.batch if doubt else size
    name = f"{arm.subject.name} {arm.subject.precision}, {arm.runtime}"
    with progress.task(f"accuracy of {name}", len(images.labels)) as advance:
        opened.ask(
            "predict", images=str(images.test), size=size, logits=str(out), on_progress=advance
        )
    logits: Logits = np.load(out)
    order = columns_by_name(arm.subject.class_names or (), images.class_names)
    by_name = order is not None and not is_in_order(order)
    return WholeSet(logits[:, order] if by_name else logits, size, doubt, by_name)


@dataclass(frozen=True)
class Right:
    """The accuracy columns of B and A, and the predicted classes."""

    scored: Scored
    reference_correct: int | None
    # By arm, and the true classes, as stored by `bench.results.predictions`
    predictions: dict[str, NDArray[np.int64]] = field(default_factory=dict)


def unknown(pair: Pair, reason: str) -> Right:
    """The accuracy on the cards, if it is not measured."""
    if pair.settings.measure_accuracy:
        raise UsageError(
            f"--accuracy: accuracy cannot be measured for both: {reason.rstrip('.')}; "
            "or leave out --accuracy."
        )
    scored, said = from_card(pair.b, reason), of_card(pair.a)
    same = said is not None and said.images == scored.images
    return Right(scored, said.correct if said and same else None)


def judge(pair: Pair, images: ImageFiles, a: WholeSet, b: WholeSet, apart: Difference) -> Right:
    """Judge both by the labels. apart: how B's answers differ from A's."""
    assert images.labels is not None
    predictions = {f"labels|{pair.b.subject.dataset}": images.labels}
    for arm, whole in zip(pair.arms, (a, b), strict=True):
        name = asked(Cell(arm, pair.settings.batch)).arm
        key = predictions_key(name, whole.size if whole.doubt else None)
        predictions[key] = whole.logits.argmax(axis=1)
    return Right(
        Scored(
            **accuracy_columns(accuracy_of(b.logits, images.labels)),
            classes=len(images.class_names),
            class_order="by name" if b.by_name else None,
            accuracy_source="measured",
            accuracy_batch=b.size,
            answers_vary=b.doubt or a.doubt or None,
            agreement=apart.agreement,
            mcnemar_p=apart.mcnemar_p,
            max_difference=apart.largest,
        ),
        accuracy_of(a.logits, images.labels).correct,
        predictions,
    )
