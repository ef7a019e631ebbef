"""`show`: a model, and what it does to one image, layer by layer."""

from pathlib import Path
from typing import Any

import click

from zoo.commands.console import print_shown, print_shown_json
from zoo.commands.description import description_options
from zoo.commands.parameters import (
    PATH,
    data_dir_option,
    exports_option,
    json_option,
    memory_option,
    timeout_option,
)


@click.command(short_help="Show a model layer by layer, and what it makes of an image.")
@click.argument("model", metavar="MODEL|FILE.onnx")
@click.option(
    "--image",
    metavar="N|FILE",
    help="The image: a test image of the model's dataset by its number, or a file.  "
    "[default: none; shows the layers and their costs]",
)
@click.option(
    "--compare", metavar="MODEL|FILE.onnx", help="Show this model beside it, for the same image."
)
@click.option("--layer", metavar="NAME", help="Draw only this layer.")
@click.option(
    "--channels",
    type=click.IntRange(1, 64),
    default=16,
    show_default=True,
    help="Channels to draw of each layer, the strongest first.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=256,
    show_default=True,
    help="Test images to look through for units that are always 0.",
)
@click.option("--out", type=PATH, help="Folder to write to.  [default: results/<id>]")
@exports_option
@data_dir_option
@click.option(
    "--precision", metavar="fp32|fp16|int8", help="Precision of the model.  [default: fp32]"
)
@description_options
@timeout_option(
    "seconds", default=120, help="Time limit of an ONNX file, in seconds for each call."
)
@memory_option(help="Memory limit of an ONNX file.  [default: three quarters of free memory]")
@json_option
def show(model: str, image: str | None, as_json: bool, **options: Any) -> None:
    """Write a page of a model's layers, and with --image what each makes of one image."""
    from zoo.actions.show import show as show_inside
    from zoo.progress import progress_for

    asked = None if image is None else _image(image)
    shown = show_inside(model, asked, progress=progress_for(), **options)
    (print_shown_json if as_json else print_shown)(shown)


def _image(text: str) -> int | Path:
    return int(text) if text.isascii() and text.isdigit() else Path(text)
