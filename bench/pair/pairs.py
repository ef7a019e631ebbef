"""`compare A B`: measure two files or two runtimes against each other."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from bench.measuring.environment import Environment, environment
from bench.measuring.harness import harness
from bench.measuring.neighbour import neighbour
from bench.measuring.samples import Samples
from bench.measuring.turns import Plan, Turns, take_turns, usual_way
from bench.pair.answers import Looked, look
from bench.pair.asking import Pair, check_faults, find_pair
from bench.pair.series import Series, judged
from bench.pair.settings import PairSettings, check
from bench.results.files import beside
from bench.results.predictions import write_predictions
from bench.results.record import Record
from bench.results.rows import FAILED, SEQUENTIAL, USUAL, Outcome, Provenance, Row
from bench.runtimes.registry import packages_of
from bench.subjects.subject import which_artifacts
from bench.sweep.columns import model_of
from zoo.files import write_json
from zoo.ort.faults import Here
from zoo.ort.given import Given
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
) -> Iterator[Row]:
    """Measure B against A `repeat` times.

    Rows that `out` already holds are not measured again, only judged by the current margin; the raw
    samples are in <out>.samples.jsonl. A series is continued only on the same machine, with the
    same runtimes and harness. on: the onnxruntime and CPU that compute; default: those of this
    process.
    """
    progress = progress or Progress()
    settings = check(settings, out)
    pair = find_pair(targets, precisions, settings, exports, given)
    for told in which_artifacts(targets, exports):
        progress.say(told)
    for name, told in {arm.subject.name: arm.subject.no_accuracy for arm in pair.arms}.items():
        if told:
            progress.say(f"{name}: {told}")
    series = Series(pair, out)
    if len(series.rows) >= repeat:
        yield from (judged(row, settings.margin) for row in series.rows[:repeat])
        return
    here = environment((*packages_of(), *packages_of(*settings.runtimes)))
    series.check({"machine": here.machine, "harness": harness(*settings.runtimes)})
    check_faults(pair, on)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, neighbour(settings.neighbour):
        looked = look(pair, Path(folder), data_dir, progress)
        versions = [side.ran.runtime_version for side in (looked.b, looked.a)]
        names = ("runtime_version", "reference_runtime_version")
        series.check(dict(zip(names, versions, strict=True)))
        series.begin()
        if out:
            write_json(beside(out, "environment.json"), asdict(here))
            if looked.right.predictions:
                write_predictions(out, looked.right.predictions)
        yield from (judged(row, settings.margin) for row in series.rows)
        for number in range(len(series.rows) + 1, repeat + 1):
            began = time.monotonic()
            with progress.task(f"comparison {number} of {repeat}", settings.instances) as advance:
                turns = _turns(pair, looked.images, advance)
            seconds = time.monotonic() - began
            yield series.add(_record(pair, looked, turns, number, seconds, here))


def _turns(pair: Pair, images: Path, advance: Advance) -> Turns:
    settings = pair.settings
    if settings.way == USUAL:
        return usual_way(*pair.orders, images, settings.batch, settings.timeout)
    plan = Plan(
        settings.instances,
        settings.seconds,
        sequential=settings.way == SEQUENTIAL,
        timeout=settings.timeout,
        warm_seconds=settings.warm_seconds,
    )
    return take_turns(*pair.orders, images, settings.batch, plan, advance)


def _record(
    pair: Pair, looked: Looked, turns: Turns, repeat: int, seconds: float, here: Environment
) -> Record:
    """The record of one comparison."""
    outcome = Outcome()
    if turns.wrong:
        outcome = Outcome(FAILED, f"{turns.wrong} timed calls gave different logits than before")
    return Record(
        asked=pair.asked,
        outcome=outcome,
        model=model_of(pair.b),
        ran=looked.b.ran,
        pairing=replace(
            pair.pairing,
            reference_runtime_version=looked.a.ran.runtime_version,
            reference_computed_in=looked.a.ran.computed_in,
            reference_peak_rss_mib=looked.a.memory.peak_rss_mib,
            reference_correct=looked.right.reference_correct,
        ),
        compared=replace(pair.compared, repeat=repeat, **vars(looked.alike)),
        memory=looked.b.memory,
        scored=looked.right.scored,
        provenance=Provenance(
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 1),
            machine=here.machine,
            harness=harness(*pair.settings.runtimes),
            cell=pair.cell(repeat),
        ),
        samples=Samples(
            turns=turns.instances,
            apart=[[a, b] for a, b in turns.apart],
            wrong=turns.wrong,
        ),
    )
