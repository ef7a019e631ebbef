"""`test`: a trained model on the whole test set."""

from pathlib import Path

import click

from zoo.commands.console import print_findings, print_json
from zoo.commands.parameters import (
    data_dir_option,
    device_option,
    exports_option,
    json_option,
    run_option,
)


@click.command(short_help="Measure a trained model on the whole test set.")
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
    """Test the run of MODEL, or else its artifact, on the whole test set, in fp32."""
    from zoo.actions.test import test as test_run
    from zoo.progress import progress_for

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
