"""The command line: parse, call, print. Everything heavy is imported inside the commands."""

import csv
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import zoo
from zoo.errors import UsageError, ZooError, unknown_name

if TYPE_CHECKING:
    from zoo.artifacts import Artifact
    from zoo.exporting.comparison import Comparison
    from zoo.predicting import Prediction
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
    text = "\n".join(map(_printable, str(error).splitlines()))
    click.echo(f"error: {text}", err=True)
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


class NumbersType(click.ParamType[tuple[float, ...]]):
    """`.485,.456,.406`, or a single number."""

    name = "N,N,N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of numbers. Write .485,.456,.406 for three.")


class NamesType(click.ParamType[tuple[str, ...]]):
    """`fp32,int8`."""

    name = "NAME,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        return tuple(part.strip() for part in str(value).split(","))


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
exports_option = click.option(
    "--exports",
    type=click.Path(path_type=Path),
    help="The folder of published models.  [default: exports]",
)


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, message="%(version)s")
def main() -> None:
    """Train image classifiers and compare them.

    Begin with: python cli.py quickstart
    """


@main.command("list")
@click.argument("what", default="models", metavar="[models|datasets|exports]")
@data_dir_option
@exports_option
@json_option
@click.option("--markdown", is_flag=True, help="Print the exports as the README shows them.")
def list_command(
    what: str, data_dir: Path | None, exports: Path | None, as_json: bool, markdown: bool
) -> None:
    """List the models, the datasets or the exports."""
    from zoo.artifacts import EXPORTS
    from zoo.listing import LISTINGS, list_things, markdown_table

    if what not in LISTINGS:
        raise unknown_name("list", what, LISTINGS)
    if markdown:
        if what != "exports":
            raise UsageError("--markdown is for: list exports.")
        click.echo(markdown_table(exports or EXPORTS))
        return
    rows = list_things(what, data_dir, exports or EXPORTS)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif sys.stdout.isatty() and rows:
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
@exports_option
@json_option
def test(
    model: str,
    data_dir: Path | None,
    device: str | None,
    run: Path | None,
    exports: Path | None,
    as_json: bool,
) -> None:
    """Test the run of MODEL, else its export, on the whole test set, in fp32."""
    from zoo.artifacts import EXPORTS
    from zoo.progress import progress_for
    from zoo.training.examine import test as test_run

    findings = test_run(
        model,
        run=run,
        exports=exports or EXPORTS,
        data_dir=data_dir,
        device=device,
        progress=progress_for(),
    )
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
@click.argument("model")
@run_option
@data_dir_option
@exports_option
@click.option(
    "--precision", type=NamesType(), help="Formats to publish.  [default: fp32,fp16,int8]"
)
@click.option(
    "--input",
    "form",
    metavar="uint8-nhwc|float32-nchw",
    help="Raw pixels, or pictures that the caller normalises.  [default: uint8-nhwc]",
)
@click.option("--opset", type=int, help="Of the files.  [default: 20]")
@click.option("--check", is_flag=True, help="Say whether the published files come out the same.")
@json_option
def export(
    model: str,
    run: Path | None,
    data_dir: Path | None,
    exports: Path | None,
    precision: tuple[str, ...] | None,
    form: str | None,
    opset: int | None,
    check: bool,
    as_json: bool,
) -> None:
    """Publish the run of MODEL as ONNX files, if they pass the gate."""
    from zoo.artifacts import EXPORTS, PRECISIONS
    from zoo.progress import progress_for
    from zoo.signature import PIXELS

    root, form, progress = exports or EXPORTS, form or PIXELS, progress_for()
    if check:
        from zoo.exporting.comparison import compare

        if precision or opset is not None:
            raise UsageError(
                "--check looks at what was published; leave --precision and --opset away."
            )
        found = compare(model, run=run, form=form, exports=root, progress=progress)
        _print_comparisons(found, as_json)
        if not all(comparison.same for comparison in found):
            sys.exit(1)
        return
    from zoo.exporting.convert import OPSET
    from zoo.exporting.export import export as export_run

    artifact = export_run(
        model,
        run=run,
        precisions=precision or PRECISIONS,
        form=form,
        opset=OPSET if opset is None else opset,
        exports=root,
        data_dir=data_dir,
        progress=progress,
    )
    if as_json:
        click.echo(json.dumps({"id": artifact.id, **artifact.entry}, indent=2))
    else:
        _print_artifact(artifact)


