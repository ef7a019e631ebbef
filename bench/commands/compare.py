"""`compare`: two results files, or two models here and now."""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from bench.commands.options import margin_option, memory_option, timeout_option
from zoo.commands.console import print_json, say
from zoo.commands.description import description_options
from zoo.commands.parameters import (
    PATH,
    NamesType,
    PercentType,
    PositiveType,
    data_dir_option,
    exports_option,
    json_option,
)
from zoo.errors import UsageError


class OfResults(click.Option):
    """An option that applies only to two results files."""


class OfModels(click.Option):
    """An option that applies only to two models."""


of_results = partial(click.option, cls=OfResults)
of_models = partial(click.option, cls=OfModels)

_OF_REMEASURING = ("mean", "std", "layout", "size", "output", "timeout", "memory")


@click.command(short_help="Say which of two models is faster, or whether NEW got worse.")
@click.argument("base", metavar="BASE.csv|MODEL|FILE.onnx")
@click.argument("new", metavar="NEW.csv|MODEL|FILE.onnx")
@exports_option
@data_dir_option
@margin_option
@of_results(
    "--max-slowdown",
    type=PercentType(),
    default="5%",
    show_default=True,
    help="For two CSVs: a proven slowdown beyond this is a breach.",
)
@of_results(
    "--max-accuracy-drop",
    type=click.FloatRange(min=0),
    default=0.3,
    show_default=True,
    help="For two CSVs: the same for a loss of accuracy, in points.",
)
@of_results(
    "--max-growth",
    type=PercentType(),
    help="For two CSVs: the same for growth of a file.  [default: any]",
)
@of_results(
    "--any-machine", is_flag=True, help="Compare files of two machines; times are then not judged."
)
@of_results("--strict", is_flag=True, help="Treat undecided rows as failures.")
@of_results(
    "--subset",
    is_flag=True,
    help="NEW measured less than BASE: its missing rows are not breaches.",
)
@of_results(
    "--remeasure/--no-remeasure",
    default=True,
    help="Measure rows again, in turns, where both ONNX files are available.",
)
@click.option("--markdown", is_flag=True, help="Print markdown, for a comment on a pull request.")
@json_option
@of_models(
    "--runtime",
    "runtimes",
    type=NamesType(),
    default="onnxruntime",
    show_default=True,
    help="Runtime of both models, or one for each.",
)
@of_models(
    "--precision",
    "precisions",
    type=NamesType(),
    default="fp32",
    show_default=True,
    help="Precision of both models, or one for each.",
)
@of_models("--provider", default="cpu", show_default=True, help="Execution provider of both.")
@of_models(
    "--boundary",
    metavar="host|device",
    default="host",
    show_default=True,
    help="host counts copies, device does not.",
)
@of_models("--tf32", is_flag=True, help="Compute fp32 in TF32, on a GPU.")
@of_models("--cuda-graph", is_flag=True, help="Replay a CUDA graph, at the device boundary.")
@of_models(
    "--threads", type=click.IntRange(min=1), help="Threads of one call.  [default: all available]"
)
@of_models(
    "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Images per call."
)
@of_models(
    "--seconds",
    type=PositiveType(),
    default=6.0,
    show_default=True,
    help="Seconds of turns, start-up not included.",
)
@of_models(
    "--instances",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="Pairs of processes behind the interval.",
)
@of_models(
    "--accuracy/--no-accuracy",
    "measure_accuracy",
    default=None,
    help="Measure accuracy on the whole test set, or quote the card.  "
    "[default: measure if available]",
)
@of_models(
    "--repeat",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of comparisons.",
)
@of_models("--out", type=PATH, help="CSV to write, one row per comparison; its rows are kept.")
@of_models(
    "--way",
    metavar="turns|sequential|usual",
    default="turns",
    show_default=True,
    help="usual: 100 calls of A, then 100 of B, to see what turns gain.",
)
@of_models(
    "--neighbour",
    type=PercentType(),
    default="0%",
    show_default=True,
    help="Keep a competing process busy for this share of the time.",
)
@timeout_option(default=120)
@memory_option
@partial(description_options, of_answers=OfModels)
def compare(
    base: str,
    new: str,
    exports: Path | None,
    data_dir: Path | None,
    margin: float,
    markdown: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Compare two results files, or two models.

    Two CSVs of `bench`: exits 1 if NEW is proven to be worse than allowed. Two models or ONNX
    files (or the same twice, with two --runtime or --precision): measures them now, in turns, and
    says which is faster.
    """
    csv_files = [name.lower().endswith(".csv") for name in (base, new)]
    if any(csv_files) and not all(csv_files):
        raise UsageError("compare takes two CSVs of bench, or two models or ONNX files.")
    if all(csv_files):
        _refuse(
            lambda option: isinstance(option, OfModels),
            "is for two models or ONNX files, not for two CSVs of bench.",
        )
        if not options["remeasure"]:
            _refuse(
                lambda option: option.name in _OF_REMEASURING,
                "is for measuring rows again; leave out this option or --no-remeasure.",
            )
        _compare_results(base, new, exports, data_dir, margin, markdown, as_json, options)
    else:
        _refuse(
            lambda option: isinstance(option, OfResults),
            "is for two CSVs of bench, not for two models or ONNX files.",
        )
        _compare_pair((base, new), exports, data_dir, margin, markdown, as_json, options)


def _refuse(unused: Callable[[click.Parameter], bool], reason: str) -> None:
    """Refuse command-line options that would be ignored."""
    context = click.get_current_context()
    given = [
        option.opts[0]
        for option in context.command.params
        if unused(option)
        and context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        raise UsageError(f"{', '.join(given)} {reason}")


def _compare_results(
    base: str,
    new: str,
    exports: Path | None,
    data_dir: Path | None,
    margin: float,
    markdown: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from bench.regression.compare_results import compare_results
    from bench.regression.remeasure import Remeasurer
    from zoo.progress import progress_for

    remeasurer = Remeasurer(
        exports,
        data_dir=data_dir,
        given=options["given"],
        timeout=options["timeout"],
        memory=options["memory"],
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
        say(*(found.markdown().split("\n") if markdown else found.lines()))
    sys.exit(found.exit_code)


def _compare_pair(
    targets: tuple[str, str],
    exports: Path | None,
    data_dir: Path | None,
    margin: float,
    markdown: bool,
    as_json: bool,
    options: dict[str, Any],
) -> None:
    from bench.commands.console import print_pair, print_pair_answer
    from bench.pair import answer
    from bench.pair.pairs import compare_pair
    from bench.pair.settings import PairSettings, find_way
    from bench.results.rows import OK
    from zoo.machine.threads import thread_budget
    from zoo.progress import progress_for

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
        memory=options["memory"],
        boundary=options["boundary"],
        tf32=options["tf32"],
        cuda_graph=options["cuda_graph"],
        measure_accuracy=options["measure_accuracy"],
    )
    rows = []
    for row in compare_pair(
        targets,
        settings,
        precisions=precisions,
        exports=exports,
        data_dir=data_dir,
        given=options["given"],
        repeat=options["repeat"],
        out=options["out"],
        progress=progress_for(still=True),
    ):
        rows.append(row)
        if options["repeat"] > 1 and not (as_json or markdown):
            print_pair(row)
    if as_json:
        print_json(answer.to_json(rows))
    elif markdown:
        say(*answer.markdown(rows))
    else:
        print_pair_answer(rows)
    if any(row.status != OK for row in rows):
        sys.exit(1)


def _two(names: tuple[str, ...], option: str) -> tuple[str, str]:
    """One value counts for both arms."""
    if len(names) > 2:
        raise UsageError(f"--{option.removesuffix('s')} takes one or two values.")
    return names[0], names[-1]
