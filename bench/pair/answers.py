"""Compare the answers of both arms, before any turn is timed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench.measuring.arm_process import ArmProcess
from bench.pair.asking import Pair
from bench.pair.right import Right, WholeSet, judge, predicted, unknown, why_not
from bench.results.accuracy import Logits, difference
from bench.results.rows import Memory, Ran
from bench.runtimes.registry import apart_by
from bench.subjects.arm import Arm
from bench.subjects.images import Gallery, ImageFiles
from bench.subjects.subject import Subject
from bench.sweep.columns import ran
from zoo.actions.predict import probabilities
from zoo.data.class_names import BY_NAME, columns_by_name, is_in_order, other_classes
from zoo.errors import UsageError
from zoo.parity import largest, tolerance
from zoo.progress import Progress


@dataclass(frozen=True)
class Side:
    """One arm: its facts and its answers."""

    ran: Ran
    memory: Memory
    answers: Logits  # to the images that are timed
    whole: WholeSet | None  # its answers to the whole test set, where they were asked for


@dataclass(frozen=True)
class Looked:
    """The facts and answers of both arms."""

    images: Path  # the file of those that are timed
    a: Side
    b: Side
    alike: "Alike"
    right: Right


def look(pair: Pair, folder: Path, data_dir: Path | None, progress: Progress) -> Looked:
    """Open both, one after the other, and run them on the same images."""
    settings = pair.settings
    gallery = Gallery(folder, data_dir, progress, whole=settings.measure_accuracy is not False)
    shapes: list[tuple[int, int, int]] = []
    sides: list[Side] = []
    reason = ""
    for order, arm in zip(pair.orders, pair.arms, strict=True):
        with ArmProcess(order, settings.timeout) as opened:
            height, width, channels = opened.facts["image_shape"]
            shapes.append((height, width, channels))
            _check(opened, arm, shapes, settings.batch, progress)
            images = gallery.of(pair.a.subject, shapes[0])
            side = _ask(opened, arm, images, settings.batch, folder)
            reason = reason or why_not(pair, images, side.answers.shape[1])
            if not reason:
                whole = predicted(opened, arm, images, settings, folder, progress)
                side = replace(side, whole=whole)
            sides.append(side)
    a, b = sides
    if a.answers.shape != b.answers.shape:
        classes = f"{a.answers.shape[1]} and {b.answers.shape[1]} classes"
        raise UsageError(
            f"the two files give logits for {classes}. Compare models with the same classes."
        )
    if a.whole is None or b.whole is None:
        right = unknown(pair, reason)
    else:
        ours, theirs, _ = in_kind(b.whole.logits, a.whole.logits)
        apart = difference(ours, theirs, images.labels)
        right = judge(pair, images, a.whole, b.whole, apart)
    return Looked(images.batches(settings.batch, folder), a, b, alike(pair, a, b), right)


def _check(
    opened: ArmProcess,
    arm: Arm,
    shapes: Sequence[tuple[int, int, int]],
    batch: int,
    progress: Progress,
) -> None:
    """Refuse arms that do not take the same images at this batch size."""
    name, fixed = arm.subject.name, opened.facts["fixed_batch"]
    if len(set(shapes)) > 1:
        raise UsageError(
            f"the two files take images of different shapes: {list(shapes)}. Compare files of one "
            "shape."
        )
    if fixed not in (None, batch):
        raise UsageError(f"{name} takes batches of {fixed} only: add --batch {fixed}.")
    if chosen := opened.facts["what_ran"].get("chosen"):
        progress.say(f"{name} {chosen}")


def _ask(opened: ArmProcess, arm: Arm, images: ImageFiles, batch: int, folder: Path) -> Side:
    """Get the answers to the timed images."""
    out = folder / "answers.npy"
    opened.ask("batch", images=str(images.batches(batch, folder)), size=batch, answers=str(out))
    memory = opened.ask("memory")
    return Side(
        ran(opened.facts["what_ran"], arm.provider, images.source),
        Memory(memory["peak_rss_mib"], memory["vram_mib"]),
        np.load(out),
        None,
    )


@dataclass(frozen=True)
class Alike:
    """How much the answers of both to the timed images differ."""

    same_answers: bool
    shown_images: int
    shown_agreement: float
    shown_difference: float
    answers_as: str | None
    classes_matched: str | None


def alike(pair: Pair, a: Side, b: Side) -> Alike:
    """Compare B's answers to the timed images with A's."""
    told, columns = matched(pair.a.subject, pair.b.subject)
    first, second, kind = in_kind(a.answers, b.answers[:, columns or slice(None)])
    found = difference(second, first, None)
    bound = tolerance(apart_by(*(order.runtime for order in pair.orders)), largest(first))
    return Alike(
        same_answers=columns is not None and found.largest <= bound,
        shown_images=len(first),
        shown_agreement=found.agreement,
        shown_difference=found.largest,
        answers_as=kind,
        classes_matched=told,
    )


def matched(a: Subject, b: Subject) -> tuple[str | None, Sequence[int] | slice | None]:
    """How B's classes are matched with A's, in words, and B's logits in A's order.

    None if they have other classes; unchanged if one does not name its classes.
    """
    if a.names is None or b.names is None:
        return None, slice(None)
    columns = columns_by_name(b.names, a.names)
    if columns is None:
        told = f"{b.name} {other_classes(b.names, a.names, a.name)}"
        return f"{told}; --classes-as-given compares them as they are", None
    return (None if is_in_order(columns) else f"{b.name} {BY_NAME}"), columns


def in_kind(first: Logits, second: Logits) -> tuple[Logits, Logits, str | None]:
    """Convert both to probabilities if only one of them outputs these; says so if it did."""
    if _are_probabilities(first) == _are_probabilities(second):
        return first, second, None
    shares = [probabilities(each, "").astype(np.float32) for each in (first, second)]
    return shares[0], shares[1], "probabilities"


def _are_probabilities(answers: Logits) -> bool:
    return bool((answers >= 0).all() and np.allclose(answers.sum(axis=1), 1, atol=1e-3))
