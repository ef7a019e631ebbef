"""`show`: what a model does to one image, layer by layer."""

from pathlib import Path
from typing import Any

import click

from zoo.commands.console import print_shown
from zoo.commands.description import description_options
from zoo.commands.parameters import (
    PATH,
    data_dir_option,
    exports_option,
    memory_option,
    timeout_option,
)


@click.command(short_help="Show what each layer of a model makes of an image.")
@click.argument("model", metavar="MODEL|FILE.onnx")
@click.option(
    "--image",
    required=True,
    metavar="N|FILE",
    help="The image: a test image of the model's dataset by its number, or a file.",
)
@click.option("--layer", metavar="NAME", help="Draw this layer alone.")
@click.option(
    "--channels",
    type=click.IntRange(1, 64),
    default=16,
    show_default=True,
    help="Channels to draw of each layer, the strongest first.",
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
def show(model: str, image: str, **options: Any) -> None:
    """Write a page and a PNG of what each layer of a model makes of one image."""
    from zoo.actions.show import show as show_inside
    from zoo.progress import progress_for

    print_shown(show_inside(model, _image(image), progress=progress_for(), **options))


def _image(text: str) -> int | Path:
    return int(text) if text.isascii() and text.isdigit() else Path(text)
