"""`quickstart`: two models on the embedded data, from training to a page of results."""

import sys
from pathlib import Path

import click

from zoo.commands.console import print_artifact, print_findings, say
from zoo.commands.parameters import PATH


@click.command()
@click.option("--folder", type=PATH, default=Path("quickstart"), show_default=True)
def quickstart(folder: Path) -> None:
    """Train two models on the embedded digits, export, verify and compare them, in minutes."""
    from bench.commands.tour import measure
    from zoo.actions.quickstart import EPOCHS
    from zoo.actions.quickstart import quickstart as tour
    from zoo.progress import progress_for

    progress = progress_for()
    for model in EPOCHS:
        made = tour(folder, progress, model)
        print_findings(made.findings)
        say(f"curves       {made.run.curves}")
        print_artifact(made.artifact)
        good = sum(check.status == "ok" for check in made.checks)
        say(f"verified     {good} checks are ok", "")
    if not measure(folder, progress):
        sys.exit(1)
