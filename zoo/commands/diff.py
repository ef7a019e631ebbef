"""`diff`: where two models that should agree first differ."""

import sys
from typing import TYPE_CHECKING, Any

import click

from zoo.commands.console import print_json, print_table, say, say_wrapped
from zoo.commands.description import description_options
from zoo.commands.parameters import (
    PATH,
    NamesType,
    data_dir_option,
    exports_option,
    json_option,
    memory_option,
    timeout_option,
)
from zoo.errors import UsageError
from zoo.escaping import printable
from zoo.tables import write_table

if TYPE_CHECKING:
    from zoo.drawing.differences import Diff

_COLUMNS = (
    *("model", "layer", "in_b", "kind", "operator", "shape", "matched"),
    *("error", "added", "largest", "spread", "note"),
)


@click.command(short_help="Show where two models that should agree first differ.")
@click.argument("a", metavar="MODEL[:PRECISION]|FILE.onnx")
@click.argument("b", required=False, metavar="[MODEL[:PRECISION]|FILE.onnx]")
@click.option(
    "--images", type=PATH, help="Folder of images.  [default: test images of the dataset]"
)
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Number of images to compare on.",
)
@click.option(
    "--max-difference",
    type=click.FloatRange(min=0),
    help="Largest allowed error of a layer, as a share of its spread; above it the exit code is "
    "1.  [default: 0.001 for fp32, 0.02 for fp16, 0.25 for int8]",
)
@click.option("--out", type=PATH, help="Folder to write to.  [default: results/<id>]")
@exports_option
@data_dir_option
@click.option(
    "--precision",
    "precisions",
    type=NamesType(),
    help="Precision of both models, or one for each.  [default: fp32]",
)
@click.option(
    "--provider",
    "providers",
    type=NamesType(),
    default="cpu",
    show_default=True,
    help="Execution provider of both models, or one for each.",
)
@description_options
@timeout_option(
    "seconds", default=120, help="Time limit of an ONNX file, in seconds for each call."
)
@memory_option(help="Memory limit of an ONNX file.  [default: three quarters of free memory]")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one row per layer.")
def diff(a: str, b: str | None, as_json: bool, as_csv: bool, **options: Any) -> None:
    """Compare two models layer by layer, and write a page of it.

    For two precisions, providers, exports or files of one network: names the first layer whose
    error is above the bound, and how many classes change. Without a second model, the first one is
    compared with itself, in two --precision or on two --provider.
    """
    from zoo.actions.diff import diff as find_differences
    from zoo.progress import progress_for

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot both be printed. Choose one.")
    made = find_differences(a, b, progress=progress_for(), **options)
    if as_json:
        print_json(made.to_json())
    elif as_csv:
        print_csv(made)
    else:
        print_differences(made)
    if made.first is not None:
        sys.exit(1)


def print_differences(made: "Diff") -> None:
    """One row per layer, the layers that were not compared, and the effect on answers."""
    from zoo.drawing.differences import answers, percent, verdict

    say_wrapped(f"A         {made.a}", f"B         {made.b}", f"images    {made.origin}")
    print_table(
        {
            "layer": layer.name,
            "in B": "" if layer.other == layer.name else layer.other,
            "shape": "x".join(map(str, layer.shape)),
            "error": percent(layer.error),
            "added": percent(layer.added),
            "largest": percent(layer.largest),
            "note": layer.note,
        }
        for layer in made.layers
    )
    if made.alone:
        say("not compared:")
        say_wrapped(*(f"  {one.model} {one.name}: {one.reason}" for one in made.alone))
    worst = made.worst
    lines = [f"bound     {verdict(made)}"]
    if worst.added > 0:
        lines.append(f"adds most {worst.name}: {percent(worst.added)}")
    lines += [f"answers   {text}" for text in answers(made.effect)]
    for one in made.effect.examples:
        truth = f" ({one.truth})" if one.truth else ""
        lines.append(f"changed   {one.name}{truth}: A says {one.a}, B says {one.b}")
    say_wrapped(*lines, f"wrote     {made.page}")


def print_csv(made: "Diff") -> None:
    """Names are unescaped for programs, and escaped on a terminal."""
    text_of = printable if sys.stdout.isatty() else str
    shared = (
        (
            *("both", text_of(one.name), text_of(one.other), one.kind, text_of(one.operator)),
            *("x".join(map(str, one.shape)), one.matched),
            *(one.error, one.added, one.largest, one.spread, text_of(one.note)),
        )
        for one in made.layers
    )
    alone = (
        (
            *(one.model, text_of(one.name), None, one.kind, None, "x".join(map(str, one.shape))),
            *(None, None, None, None, None, text_of(one.reason)),
        )
        for one in made.alone
    )
    write_table(sys.stdout, _COLUMNS, (*shared, *alone))
