"""The commands of the benchmark: parse, call, print. Heavy imports happen inside them."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from zoo.console import print_json
from zoo.errors import UsageError
from zoo.parameters import (
    PATH,
    CountsType,
    NamesType,
    PercentType,
    PositiveType,
    channels_option,
    data_dir_option,
    exports_option,
    json_option,
)

# Options of `compare` that say something for two results files only, or for two models only.
_OF_RESULTS = (
    *("max_slowdown", "max_accuracy_drop", "max_growth", "any_machine", "strict"),
    *("remeasure", "markdown", "subset"),
)
_OF_MODELS = (
    *("runtimes", "precisions", "provider", "threads", "batch", "seconds", "instances"),
    *("repeat", "out", "way", "neighbour"),
)

data_option = click.option(
    "--data", metavar="NAME|DIR|ZIP", help="Whose test set, for files that do not say it."
)
budget_ms_option = click.option(
    "--budget-ms", type=PositiveType(), help="For the summary: the longest a call may take."
)
budget_mb_option = click.option(
    "--budget-mb", type=PositiveType(), help="For the summary: the largest a file may be."
)
margin_option = click.option(
    "--margin",
    type=PercentType(),
    default="2%",
    show_default=True,
    help="Times that differ by less are the same.",
)
timeout_option = partial(
    click.option,
    "--timeout",
    type=PositiveType(),
    show_default=True,
    help="Seconds that an arm has for an answer.",
)


@click.command()
@click.argument("targets", nargs=-1, metavar="[MODEL|FILE.onnx]...")
@exports_option
@data_dir_option
@click.option(
    "--provider",
    "providers",
    type=NamesType(),
    default="cpu",
    show_default=True,
    help="Where to compute: cpu, cuda, or ONNX Runtime's name of another.",
)
@click.option(
    "--runtime",
    "runtimes",
    type=NamesType(),
    default="onnxruntime",
    show_default=True,
    help="onnxruntime, torch, torch-compile, or your own as package.module:Class.",
)
@click.option(
    "--precision", "precisions", type=NamesType(), help="Of artifacts.  [default: all published]"
)
@click.option(
    "--batch",
    "batches",
    type=CountsType(),
    default="1,64",
    show_default=True,
    help="Pictures a call; auto doubles them as long as that pays.",
)
@click.option("--threads", type=CountsType(), help="Of a call.  [default: all that are ours]")
@click.option(
    "--boundary",
    "boundaries",
    type=NamesType(),
    help="host counts copies, device does not.  [default: host; on a GPU both]",
)
@click.option(
    "--preset",
    metavar="quick|standard|thorough",
    default="standard",
    show_default=True,
    help="How much time a cell gets.",
)
@click.option(
    "--accuracy/--no-accuracy",
    "measure_accuracy",
    default=None,
    help="Run the whole test set, or take the card's word.  [default: the preset's]",
)
@margin_option
@data_option
@channels_option("--mean")
@channels_option("--std")
@click.option("--out", type=PATH, help="The CSV.  [default: results/<time>.csv]")
@click.option("--resume", is_flag=True, help="Go on with the sweep of --out.")
@click.option("--dry-run", is_flag=True, help="List the cells and the minutes expected.")
@click.option("--profile", is_flag=True, help="Also write the time of each operator.")
@budget_ms_option
@budget_mb_option
@timeout_option(default=600)
@click.option("--tf32", is_flag=True, help="Compute fp32 in TF32, on a GPU.")
@click.option("--cuda-graph", is_flag=True, help="Replay a CUDA graph, at the device boundary.")
@click.option("--allow-fallback", is_flag=True, help="Let nodes run on another provider.")
@json_option
def bench(
    targets: tuple[str, ...],
    exports: Path,
    data_dir: Path | None,
    precisions: tuple[str, ...] | None,
    preset: str,
    data: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
    out: Path | None,
    resume: bool,
    dry_run: bool,
    profile: bool,
    budget_ms: float | None,
    budget_mb: float | None,
    as_json: bool,
    threads: tuple[int, ...] | None,
    boundaries: tuple[str, ...] | None,
    **options: Any,
) -> None:
    """Measure every export, or those named, or any ONNX file; exits 1 where a cell failed."""
    from bench.benchmark import plan, run, seconds_expected
    from bench.console import RowPrinter, print_plan, print_summary
    from bench.foreign import Given
    from bench.matrix import Settings, find_preset
    from bench.results import FAILED
    from bench.summary import summarise
    from zoo.progress import progress_for

    settings = Settings(
        preset=find_preset(preset),
        threads=threads or (),
        boundaries=boundaries or (),  # type: ignore[arg-type]
        **options,
    )
    given = Given(mean, std, data)
    if dry_run:
        arms, settings = plan(
            targets, settings, precisions=precisions, exports=exports, given=given
        )
        print_plan(arms, settings, seconds_expected(arms, settings))
        return
    begun: list[Path] = []

    def on_start(path: Path) -> None:
        begun.append(path)
        if out is None:
            click.echo(f"results will stand in {path}", err=True)

    with _telling_how_to_go_on(begun), RowPrinter(quiet=as_json) as printer:
        rows = run(
            targets,
            settings,
            precisions=precisions,
            exports=exports,
            data_dir=data_dir,
            given=given,
            out=out,
            resume=resume,
            profile=profile,
            on_start=on_start,
            on_row=printer.add,
            progress=printer.progress or progress_for(),
        )
    if as_json:
        print_json(rows)
    else:
        print_summary(summarise(rows, budget_ms, budget_mb))
        click.echo(f"results   {begun[0]}")
        click.echo(f"next      python cli.py report {begun[0]}")
    if any(row.status == FAILED for row in rows):
        sys.exit(1)


@contextmanager
def _telling_how_to_go_on(begun: Sequence[Path]) -> Iterator[None]:
    """Say it where a sweep is interrupted that has begun."""
    try:
        yield
    except KeyboardInterrupt:
        for out in begun:
            click.echo(f"go on with the same command and: --resume --out {out}", err=True)
        raise


@click.command()
@click.argument("base", metavar="BASE.csv|MODEL|FILE.onnx")
@click.argument("new", metavar="NEW.csv|MODEL|FILE.onnx")
@exports_option
@data_dir_option
@margin_option
@click.option(
    "--max-slowdown",
    type=PercentType(),
    default="5%",
    show_default=True,
    help="Of two CSVs: beyond this a slowdown is a breach, if it is proven.",
)
@click.option(
    "--max-accuracy-drop",
    type=click.FloatRange(min=0),
    default=0.3,
    show_default=True,
    help="The same for accuracy, in points.",
)
@click.option(
    "--max-growth", type=PercentType(), help="The same for the size of a file.  [default: any]"
)
@click.option("--any-machine", is_flag=True, help="Compare files of two machines all the same.")
@click.option("--strict", is_flag=True, help="What cannot be decided is a failure.")
@click.option(
    "--subset",
    is_flag=True,
    help="NEW was asked for less than BASE: a row that it lacks is not lost.",
)
@click.option(
    "--remeasure/--no-remeasure",
    default=True,
    help="Measure rows again, in turns, where both files are at hand.",
)
@click.option("--markdown", is_flag=True, help="Print markdown for a comment.")
@json_option
@click.option(
    "--runtime",
    "runtimes",
    type=NamesType(),
    default="onnxruntime",
    show_default=True,
    help="Of two models: the engine of both, or of each.",
)
@click.option(
    "--precision",
    "precisions",
    type=NamesType(),
    default="fp32",
    show_default=True,
    help="Of two models: of both, or of each.",
)
@click.option("--provider", default="cpu", show_default=True, help="Where both compute.")
@click.option(
    "--threads", type=click.IntRange(min=1), help="Of a call.  [default: all that are ours]"
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Pictures a call."
)
@click.option(
    "--seconds",
    type=PositiveType(),
    default=6.0,
    show_default=True,
    help="Of turns; starts come on top.",
)
@click.option(
    "--instances",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="Pairs of processes, over which the interval is taken.",
)
@click.option(
    "--repeat", type=click.IntRange(min=1), default=1, show_default=True, help="Times over."
)
@click.option("--out", type=PATH, help="A CSV with a row a repeat; what it holds is kept.")
@click.option(
    "--way",
    metavar="turns|sequential|usual",
    default="turns",
    show_default=True,
    help="usual: 100 calls of A, then 100 of B; to see what turns are worth.",
)
@click.option(
    "--neighbour",
    type=PercentType(),
    default="0%",
    show_default=True,
    help="Disturb the measurement by a process that is busy for this share of the time.",
)
@timeout_option(default=120)
@channels_option("--mean")
@channels_option("--std")
def compare(
    base: str,
    new: str,
    exports: Path,
    data_dir: Path | None,
    margin: float,
    markdown: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Hold two results files, or two models, against each other.

    Two CSVs of `bench`: exits 1 where NEW is proven to be worse than allowed. Two models or ONNX
    files (or one of them twice, with two --runtime or --precision): measures NEW against BASE here
    and now, in turns.
    """
    csv_files = [name.lower().endswith(".csv") for name in (base, new)]
    if any(csv_files) and not all(csv_files):
        raise UsageError("compare takes two CSVs of bench, or two models or ONNX files.")
    _refuse_options(_OF_MODELS if all(csv_files) else _OF_RESULTS, all(csv_files))
    if all(csv_files):
        _compare_results(base, new, exports, data_dir, margin, markdown, as_json, options)
    else:
        _compare_pair((base, new), exports, data_dir, margin, as_json, options)


