"""The command line: parse, call, print. Everything heavy is imported inside the commands."""

import json
import math
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import zoo
from zoo.errors import ZooError, unknown_name

if TYPE_CHECKING:
    from zoo.training.examine import Findings

EXIT_INTERRUPTED = 130


class ZooGroup(click.Group):
    """Knows near names of commands, and turns the zoo's errors into one line and an exit code."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            _fail(unknown_name("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ZooError as error:
            _fail(error)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            sys.exit(EXIT_INTERRUPTED)


def _fail(error: ZooError) -> None:
    click.echo(f"error: {error}", err=True)
    sys.exit(error.exit_code)


class SizeType(click.ParamType[tuple[int, int]]):
    """`28` or `28x40` (height x width)."""

    name = "N or HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(
            part.isascii() and part.isdigit() and int(part) > 0 for part in parts
        ):
            self.fail(f"'{value}' is not a size. Write 28, or 28x40 for height x width.")
        return int(parts[0]), int(parts[-1])


class ShareType(click.ParamType[float]):
    """`5000` or `10%`."""

    name = "N or P%"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1
        share = text.endswith("%")
        if not 0 <= number < (100 if share else math.inf) or (not share and number % 1):
            self.fail(f"'{value}' is neither a count such as 5000 nor a share such as 10%.")
        return number / 100 if share else number


data_option = click.option(
    "--data", metavar="NAME|DIR|ZIP", help="Dataset by name, folder or zip.  [default: cifar10]"
)
data_dir_option = click.option(
    "--data-dir",
    envvar="ZOO_DATA",
    type=click.Path(path_type=Path),
    help="Where local copies of the datasets lie (also ZOO_DATA).",
)
size_option = click.option("--size", type=SizeType(), help="Scale the pictures to this size.")
grey_option = click.option("--grey", is_flag=True, default=None, help="Use grey pictures.")
skip_bad_option = click.option(
    "--skip-bad", is_flag=True, default=None, help="Leave unreadable pictures out and count them."
)
run_option = click.option(
    "--run", type=click.Path(path_type=Path), help="The run's own folder, instead of runs/<id>."
)
device_option = click.option(
    "--device", metavar="cpu|cuda", help="Default: cuda where it works, else cpu."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, message="%(version)s")
def main() -> None:
    """Train image classifiers and compare them.

    Begin with: python cli.py quickstart
    """


@main.command("list")
@click.argument("what", default="models", metavar="[models|datasets]")
@data_dir_option
@json_option
def list_command(what: str, data_dir: Path | None, as_json: bool) -> None:
    """List the models or the datasets."""
    from zoo.listing import LISTINGS, list_things

    if what not in LISTINGS:
        raise unknown_name("list", what, LISTINGS)
    rows = list_things(what, data_dir)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif sys.stdout.isatty():
        _print_table(rows)
    else:
        for row in rows:
            click.echo("\t".join(row.values()))


@main.command()
@click.argument("model")
@data_option
@data_dir_option
@size_option
@grey_option
@skip_bad_option
@click.option("--validate", type=ShareType(), help="Hold out pictures to validate on: 5000 or 10%.")
@click.option("--epochs", type=float, help="Passes over the data.  [default: the recipe's]")
@click.option("--batch", type=int, help="Pictures a step.  [default: the recipe's]")
@click.option("--lr", type=float, help="Peak learning rate.  [default: the recipe's]")
@click.option("--quick", is_flag=True, default=None, help="The recipe's shorter schedule.")
@click.option(
    "--flip/--no-flip", default=None, help="Whether mirror images keep their class (digits do not)."
)
@click.option(
    "--seed", type=click.IntRange(min=0), help="Another seed, other weights.  [default: 0]"
)
@device_option
@click.option("--precision", metavar="auto|fp32|bf16|fp16", help="Number format.  [default: auto]")
@click.option("--sub-batches", type=int, help="Compute each batch in N parts, to save memory.")
@click.option("--compile", is_flag=True, default=None, help="Go through torch.compile.")
@run_option
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace a run that exists.")
def train(
    model: str,
    data_dir: Path | None,
    run: Path | None,
    resume: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Train MODEL by its recipe, on CIFAR-10 unless told otherwise."""
    from zoo.catalog import find_model
    from zoo.progress import progress_for

    find_model(model)
    from zoo.training.options import TrainOptions
    from zoo.training.train import train as train_model

    done = train_model(
        model,
        TrainOptions(**options),
        run=run,
        resume=resume,
        overwrite=overwrite,
        data_dir=data_dir,
        progress=progress_for(),
    )
    click.echo(f"weights   {done.weights}")
    click.echo(f"history   {done.history}")
    click.echo(f"curves    {done.curves}")
    named = f" --run {run}" if run else ""
    name = model if run else done.folder.name
    click.echo(f"next      python cli.py test {name}{named}")


