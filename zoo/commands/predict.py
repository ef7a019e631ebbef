"""`predict`: the classes of images."""

from collections import Counter
from pathlib import Path
from typing import Any

import click

from zoo.commands.console import (
    naming_problems,
    print_guesses,
    print_guesses_csv,
    print_guesses_json,
)
from zoo.commands.description import description_options
from zoo.commands.parameters import (
    PATH,
    data_dir_option,
    exports_option,
    json_option,
    memory_option,
    timeout_option,
)
from zoo.errors import UsageError, ZooError


@click.command(short_help="Classify image files with a model or an ONNX file.")
@click.argument("model", metavar="MODEL|FILE.onnx")
@click.argument("images", nargs=-1, required=True, type=PATH, metavar="IMAGE...")
@exports_option
@data_dir_option
@click.option(
    "--precision", metavar="fp32|fp16|int8", help="Precision of the model.  [default: fp32]"
)
@click.option(
    "--provider",
    default="cpu",
    metavar="cpu|cuda",
    show_default=True,
    help="Execution provider of ONNX Runtime.",
)
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Classes to print per image.",
)
@description_options
@click.option("--save", type=PATH, help="Save a PNG of the first images and their classes.")
@timeout_option(
    "seconds", default=120, help="Time limit of an ONNX file, in seconds for 64 images."
)
@memory_option(help="Memory limit of an ONNX file.  [default: three quarters of free memory]")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV, one row per guess.")
def predict(
    model: str,
    images: tuple[Path, ...],
    exports: Path | None,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Classify images; IMAGE is a file or a folder, and there may be several."""
    from zoo.actions.predict import predict as predict_images
    from zoo.progress import progress_for

    if as_json and as_csv:
        raise UsageError("--json and --csv cannot both be printed. Choose one.")
    found = predict_images(model, images, exports=exports, progress=progress_for(), **options)
    read: Counter[bool] = Counter()
    show = print_guesses_json if as_json else print_guesses_csv if as_csv else print_guesses
    show(naming_problems(found, read))
    if read[False]:
        raise ZooError(f"{read[False]} of {read.total()} images could not be read.")
