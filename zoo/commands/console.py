"""What the commands print, for people and for scripts."""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from zoo.artifacts.places import option
from zoo.commands.layout import fits, shortened, table_lines, terminal_width, wrapped
from zoo.errors import command
from zoo.escaping import printable
from zoo.tables import write_table

if TYPE_CHECKING:
    from zoo.actions.check import Reproduction
    from zoo.actions.predict import Prediction
    from zoo.actions.show import Shown, ShownLayer
    from zoo.actions.test import Findings
    from zoo.actions.verify import Check
    from zoo.artifacts.artifact import Artifact
    from zoo.machine.finding import Finding

_LAYER = 24  # letters of a layer's name, on a terminal
# The order in which columns of the table of layers are dropped if there is no room.
_SPARED = ("bytes", "std", "kind", "range", "zeros", "MACs", "mean", "dead")


def say(*lines: str, err: bool = False, tabs: bool = False) -> None:
    """All output of commands goes through here, so that no line can control the terminal.

    tabs: tabs in the lines separate cells and are kept.
    """
    if tabs:
        lines = tuple("\t".join(map(printable, line.split("\t"))) for line in lines)
    else:
        lines = tuple(map(printable, lines))
    click.echo("\n".join(lines), err=err)


def say_wrapped(*lines: str) -> None:
    """Like `say`, but wrapped between words on a terminal, with further lines indented more."""
    if not sys.stdout.isatty():
        for line in lines:
            say(line)
        return
    width = terminal_width()
    for line in lines:
        text = line.lstrip()
        say(*wrapped(text, width, line[: len(line) - len(text)]))


def print_json(value: Any) -> None:
    """Print JSON; dataclasses become objects."""
    click.echo(json.dumps(value, indent=2, default=asdict))


def print_table(rows: Iterable[dict[str, str]]) -> None:
    """At least one row; the keys of the first are the headings.

    On a terminal it fits the width; in a pipe each row is a line with tabs between cells.
    """
    clean = [{name: printable(text) for name, text in row.items()} for row in rows]
    if sys.stdout.isatty():
        say(*table_lines(clean, terminal_width()))
    else:
        say(
            *("\t".join(cells) for cells in (clean[0], *(row.values() for row in clean))), tabs=True
        )


def print_list(rows: list[dict[str, str]]) -> None:
    """A table on a terminal; in a pipe one item per line, name first, never truncated."""
    if sys.stdout.isatty() and rows:
        print_table(rows)
        return
    for row in rows:
        say("\t".join(map(printable, row.values())), tabs=True)


def print_findings(findings: "Findings") -> None:
    """What `test` found: accuracy, classes, confusion, a few images, the files."""
    say(f"{findings.id}: accuracy {findings.accuracy}")
    if findings.with_views:
        say(f"{findings.id}: with test-time views {findings.with_views}")
    if findings.top5:
        say(f"{findings.id}: top-5 accuracy {findings.top5}")
    say(f"{findings.id}: expected calibration error {100 * findings.calibration.error:.1f} points")
    print_table(
        {
            "class": name,
            "accuracy": f"{share.share:.1%}",
            "right": f"{share.correct}/{share.images}",
        }
        for name, share in findings.per_class.items()
    )
    _print_confusion(findings)
    say("a few test images:")
    for sample in findings.samples:
        mark = "right" if sample.label == sample.prediction else "WRONG"
        say(
            f"  {sample.index:>4}  is {sample.label}, predicted {sample.prediction} "
            f"({sample.confidence:.0%})  {mark}"
        )
    for kind, path in findings.files.items():
        say(f"{kind:12} {path}")


def _print_confusion(findings: "Findings") -> None:
    names = list(findings.per_class)
    if len(names) > 12:
        return
    width = max(5, *(len(name) for name in names))
    say("confusion, a row for each true class, a column for each predicted class:")
    say(" " * width + "".join(f" {name[:5]:>5}" for name in names))
    for name, counts in zip(names, findings.confusion, strict=True):
        say(f"{name:>{width}}" + "".join(f" {count:>5}" for count in counts))


def print_artifact(artifact: "Artifact", where: str = "wrote") -> None:
    """What was published, a row for each file. where: the word before its folder."""
    card = artifact.card
    say(f"{card.id}: the network's accuracy is {card.accuracy}")
    print_table(
        {
            "file": file.file,
            "KiB": f"{artifact.entry['files'][file.file]['bytes'] / 1024:,.0f}",
            "nodes": str(file.nodes),
            "accuracy": f"{file.accuracy.share:.2%}",
            "same class": f"{file.agreement}/{file.accuracy.images}",
            "largest difference": f"{max(file.max_difference.values()):.2g}",
        }
        for file in card.precisions.values()
    )
    say(f"{where:9} {artifact.folder}")
    say(f"next      {command('verify', card.id, *option(artifact.place))}")


def print_reproductions(found: list["Reproduction"]) -> None:
    """Whether each published file comes out the same, and why not."""
    for one in found:
        say(f"{'same' if one.same else 'different':10} {one.file}")
        for reason in one.why:
            say(f"{'':10} {reason}")