@main.command()
@click.argument("model", metavar="MODEL|FILE.onnx")
@click.argument(
    "images", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="IMAGE..."
)
@exports_option
@click.option("--precision", metavar="fp32|fp16|int8", help="Of the export.  [default: fp32]")
@click.option(
    "--provider", default="cpu", metavar="cpu|cuda", show_default=True, help="Where to compute."
)
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Classes a picture."
)
@click.option("--mean", type=NumbersType(), help="Per channel, for a file that does not say it.")
@click.option("--std", type=NumbersType(), help="Per channel, for a file that does not say it.")
@click.option("--save", type=click.Path(path_type=Path), help="A PNG of the first pictures.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print a row for each guess.")
def predict(
    model: str,
    images: tuple[Path, ...],
    exports: Path | None,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Name the classes of pictures; IMAGE is a file or a folder, and there may be many."""
    from zoo.artifacts import EXPORTS
    from zoo.predicting import predict as predict_images
    from zoo.progress import progress_for

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot both be printed. Choose one.")
    found = predict_images(
        model, images, exports=exports or EXPORTS, progress=progress_for(), **options
    )
    read: Counter[bool] = Counter()
    show = _show_json if as_json else _show_csv if as_csv else _show_text
    show(_naming_problems(found, read))
    if read[False]:
        raise ZooError(f"{read[False]} of {read.total()} pictures could not be read.")


@main.command()
@click.argument("targets", nargs=-1, metavar="[EXPORT|FILE.onnx]...")
@exports_option
@data_dir_option
@click.option(
    "--accuracy/--no-accuracy", default=True, help="Measure it again, where the data is at hand."
)
@json_option
def verify(
    targets: tuple[str, ...],
    exports: Path | None,
    data_dir: Path | None,
    accuracy: bool,
    as_json: bool,
) -> None:
    """Check published models, or any ONNX file; exits 1 where something is wrong."""
    from zoo.artifacts import EXPORTS
    from zoo.progress import progress_for
    from zoo.verifying import verify as check

    checks = check(
        *targets,
        exports=exports or EXPORTS,
        data_dir=data_dir,
        accuracy=accuracy,
        progress=progress_for(),
    )
    if as_json:
        click.echo(json.dumps([asdict(made) for made in checks], indent=2))
    else:
        for made in checks:
            click.echo(f"{made.status:8} {made.target}  {made.name}: {made.text}")
    if any(made.status == "failed" for made in checks):
        sys.exit(1)


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
    """Train, test, export and verify cnn on the embedded digits, in about a minute."""
    from zoo.progress import progress_for
    from zoo.tour import quickstart as tour

    made = tour(folder, progress_for())
    _print_findings(made.findings)
    click.echo(f"curves       {made.run.curves}")
    _print_artifact(made.artifact)
    good = sum(check.status == "ok" for check in made.checks)
    click.echo(f"verified     {good} checks are ok")


def _print_artifact(artifact: "Artifact") -> None:
    card = artifact.card
    click.echo(f"{card.id}: the network's accuracy is {card.accuracy}")
    _print_table(
        [
            {
                "file": file.file,
                "KiB": f"{artifact.entry['files'][file.file]['bytes'] / 1024:,.0f}",
                "nodes": str(file.nodes),
                "accuracy": f"{file.accuracy.share:.2%}",
                "same class": f"{file.agreement}/{file.accuracy.images}",
                "largest difference": f"{max(file.max_difference.values()):.2g}",
            }
            for file in card.precisions.values()
        ]
    )
    click.echo(f"published {artifact.folder}")
    elsewhere = "" if artifact.root == Path("exports") else f" --exports {artifact.root}"
    click.echo(f"next      python cli.py verify {card.id}{elsewhere}")


def _print_comparisons(found: list["Comparison"], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([asdict(comparison) for comparison in found], indent=2))
        return
    for comparison in found:
        click.echo(f"{'same' if comparison.same else 'different':10} {comparison.file}")
        for reason in comparison.why:
            click.echo(f"{'':10} {reason}")


def _naming_problems(
    predictions: Iterable["Prediction"], read: Counter[bool]
) -> Iterator["Prediction"]:
    """Pass predictions on, name those that failed, and count both kinds."""
    for prediction in predictions:
        read[not prediction.problem] += 1
        if prediction.problem:
            click.echo(f"unreadable: {_shown(prediction.path)}: {prediction.problem}", err=True)
        yield prediction


def _show_text(predictions: Iterable["Prediction"]) -> None:
    for prediction in predictions:
        if prediction.guesses:
            guesses = (
                f"{_printable(guess.class_name)} {guess.probability:.1%}"
                for guess in prediction.guesses
            )
            click.echo(f"{_shown(prediction.path)}  {', '.join(guesses)}")


def _show_json(predictions: Iterable["Prediction"]) -> None:
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


def _show_csv(predictions: Iterable["Prediction"]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["path", "rank", "class", "probability"])
    for prediction in predictions:
        path = click.format_filename(prediction.path)
        for rank, guess in enumerate(prediction.guesses, 1):
            writer.writerow([path, rank, guess.class_name, guess.probability])


def _shown(path: Path) -> str:
    return _printable(click.format_filename(path))


def _printable(text: str) -> str:
    """Names come from strangers' files: nothing in them may steer the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


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
