"""`verify`: published models, or any ONNX file."""

import sys
from pathlib import Path

import click

from zoo.commands.console import print_checks, print_json
from zoo.commands.description import description_options
from zoo.commands.parameters import (
    data_dir_option,
    exports_option,
    json_option,
    memory_option,
    timeout_option,
    verbose_option,
)
from zoo.ort.given import Given


@click.command(short_help="Check published models, or any ONNX file.")
@click.argument("targets", nargs=-1, metavar="[MODEL|FILE.onnx]...")
@exports_option
@data_dir_option
@click.option(
    "--accuracy/--no-accuracy",
    default=True,
    help="Measure accuracy again, where the dataset is available.",
)
@timeout_option(default=60, help="Time limit for each file, in seconds.")
@memory_option(help="Memory limit for each file.  [default: 2 GiB plus six times its size]")
@description_options
@verbose_option
@json_option
def verify(
    targets: tuple[str, ...],
    exports: Path | None,
    data_dir: Path | None,
    accuracy: bool,
    timeout: float,
    memory: int | None,
    given: Given,
    verbose: bool,
    as_json: bool,
) -> None:
    """Check published models, or any ONNX file; exits 1 if something is wrong."""
    from zoo.actions.verify import verify as check
    from zoo.progress import progress_for

    checks = check(
        *targets,
        exports=exports,
        data_dir=data_dir,
        accuracy=accuracy,
        seconds=timeout,
        memory=memory,
        given=given,
        progress=progress_for(verbose=verbose),
    )
    if as_json:
        print_json(checks)
    else:
        print_checks(checks)
    if any(made.status == "failed" for made in checks):
        sys.exit(1)