@main.command()
@click.argument("model")
@data_dir_option
@device_option
@run_option
@json_option
def test(
    model: str, data_dir: Path | None, device: str | None, run: Path | None, as_json: bool
) -> None:
    """Test the run of MODEL on the whole test set, in fp32."""
    from zoo.progress import progress_for
    from zoo.training.examine import test as test_run

    findings = test_run(model, run=run, data_dir=data_dir, device=device, progress=progress_for())
    if as_json:
        click.echo(json.dumps(asdict(findings), indent=2))
    else:
        _print_findings(findings)


@main.command()
@data_option
@data_dir_option
@size_option
@grey_option
@skip_bad_option
@click.option("--image", type=click.IntRange(min=0), help="Inspect training picture N alone.")
@click.option("--count", type=click.IntRange(1, 400), default=40, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="The PNG.  [default: samples.png]")
def samples(
    data: str | None,
    data_dir: Path | None,
    size: tuple[int, int] | None,
    grey: bool | None,
    skip_bad: bool | None,
    image: int | None,
    count: int,
    out: Path | None,
) -> None:
    """Draw training pictures with their class names."""
    from zoo.progress import progress_for
    from zoo.sampling import samples as draw
    from zoo.training.options import DEFAULT_DATA

    path = draw(
        data or DEFAULT_DATA,
        out,
        data_dir=data_dir,
        size=size,
        grey=bool(grey),
        skip_bad=bool(skip_bad),
        image=image,
        count=count,
        progress=progress_for(),
    )
    click.echo(path)


@main.command()
@data_dir_option
@json_option
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Say what runs on this machine; exits 1 where something wants mending."""
    from zoo.diagnosis import doctor as examine

    found = examine(data_dir)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        for finding in found:
            click.echo(f"{finding.status:8} {finding.what:20} {finding.text}")
    if any(finding.status == "problem" for finding in found):
        sys.exit(1)


@main.command()
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("quickstart"), show_default=True
)
def quickstart(folder: Path) -> None:
    """Train and test cnn on the embedded digits, in about a minute."""
    from zoo.progress import progress_for
    from zoo.tour import quickstart as tour

    made = tour(folder, progress_for())
    _print_findings(made.findings)
    click.echo(f"curves       {made.run.curves}")


def _print_findings(findings: "Findings") -> None:
    click.echo(f"{findings.id}: accuracy {findings.accuracy}")
    if findings.with_views:
        click.echo(f"{findings.id}: with test-time views {findings.with_views}")
    _print_table(
        [
            {
                "class": name,
                "accuracy": f"{share.share:.1%}",
                "right": f"{share.correct}/{share.images}",
            }
            for name, share in findings.per_class.items()
        ]
    )
    _print_confusion(findings)
    click.echo("a few test pictures:")
    for sample in findings.samples:
        mark = "right" if sample.label == sample.prediction else "WRONG"
        click.echo(
            f"  {sample.index:>4}  is {sample.label}, predicted {sample.prediction} "
            f"({sample.confidence:.0%})  {mark}"
        )
    for kind, path in findings.files.items():
        click.echo(f"{kind:12} {path}")


def _print_confusion(findings: "Findings") -> None:
    names = list(findings.per_class)
    if len(names) > 12:
        return
    width = max(5, *(len(name) for name in names))
    click.echo("confusion, a row for each true class, a column for each predicted one:")
    click.echo(" " * width + "".join(f" {name[:5]:>5}" for name in names))
    for name, counts in zip(names, findings.confusion, strict=True):
        click.echo(f"{name:>{width}}" + "".join(f" {count:>5}" for count in counts))


def _print_table(rows: Iterable[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    rows = list(rows)
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    Console(highlight=False, markup=False).print(table)


if __name__ == "__main__":
    main(prog_name="cli.py")
