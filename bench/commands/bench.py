"""`bench`: measure models, and print the results."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bench.commands.options import (
    budget_mb_option,
    budget_ms_option,
    margin_option,
    memory_option,
    timeout_option,
)
from zoo.commands.console import print_json, say
from zoo.commands.description import description_options
from zoo.commands.kind import kind_options
from zoo.commands.parameters import (
    PATH,
    CountsType,
    NamesType,
    data_dir_option,
    exports_option,
    json_option,
    verbose_option,
)
from zoo.errors import command
from zoo.ort.given import Given
from zoo.specs.catalog import Kind


@click.command(short_help="Measure speed, accuracy, memory and size of models or files.")
@click.argument("targets", nargs=-1, metavar="[MODEL|FILE.onnx]...")
@exports_option
@data_dir_option
@click.option(
    "--provider",
    "providers",
    type=NamesType(),
    default="cpu",
    show_default=True,
    help="Execution providers: cpu, cuda, or ONNX Runtime's own name for another.",
)
@click.option(
    "--runtime",
    "runtimes",
    type=NamesType(),
    default="onnxruntime",
    show_default=True,
    help="Runtimes of `list runtimes`, or your own as package.module:Class.",
)
@click.option(
    "--precision",
    "precisions",
    type=NamesType(),
    help="Precisions of models.  [default: all published]",
)
@click.option(
    "--batch",
    "batches",
    type=CountsType(),
    help="Images per call; auto doubles them as long as throughput grows.  [default: 1,64]",
)
@click.option(
    "--scenario",
    metavar="NAME",
    help="What to measure.  [default: latency; throughput with --batch auto]",
)
@click.option("--threads", type=CountsType(), help="Threads of one call.  [default: all available]")
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
    help="How long each cell is measured.",
)
@click.option(
    "--accuracy/--no-accuracy",
    "measure_accuracy",
    default=None,
    help="Measure accuracy on the whole test set, or quote the card.  [default: by preset]",
)
@click.option(
    "--reference",
    metavar="MODEL|FILE.onnx",
    help="Measured model to compare all others with.  [default: each against its own fp32]",
)
@margin_option
@kind_options
@description_options
@click.option("--out", type=PATH, help="CSV to write.  [default: results/<time>.csv]")
@click.option("--resume", is_flag=True, help="Continue the sweep in --out.")
@click.option(
    "--dry-run", is_flag=True, help="List the cells and the expected time, without measuring."
)
@click.option("--profile", is_flag=True, help="Also write the time of each operator.")
@click.option(
    "--break-even",
    metavar="RUNTIME",
    default="torch",
    show_default=True,
    help="Say after how many calls each arm has cost less than this runtime, start-up included.",
)
@budget_ms_option
@budget_mb_option
@timeout_option(default=600)
@memory_option
@click.option("--tf32", is_flag=True, help="Compute fp32 in TF32, on a GPU.")
@click.option("--cuda-graph", is_flag=True, help="Replay a CUDA graph, at the device boundary.")
@click.option("--allow-fallback", is_flag=True, help="Let nodes fall back to another provider.")
@verbose_option
@json_option
def bench(
    targets: tuple[str, ...],
    exports: Path | None,
    data_dir: Path | None,
    precisions: tuple[str, ...] | None,
    preset: str,
    given: Given,
    kind: Kind,
    out: Path | None,
    resume: bool,
    dry_run: bool,
    profile: bool,
    budget_ms: float | None,
    budget_mb: float | None,
    verbose: bool,
    as_json: bool,
    threads: tuple[int, ...] | None,
    boundaries: tuple[str, ...] | None,
    batches: tuple[int, ...] | None,
    scenario: str | None,
    **options: Any,
) -> None:
    """Measure speed, accuracy, memory and size of models or files; by default, all published ones.

    Exits 1 if a cell failed.

    \b
    arm        one file in one runtime, on one provider, with so many threads
    cell       an arm at one batch size: a row of the results
    reference  fp32 in onnxruntime on the same provider: each arm is compared with it, in turns,
               and that one with the CPU, at batch 1
    boundary   host: a call includes copies from and to numpy; device: it does not
    card       what was measured when a model was exported: its card.json
    """
    from bench.commands.console import plan_facts, print_plan, print_summary
    from bench.commands.rows import RowPrinter
    from bench.results.rows import FAILED
    from bench.results.summary import summarise
    from bench.scenarios.registry import USUAL, find_scenario
    from bench.sweep.benchmark import plan, run, seconds_expected
    from bench.sweep.matrix import Settings, find_preset
    from zoo.progress import progress_for

    settings = Settings(
        preset=find_preset(preset),
        threads=threads or (),
        boundaries=boundaries or (),  # type: ignore[arg-type]
        batches=find_scenario(scenario or USUAL).usual if batches is None else batches,
        scenario=scenario,
        **options,
    )
    if dry_run:
        arms, settings = plan(
            targets,
            settings,
            precisions=precisions,
            exports=exports,
            given=given,
            kind=kind,
            progress=progress_for(),
        )
        expected = seconds_expected(arms, settings)
        if as_json:
            print_json(plan_facts(arms, settings, expected))
        else:
            print_plan(arms, settings, expected)
        return
    begun: list[Path] = []

    def on_start(path: Path) -> None:
        begun.append(path)
        if out is None:
            say(f"writing results to {path}", err=True)

    with _telling_how_to_go_on(begun), RowPrinter(quiet=as_json) as printer:
        rows = run(
            targets,
            settings,
            precisions=precisions,
            exports=exports,
            data_dir=data_dir,
            given=given,
            kind=kind,
            out=out,
            resume=resume,
            profile=profile,
            on_start=on_start,
            on_row=printer.add,
            progress=printer.progress or progress_for(verbose=verbose),
        )
    if as_json:
        print_json(rows)
    else:
        print_summary(summarise(rows, budget_ms, budget_mb))
        say(f"results   {begun[0]}")
        say(f"next      {command('report', begun[0])}")
    if any(row.status == FAILED for row in rows):
        sys.exit(1)


@contextmanager
def _telling_how_to_go_on(begun: Sequence[Path]) -> Iterator[None]:
    """If a sweep is interrupted after it began, say how to continue it."""
    try:
        yield
    except KeyboardInterrupt:
        for out in begun:
            again = shlex.join(["--resume", "--out", str(out)])
            say(f"to continue, run the same command with: {again}", err=True)
        raise
