"""`compare A B`: two files, or two runtimes, measured against each other here and now."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.measuring.arm_process import ArmProcess
from bench.measuring.environment import environment
from bench.measuring.harness import harness
from bench.measuring.neighbour import neighbour
from bench.measuring.turns import USUAL_CALLS, Plan, Turns, take_turns, usual_way
from bench.pair.series import PairRow, check_series, csv_text, judged, read_pairs
from bench.pair.settings import SEQUENTIAL, USUAL, PairSettings, check
from bench.results.files import beside
from bench.results.journal import append_line
from bench.runtimes import Order
from bench.runtimes.registry import apart_by
from bench.stats.ratios import verdict
from bench.subjects.arm import Arm
from bench.subjects.images import Gallery
from bench.subjects.subject import (
    Subject,
    find_subjects,
    is_file,
    of_file,
    refuse_unused,
    which_artifacts,
)
from zoo.data.class_names import BY_NAME, columns_by_name, is_in_order, other_classes
from zoo.errors import UnavailableError, UsageError
from zoo.files import write_text
from zoo.inspection.inspector import Inspector
from zoo.marks import refuse_others
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.parity import largest, tolerance
from zoo.progress import Advance, Progress


def compare_pair(
    targets: Sequence[str],
    settings: PairSettings,
    *,
    precisions: Sequence[str] = ("fp32", "fp32"),
    exports: Path | None = None,
    data_dir: Path | None = None,
    given: Given | None = None,
    repeat: int = 1,
    out: Path | None = None,
    on: Here | None = None,
    progress: Progress | None = None,
) -> Iterator[PairRow]:
    """Measure B against A `repeat` times.

    Rows that `out` already holds are not measured again, only judged by the margin of now. Every
    time that was taken stands in <out>.samples.jsonl. A series is gone on with on its own machine,
    by its own runtimes and harness only. on: what computes, by default this onnxruntime on this
    CPU.
    """
    progress = progress or Progress()
    settings = check(settings, out)
    a, b = _two_subjects(targets, precisions, exports, given)
    for told in which_artifacts(targets, exports):
        progress.say(told)
    for name, told in {one.name: one.no_accuracy for one in (a, b)}.items():
        if told:
            progress.say(f"{name}: {told}")
    rows = read_pairs(out) if out and out.exists() else []
    if out:
        refuse_others([beside(out, "samples.jsonl")], "name another --out", ("repeat",))
    series = _series(a, b, settings)
    check_series(rows, series, out)
    if len(rows) < repeat:
        series |= {"machine": environment().machine, "harness": harness(*settings.runtimes)}
        check_series(rows, series, out)
    else:
        yield from (judged(row, settings.margin) for row in rows[:repeat])
        return
    for subject, runtime in zip((a, b), settings.runtimes, strict=True):
        fault = subject.fault(runtime, settings.provider, on or Here.found())
        if fault:
            raise UnavailableError(f"{subject.name} would be answered wrongly: {fault}.")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, neighbour(settings.neighbour):
        one, other = settings.runtimes
        orders = (_order(a, one, settings), _order(b, other, settings))
        shown = _shown(orders, (a, b), settings, Path(folder), data_dir, progress)
        series |= dict(zip(("runtime_version_a", "runtime_version_b"), shown.versions, strict=True))
        check_series(rows, series, out)
        yield from (judged(row, settings.margin) for row in rows)
        for number in range(len(rows), repeat):
            began = time.monotonic()
            label = f"comparison {number + 1} of {repeat}"
            with progress.task(label, settings.instances) as advance:
                turns = _turns(orders, shown.images, settings, advance)
            row = PairRow(
                **series,
                **_columns(turns, settings),
                margin=settings.margin,
                repeat=number + 1,
                same_answers=shown.same,
                classes=shown.classes,
                wall_seconds=round(time.monotonic() - began, 1),
                when=datetime.now(UTC).isoformat(timespec="seconds"),
            )
            rows.append(row)
            if out:
                line = {"repeat": row.repeat, "turns": turns.instances, "apart": turns.apart}
                append_line(beside(out, "samples.jsonl"), line)
                write_text(out, csv_text(rows))
            yield row


def _two_subjects(
    targets: Sequence[str], precisions: Sequence[str], exports: Path | None, given: Given | None
) -> tuple[Subject, Subject]:
    found = []
    given = given or Given()
    with Inspector() as inspector:
        for target, precision in zip(targets, precisions, strict=True):
            if is_file(target):
                subject = of_file(Path(target), given, inspector)
            else:
                (subject,) = find_subjects([target], exports, [precision])
            if subject.path is None:
                raise UsageError(
                    f"{subject.name} has no {precision} file. "
                    f"{subject.artifact.remedy(precision) if subject.artifact else ''}"
                )
            found.append(subject)
    refuse_unused(given, found, targets[0])
    return found[0], found[1]


def _order(subject: Subject, runtime: str, settings: PairSettings) -> Order:
    arm = Arm(
        subject,
        runtime,
        settings.provider,
        settings.boundary,
        settings.threads,
        settings.cuda_graph,
    )
    if settings.cuda_graph and arm.skipped:
        raise UsageError(f"--cuda-graph: {arm.skipped}.")
    return arm.order(tf32=settings.tf32, memory=settings.memory)


@dataclass(frozen=True)
class _Shown:
    """What showing both the same images once has told."""

    images: Path  # the file of those that both are shown
    same: bool  # whether they answer alike
    versions: tuple[str | None, ...]
    classes: str | None  # how their classes were matched, where they name them otherwise


def _shown(
    orders: tuple[Order, Order],
    subjects: tuple[Subject, Subject],
    settings: PairSettings,
    folder: Path,
    data_dir: Path | None,
    progress: Progress,
) -> _Shown:
    """Ask both once."""
    answers: list[NDArray[np.float32]] = []
    path = folder / "none"
    shapes, versions = [], []
    for order, subject in zip(orders, subjects, strict=True):
        with ArmProcess(order, settings.timeout) as arm:
            versions.append(arm.facts["what_ran"].get("runtime_version"))
            shape = tuple(arm.facts["image_shape"])
            shapes.append(shape)
            if len(set(shapes)) > 1:
                raise UsageError(f"the two take images of different shapes: {shapes}.")
            if not answers:
                gallery = Gallery(folder, data_dir, progress)
                path = gallery.of(subject, shape).batches(settings.batch, folder)
            out = folder / f"answers-{len(answers)}.npy"
            arm.ask("batch", images=str(path), size=settings.batch, answers=str(out))
            answers.append(np.load(out))
    first, second = answers
    if first.shape != second.shape:
        raise UsageError(f"the two give logits of {first.shape[1]} and {second.shape[1]} classes.")
    classes, columns = _matched(*subjects)
    apart = apart_by(*(order.runtime for order in orders))
    same = columns is not None and _alike(first, second[:, columns], apart)
    return _Shown(path, same, tuple(versions), classes)


def _matched(a: Subject, b: Subject) -> tuple[str | None, Sequence[int] | slice | None]:
    """How B's classes are matched to A's, in words, and B's logits in A's order.

    None where they are of other classes; as they come where one does not name its classes.
    """
    if a.names is None or b.names is None:
        return None, slice(None)
    columns = columns_by_name(b.names, a.names)
    if columns is None:
        told = f"{b.name} {other_classes(b.names, a.names, a.name)}"
        return f"{told}; --classes-as-given compares third-party files as they are", None
    return (None if is_in_order(columns) else f"{b.name} {BY_NAME}"), columns


def _alike(first: NDArray[np.float32], second: NDArray[np.float32], apart: float) -> bool:
    return largest(first - second) <= tolerance(apart, largest(first))


def _turns(
    orders: tuple[Order, Order], images: Path, settings: PairSettings, advance: Advance
) -> Turns:
    if settings.way == USUAL:
        return usual_way(*orders, images, settings.batch, settings.timeout)
    plan = Plan(
        settings.instances,
        settings.seconds,
        sequential=settings.way == SEQUENTIAL,
        timeout=settings.timeout,
        warm_seconds=settings.warm_seconds,
    )
    return take_turns(*orders, images, settings.batch, plan, advance)


def _columns(turns: Turns, settings: PairSettings) -> dict[str, Any]:
    """The columns of one comparison that come from its times."""
    p50_a, p50_b = turns.medians_ns()
    columns: dict[str, Any] = {
        "p50_a_us": round(p50_a / 1e3, 2),
        "p50_b_us": round(p50_b / 1e3, 2),
        "wrong_answers": turns.wrong,
    }
    if settings.way == USUAL:
        ratio = round(p50_b / p50_a, 6)
        return columns | {
            "ratio": ratio, "low": None, "high": None, "verdict": "", "turns": USUAL_CALLS
        }  # fmt: skip
    found = turns.ratio()
    return columns | {
        "ratio": round(found.ratio, 6),
        "low": round(found.low, 6),
        "high": round(found.high, 6),
        "verdict": "" if turns.wrong else verdict(found, settings.margin),
        "turns": found.turns,
    }


def _series(a: Subject, b: Subject, settings: PairSettings) -> dict[str, Any]:
    """What all rows of a file have in common."""
    return {
        "a": f"{a.name} {a.precision}",
        "b": f"{b.name} {b.precision}",
        "sha256_a": a.sha256,
        "sha256_b": b.sha256,
        "runtime_a": settings.runtimes[0],
        "runtime_b": settings.runtimes[1],
        "provider": settings.provider,
        "threads": settings.threads,
        "batch": settings.batch,
        "way": settings.way,
        "seconds": settings.seconds,
        "instances": settings.instances,
        "neighbour": settings.neighbour,
        "boundary": settings.boundary,
        "tf32": settings.tf32,
        "cuda_graph": settings.cuda_graph,
    }
