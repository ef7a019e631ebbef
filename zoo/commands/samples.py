"""`samples`: a sheet of training images."""

from pathlib import Path

import click

from zoo.commands.console import say
from zoo.commands.parameters import (
    PATH,
    data_dir_option,
    data_option,
    grey_option,
    size_option,
    skip_bad_option,
)


@click.command()
@data_option
@data_dir_option
@size_option
@grey_option
@skip_bad_option
@click.option("--image", type=click.IntRange(min=0), help="Show only training image N.")
@click.option("--count", type=click.IntRange(1, 400), default=40, show_default=True)
@click.option("--out", type=PATH, help="File to write.  [default: samples.png]")
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
    """Draw training images with their class names."""
    from zoo.actions.samples import samples as draw
    from zoo.progress import progress_for
    from zoo.runs.options import DEFAULT_DATA

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
    say(str(path))
