"""The command line: parse, call, print. Everything heavy is imported inside the commands."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import click

import zoo
from bench.commands.bench import bench
from bench.commands.compare import compare
from bench.commands.report import report
from zoo.console import (
    naming_problems,
    print_artifact,
    print_checks,
    print_comparisons,
    print_diagnosis,
    print_findings,
    print_guesses,
    print_guesses_csv,
    print_guesses_json,
    print_json,
    print_list,
    printable,
)
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.parameters import (
    PATH,
    NamesType,
    ShareType,
    channels_option,
    data_dir_option,
    data_option,
    device_option,
    exports_option,
    grey_option,
    json_option,
    run_option,
    size_option,
    skip_bad_option,
)

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
    text = "\n".join(map(printable, str(error).splitlines()))
    click.echo(f"error: {text}", err=True)
    sys.exit(error.exit_code)


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, message="%(version)s")
def main() -> None:
    """Train image classifiers and compare them.

    Begin with: python cli.py quickstart
    """


for command in (bench, compare, report):
    main.add_command(command)


@main.command("list")
@click.argument("what", default="models", metavar="[models|datasets|runtimes|providers|exports]")
@data_dir_option
@exports_option
@json_option
@click.option("--markdown", is_flag=True, help="Print the exports as the README shows them.")
def list_command(
    what: str, data_dir: Path | None, exports: Path, as_json: bool, markdown: bool
) -> None:
    """List models, datasets, runtimes, providers or exports."""
    from bench.runtimes import list_runtimes
    from zoo.listing import LISTINGS, list_things, markdown_table

    if what not in (*LISTINGS, "runtimes"):
        raise unknown_name("list", what, (*LISTINGS, "runtimes"))
    if markdown:
        if what != "exports":
            raise UsageError("--markdown is for: list exports.")
        click.echo(markdown_table(exports))
        return
    rows = list_runtimes() if what == "runtimes" else list_things(what, data_dir, exports)
    if as_json:
        print_json(rows)
    else:
        print_list(rows)


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
@click.option(
    "--backbone",
    metavar="NAME",
    help="For transfer: a network of torchvision or of this zoo.  [default: inception_v3]",
)
@click.option("--backbone-size", type=int, metavar="N", help="Show it pictures of this side.")
@click.option(
    "--backbone-layer",
    metavar="pooled|maps",
    help="Latents behind, or before, its last pooling.",
)
@click.option(
    "--backbone-init", metavar="random", help="Take random weights, as a baseline or for tests."
)
@click.option(
    "--weights", metavar="FILE", help="The backbone's: safetensors, or a torch state dict."
)
@click.option(
    "--flip-average",
    is_flag=True,
    default=None,
    help="Average the latents of a picture and its mirror image.",
)
@click.option(
    "--head",
    metavar="linear|hidden|N",
    help="On the backbone, N: hidden units instead of 512.  [default: the better of the two]",
)
@click.option(
    "--finetune",
    is_flag=True,
    default=None,
    help="Then train the whole network; --epochs, --batch and --lr are about that.",
)
@run_option
@exports_option
@click.option("--resume", is_flag=True, help="Go on with a run that was stopped.")
@click.option("--overwrite", is_flag=True, help="Replace a run that exists.")
def train(
    model: str,
    data_dir: Path | None,
    run: Path | None,
    exports: Path,
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
        exports=exports,
        progress=progress_for(),
    )
    click.echo(f"weights   {done.weights}")
    click.echo(f"history   {done.history}")
    click.echo(f"curves    {done.curves}")
    meant = f"{model} --run {run}" if run else done.folder.name
    click.echo(f"next      python cli.py test {meant}")


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
    exports: Path,
    as_json: bool,
) -> None:
    """Test the run of MODEL, else its export, on the whole test set, in fp32."""
    from zoo.progress import progress_for
    from zoo.training.examine import test as test_run

    findings = test_run(
        model,
        run=run,
        exports=exports,
        data_dir=data_dir,
        device=device,
        progress=progress_for(),
    )
    if as_json:
        print_json(findings)
    else:
        print_findings(findings)


@main.command()
@data_option
@data_dir_option
@size_option
@grey_option
@skip_bad_option
@click.option("--image", type=click.IntRange(min=0), help="Inspect training picture N alone.")
@click.option("--count", type=click.IntRange(1, 400), default=40, show_default=True)
@click.option("--out", type=PATH, help="The PNG.  [default: samples.png]")
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
    exports: Path,
    precision: tuple[str, ...] | None,
    form: str | None,
    opset: int | None,
    check: bool,
    as_json: bool,
) -> None:
    """Publish the run of MODEL as ONNX files, if they pass the gate."""
    from zoo.artifacts import PRECISIONS
    from zoo.progress import progress_for
    from zoo.signature import PIXELS

    form, progress = form or PIXELS, progress_for()
    if check:
        from zoo.exporting.comparison import compare

        if precision or opset is not None:
            raise UsageError(
                "--check looks at what was published; leave --precision and --opset away."
            )
        found = compare(model, run=run, form=form, exports=exports, progress=progress)
        if as_json:
            print_json(found)
        else:
            print_comparisons(found)
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
        exports=exports,
        data_dir=data_dir,
        progress=progress,
    )
    if as_json:
        print_json({"id": artifact.id, **artifact.entry})
    else:
        print_artifact(artifact)


@main.command()
@click.argument("model", metavar="MODEL|FILE.onnx")
@click.argument("images", nargs=-1, required=True, type=PATH, metavar="IMAGE...")
@exports_option
@click.option("--precision", metavar="fp32|fp16|int8", help="Of the export.  [default: fp32]")
@click.option(
    "--provider", default="cpu", metavar="cpu|cuda", show_default=True, help="Where to compute."
)
@click.option(
    "--top", type=click.IntRange(min=1), default=5, show_default=True, help="Classes a picture."
)
@channels_option("--mean")
@channels_option("--std")
@click.option("--save", type=PATH, help="A PNG of the first pictures.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print a row for each guess.")
def predict(
    model: str,
    images: tuple[Path, ...],
    exports: Path,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Name the classes of pictures; IMAGE is a file or a folder, and there may be many."""
    from zoo.predicting import predict as predict_images
    from zoo.progress import progress_for

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot both be printed. Choose one.")
    found = predict_images(model, images, exports=exports, progress=progress_for(), **options)
    read: Counter[bool] = Counter()
    show = print_guesses_json if as_json else print_guesses_csv if as_csv else print_guesses
    show(naming_problems(found, read))
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
    exports: Path,
    data_dir: Path | None,
    accuracy: bool,
    as_json: bool,
) -> None:
    """Check published models, or any ONNX file; exits 1 where something is wrong."""
    from zoo.progress import progress_for
    from zoo.verifying import verify as check

    checks = check(
        *targets,
        exports=exports,
        data_dir=data_dir,
        accuracy=accuracy,
        progress=progress_for(),
    )
    if as_json:
        print_json(checks)
    else:
        print_checks(checks)
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
        print_json(found)
    else:
        print_diagnosis(found)
    if any(finding.status == "problem" for finding in found):
        sys.exit(1)


@main.command()
@click.option("--folder", type=PATH, default=Path("quickstart"), show_default=True)
def quickstart(folder: Path) -> None:
    """Train two models on the embedded digits, export, verify and compare them, in minutes."""
    from bench.tour import measure
    from zoo.progress import progress_for
    from zoo.tour import EPOCHS
    from zoo.tour import quickstart as tour

    progress = progress_for()
    for model in EPOCHS:
        made = tour(folder, progress, model)
        print_findings(made.findings)
        click.echo(f"curves       {made.run.curves}")
        print_artifact(made.artifact)
        good = sum(check.status == "ok" for check in made.checks)
        click.echo(f"verified     {good} checks are ok\n")
    if not measure(folder, progress):
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="cli.py")
