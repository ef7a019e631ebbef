"""`bench.run`: from names to a results file with everything beside it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path

from bench.measuring.environment import environment
from bench.results.files import beside, check_is_no_folder
from bench.results.journal import Journal
from bench.results.rows import Row
from bench.runtimes.gpu_options import check_gpu_options
from bench.runtimes.registry import find_provider, packages_of, start_seconds
from bench.subjects.arm import Arm
from bench.subjects.reference import find_reference
from bench.subjects.subject import find_subjects, which_artifacts, which_lack
from bench.sweep.matrix import Settings, arms_of, check
from bench.sweep.operators import write_operators
from bench.sweep.sweep import Sweep
from zoo.errors import UsageError
from zoo.files import write_json
from zoo.machine.executor import Executor
from zoo.machine.threads import thread_budget
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.progress import Progress
from zoo.specs.catalog import EVERY, Kind

RESULTS = Path("results")
_ACCURACY = 6.0  # seconds of a test set's pass, for a forecast


def default_out() -> Path:
    """A results file named after the current time."""
    return RESULTS / f"{datetime.now():%Y-%m-%d-%H%M%S}.csv"


def plan(
    targets: Sequence[str] = (),
    settings: Settings | None = None,
    *,
    precisions: Sequence[str] | None = None,
    exports: Path | None = None,
    given: Given | None = None,
    kind: Kind = EVERY,
    progress: Progress | None = None,
) -> tuple[list[Arm], Settings]:
    """The arms that a sweep would measure, and its settings with defaults filled in.

    progress: is told which artifact an ambiguous name means, and how to get a precision that one
    lacks. What is unavailable on this machine is refused here (`UnavailableError`), before anything
    is measured.
    """
    settings = settings or Settings()
    budget = thread_budget()
    settings = replace(settings, threads=settings.threads or (budget,))
    check(settings)
    if max(settings.threads) > budget:
        raise UsageError(
            f"--threads {max(settings.threads)}: this process may use {budget} cores. Name fewer."
        )
    providers = [find_provider(name, settings.runtimes) for name in settings.providers]
    settings = replace(settings, providers=tuple(dict.fromkeys(providers)))
    check_gpu_options(
        settings.providers,
        settings.boundaries,
        tf32=settings.tf32,
        cuda_graph=settings.cuda_graph,
    )
    subjects = find_subjects(targets, exports, precisions, given, kind)
    for told in (*which_artifacts(targets, exports), *which_lack(subjects)):
        (progress or Progress()).say(told)
    against = None
    if settings.reference is not None:
        against = find_reference(settings.reference, subjects, exports)
    return list(arms_of(subjects, settings, against)), settings


def seconds_expected(arms: Sequence[Arm], settings: Settings) -> float:
    """A forecast of a sweep's length."""
    return sum(_seconds_expected(arm, settings) for arm in arms if not arm.skipped)


def _seconds_expected(arm: Arm, settings: Settings) -> float:
    preset, scenario = settings.preset, settings.scenario_at(settings.batches)
    batches = scenario.first(settings.batches)
    start = start_seconds(arm.runtime, arm.provider)
    solo = (preset.length.least_seconds + preset.length.most_seconds) / 2
    total = preset.starts * start + (_ACCURACY if settings.accuracy else 0.0)
    total += len(batches) * solo
    paired = batches if scenario.paired else ()
    rivals = [rival for batch in paired if (rival := arm.rival(batch))]
    plan = preset.pair_of(arm)
    total += len(rivals) * plan.seconds
    for rival in rivals[:1] if arm.keeps_processes else rivals:
        total += plan.instances * (start + start_seconds(rival.runtime, rival.provider))
    return total


def run(
    targets: Sequence[str] = (),
    settings: Settings | None = None,
    *,
    precisions: Sequence[str] | None = None,
    exports: Path | None = None,
    data_dir: Path | None = None,
    given: Given | None = None,
    kind: Kind = EVERY,
    out: Path | None = None,
    resume: bool = False,
    profile: bool = False,
    on: Here | None = None,
    executor: Executor | None = None,
    on_start: Callable[[Path], None] = lambda out: None,
    on_row: Callable[[Row], None] = lambda row: None,
    progress: Progress | None = None,
) -> list[Row]:
    """Measure artifacts and ONNX files; each row is written to `out` as soon as it is measured.

    targets: artifact ids, model names, or ONNX files; default: all published models. precisions:
    for artifacts; given: what third-party files do not say about themselves; kind: only models of
    this kind. out: the CSV, by default results/<time>.csv. resume: continue a sweep that was
    stopped. profile: also write the time of each operator. on: the onnxruntime and CPU that
    compute; default: those of this process; a file known to give wrong answers there is a failed
    row. executor: where artifacts are measured; default: in this process, one after the other.
    on_start: called with the path of the rows before anything is measured; on_row: called with each
    row, in order.
    """
    progress = progress or Progress()
    arms, settings = plan(
        targets,
        settings,
        precisions=precisions,
        exports=exports,
        given=given,
        kind=kind,
        progress=progress,
    )
    if resume and out is None:
        raise UsageError("--resume continues a results file. Name it with --out.")
    out = out or default_out()
    check_is_no_folder(out)
    journal = Journal(out)
    if resume:
        for note in journal.resume():
            progress.say(note)
        if any(row.is_comparison for row in journal.rows):
            raise UsageError(f"{out} holds comparisons of two models. Name another --out.")
    else:
        journal.refuse_existing()
    here = environment((*packages_of(), *packages_of(*settings.runtimes)))
    sweep = Sweep(settings, journal, here, data_dir, progress, on, executor)
    sweep.preflight(arms)
    journal.begin()
    write_json(beside(out, "environment.json"), asdict(here))
    on_start(out)
    for row in sweep.run(arms):
        on_row(row)
    if profile:
        write_operators(out, arms, settings, journal.rows, progress)
    return journal.rows
