"""`quickstart`: two models on embedded data, from training to a page of results."""

import sys
from pathlib import Path

import click

from zoo.commands.parameters import PATH, verbose_option


@click.command(short_help="Train, export, verify and compare two models on digits.")
@click.option("--folder", type=PATH, default=Path("quickstart"), show_default=True)
@verbose_option
def quickstart(folder: Path, verbose: bool) -> None:
    """Train two models on the embedded digits, export, verify and compare them, in minutes."""
    from bench.commands.tour import tour
    from zoo.progress import progress_for

    if not tour(folder, progress_for(verbose=verbose), verbose=verbose):
        sys.exit(1)
