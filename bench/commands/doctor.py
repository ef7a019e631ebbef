"""`doctor`: what runs on this machine."""

import sys
from pathlib import Path

import click

from zoo.commands.console import print_diagnosis, print_json
from zoo.commands.parameters import data_dir_option, json_option


@click.command(short_help="Say what works on this machine, and what does not.")
@data_dir_option
@json_option
def doctor(data_dir: Path | None, as_json: bool) -> None:
    """Say what runs on this machine; exits 1 if there is a problem to fix."""
    from bench.runtimes.registry import list_extras
    from zoo.actions.doctor import doctor as examine
    from zoo.machine.finding import Finding

    extras = [
        Finding(f"runtime {name}", "note" if problem else "ok", problem or version)
        for name, version, problem in list_extras()
    ]
    found = [*examine(data_dir), *extras]
    if as_json:
        print_json(found)
    else:
        print_diagnosis(found)
    if any(finding.status == "problem" for finding in found):
        sys.exit(1)
