"""The end of the quickstart: its models are measured, and reported on one page."""

from pathlib import Path

from bench.commands.console import RowPrinter, print_report, print_summary
from bench.report import report
from bench.results.journal import files_of
from bench.results.rows import FAILED
from bench.results.summary import summarise
from bench.sweep.benchmark import run
from bench.sweep.matrix import PRESETS, Settings
from zoo.actions.quickstart import claim
from zoo.files import writing
from zoo.progress import Progress

SETTINGS = Settings(preset=PRESETS["quick"], measure_accuracy=True)


def measure(folder: Path, progress: Progress) -> bool:
    """Measure what a quickstart exported, in place of what an earlier one measured.

    Whether every cell could be measured.
    """
    results = folder / "results.csv"
    claim(folder)
    with writing(results):
        for old in files_of(results):
            old.unlink(missing_ok=True)
    with RowPrinter() as printer:
        rows = run(
            settings=SETTINGS,
            exports=folder / "exports",
            out=results,
            on_row=printer.add,
            progress=printer.progress or progress,
        )
    print_summary(summarise(rows))
    print_report(report([results], exports=folder / "exports"))
    return all(row.status != FAILED for row in rows)