def print_checks(checks: list["Check"]) -> None:
    """One line for each check of `verify`; on a terminal, grouped under the target."""
    if not sys.stdout.isatty():
        for check in checks:
            say(f"{check.status:8} {check.target}  {check.name}: {check.text}")
        return
    width = terminal_width()
    for target, found in groupby(checks, lambda check: check.target):
        say(shortened(printable(target), width))
        for check in found:
            say(*wrapped(f"{check.status:8} {check.name}: {check.text}", width, more=" " * 9))


def print_diagnosis(found: list["Finding"]) -> None:
    """One line for each thing that `doctor` checked."""
    say_wrapped(*(f"{finding.status:8} {finding.what:20} {finding.text}" for finding in found))


def naming_problems(
    predictions: Iterable["Prediction"], read: Counter[bool]
) -> Iterator["Prediction"]:
    """Pass predictions on, report those that failed, and count both kinds."""
    for prediction in predictions:
        read[not prediction.problem] += 1
        if prediction.problem:
            say(f"unreadable: {prediction.path}: {prediction.problem}", err=True)
        yield prediction


def print_shown(shown: "Shown") -> None:
    """What `show` found: the answer, a line for each layer, the files."""
    one: Shown | None = shown
    while one is not None:
        say(f"{one.title}, {one.origin}" if one.origin else one.title)
        if one.guesses:
            guesses = (f"{guess.class_name} {guess.probability:.1%}" for guess in one.guesses)
            say(f"answer    {', '.join(guesses)}")
        print_layers(one.layers)
        say_wrapped(f"time      {one.time}")
        if one.units:
            say_wrapped(f"dead      units that give 0 {one.units}")
        one = one.beside
    say(f"wrote     {shown.page}", *([f"wrote     {shown.png}"] if shown.png else []))


def print_layers(layers: Iterable["ShownLayer"]) -> None:
    """One line per layer; a terminal gets as many columns as fit."""
    rows = [{name: text for name, text in _cells(layer) if text is not None} for layer in layers]
    if sys.stdout.isatty():
        rows = [row | {"layer": shortened(printable(row["layer"]), _LAYER)} for row in rows]
        for column in _SPARED:
            if fits(rows, terminal_width()):
                break
            rows = [{name: text for name, text in row.items() if name != column} for row in rows]
    print_table(rows)


def _cells(layer: "ShownLayer") -> Iterator[tuple[str, str | None]]:
    """Headings and texts; None for columns that need an image."""
    of_values, step = layer.statistics, f"with {layer.step_of}" if layer.step_of else ""
    yield "layer", layer.name
    yield "kind", layer.kind
    yield "shape", "x".join(map(str, layer.shape))
    yield "parameters", f"{layer.parameters:,}"
    yield "MACs", "" if layer.macs is None else f"{layer.macs:,}"
    yield "bytes", f"{layer.bytes:,}"
    yield "mean", f"{of_values.mean:.3g}" if of_values else None
    yield "std", f"{of_values.std:.3g}" if of_values else None
    yield "range", f"{of_values.low:.3g} to {of_values.high:.3g}" if of_values else None
    yield "zeros", f"{of_values.zeros:.0%}" if of_values else None
    yield "dead", "" if layer.dead is None else f"{layer.dead:.0%}"
    short = shortened(step, _LAYER) if sys.stdout.isatty() else step
    yield "time", short if layer.time is None else f"{layer.time:.1%}"


def print_shown_json(shown: "Shown") -> None:
    """The same for a program, with the paths as text."""
    click.echo(json.dumps(_plain(shown), indent=2))


def _plain(shown: "Shown") -> dict[str, Any]:
    found = asdict(replace(shown, beside=None))
    return found | {
        "page": click.format_filename(shown.page),
        "png": click.format_filename(shown.png) if shown.png else None,
        "beside": _plain(shown.beside) if shown.beside else None,
    }


def print_guesses(predictions: Iterable["Prediction"]) -> None:
    """One line for each image, as soon as it is available."""
    for prediction in predictions:
        if prediction.guesses:
            guesses = (
                f"{guess.class_name} {guess.probability:.1%}" for guess in prediction.guesses
            )
            say(f"{prediction.path}  {', '.join(guesses)}")


def print_guesses_json(predictions: Iterable["Prediction"]) -> None:
    """A JSON list that is complete even if the predictions end early."""
    click.echo("[", nl=False)
    try:
        for count, prediction in enumerate(predictions):
            guesses = [
                {"class": guess.class_name, "probability": guess.probability}
                for guess in prediction.guesses
            ]
            answer = {"problem": prediction.problem} if prediction.problem else {"guesses": guesses}
            row = json.dumps({"path": click.format_filename(prediction.path), **answer})
            click.echo(f"{',' if count else ''}\n  {row}", nl=False)
    finally:
        click.echo("\n]")


def print_guesses_csv(predictions: Iterable["Prediction"]) -> None:
    """One row per guess; names are unescaped for programs, and escaped on a terminal."""
    name_of = printable if sys.stdout.isatty() else str
    lines = (
        (
            name_of(click.format_filename(prediction.path)),
            rank,
            name_of(guess.class_name),
            guess.probability,
        )
        for prediction in predictions
        for rank, guess in enumerate(prediction.guesses, 1)
    )
    write_table(sys.stdout, ("path", "rank", "class", "probability"), lines)
