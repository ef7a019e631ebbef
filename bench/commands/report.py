"""`report`: results as a page, markdown and a summary."""

import sys
from pathlib import Path

import click

from bench.commands.options import budget_mb_option, budget_ms_option
from zoo.commands.console import say, say_wrapped
from zoo.commands.kind import kind_options
from zoo.commands.parameters import PATH, exports_option
from zoo.specs.catalog import Kind


@click.command()
@click.argument("results", nargs=-1, required=True, type=PATH, metavar="RESULTS.csv...")
@exports_option
@kind_options
@click.option(
    "--out", type=PATH, help="Where to write, without a suffix.  [default: beside the CSV]"
)
@budget_ms_option
@budget_mb_option
@click.option(
    "--recompute",
    is_flag=True,
    help="Recompute every figure from the raw samples; exit 1 if one differs. Writes nothing.",
)
def report(
    results: tuple[Path, ...],
    exports: Path | None,
    kind: Kind,
    out: Path | None,
    budget_ms: float | None,
    budget_mb: float | None,
    recompute: bool,
) -> None:
    """Write results as an HTML page, markdown, and a CSV summary."""
    if recompute:
        _recompute(results)
        return
    from bench.commands.console import print_report
    from bench.report import report as write_report

    made = write_report(
        results, out, exports=exports, kind=kind, budget_ms=budget_ms, budget_mb=budget_mb
    )
    say_wrapped(*made.summary.lines())
    print_report(made)


def _recompute(results: tuple[Path, ...]) -> None:
    """Compare each file with its raw samples."""
    from bench.results.recompute import recompute

    found = [recompute(path) for path in results]
    for one in found:
        say(*one.lines())
    if any(one.differing for one in found):
        sys.exit(1)