def _refuse_options(names: tuple[str, ...], are_results: bool) -> None:
    """What was asked for on the command line and would be ignored is refused."""
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if option.name in names
        and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
    if given:
        kinds = ["two models or ONNX files", "two CSVs of bench"]
        meant, not_meant = kinds if are_results else reversed(kinds)
        raise UsageError(f"{', '.join(given)} is for {meant}, not for {not_meant}.")


def _compare_results(
    base: str,
    new: str,
    exports: Path,
    data_dir: Path | None,
    margin: float,
    markdown: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from bench.compare import compare_results
    from bench.foreign import Given
    from bench.remeasure import Remeasurer
    from zoo.progress import progress_for

    remeasurer = Remeasurer(
        exports,
        data_dir=data_dir,
        given=Given(options["mean"], options["std"]),
        timeout=options["timeout"],
    )
    names = ("max_slowdown", "max_accuracy_drop", "max_growth", "any_machine", "strict", "subset")
    found = compare_results(
        Path(base),
        Path(new),
        margin=margin,
        remeasure=remeasurer if options["remeasure"] else None,
        progress=progress_for(still=True),
        **{name: options[name] for name in names},
    )
    if as_json:
        print_json(found.to_json())
    else:
        click.echo(found.markdown() if markdown else "\n".join(found.lines()))
    sys.exit(found.exit_code)


def _compare_pair(
    targets: tuple[str, str],
    exports: Path,
    data_dir: Path | None,
    margin: float,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from bench.console import print_pair
    from bench.foreign import Given
    from bench.pairs import PairSettings, compare_pair, find_way, summary
    from zoo.progress import progress_for
    from zoo.threads import thread_budget

    runtimes, precisions = (_two(options[name], name) for name in ("runtimes", "precisions"))
    settings = PairSettings(
        runtimes=runtimes,
        provider=options["provider"],
        threads=options["threads"] or thread_budget(),
        batch=options["batch"],
        margin=margin,
        seconds=options["seconds"],
        instances=options["instances"],
        way=find_way(options["way"]),
        neighbour=options["neighbour"],
        timeout=options["timeout"],
    )
    rows = []
    for row in compare_pair(
        targets,
        settings,
        precisions=precisions,
        exports=exports,
        data_dir=data_dir,
        given=Given(options["mean"], options["std"]),
        repeat=options["repeat"],
        out=options["out"],
        progress=progress_for(still=True),
    ):
        rows.append(row)
        if not as_json:
            print_pair(row)
    if as_json:
        print_json([asdict(row) for row in rows])
    else:
        click.echo("\n".join(summary(rows)))
    if any(row.wrong for row in rows):
        sys.exit(1)


def _two(names: tuple[str, ...], option: str) -> tuple[str, str]:
    """One value is meant for both arms."""
    if len(names) > 2:
        raise UsageError(f"--{option.removesuffix('s')} takes one value, or one for each of two.")
    return names[0], names[-1]


@click.command()
@click.argument("results", nargs=-1, required=True, type=PATH, metavar="RESULTS.csv...")
@exports_option
@click.option("--out", type=PATH, help="Where to write, without an ending.  [default: beside]")
@budget_ms_option
@budget_mb_option
def report(
    results: tuple[Path, ...],
    exports: Path,
    out: Path | None,
    budget_ms: float | None,
    budget_mb: float | None,
) -> None:
    """Write results as an HTML page, markdown, and a CSV summary."""
    from bench.console import print_report
    from bench.report import report as write_report

    made = write_report(results, out, exports=exports, budget_ms=budget_ms, budget_mb=budget_mb)
    click.echo("\n".join(made.summary.lines()))
    print_report(made)
