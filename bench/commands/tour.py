"""The quickstart's models are trained and exported, then measured, and reported on one page."""

from collections.abc import Mapping
from pathlib import Path

from bench.commands.console import print_report, print_summary
from bench.commands.rows import RowPrinter
from bench.report import report
from bench.results.files import files_of
from bench.results.rows import FAILED
from bench.results.summary import summarise
from bench.sweep.benchmark import run
from bench.sweep.matrix import PRESETS, Settings
from zoo.actions.quickstart import TRAININGS, claim, quickstart
from zoo.commands.console import print_artifact, print_findings, say
from zoo.files import writing
from zoo.progress import Progress
from zoo.runs.options import TrainOptions

SETTINGS = Settings(preset=PRESETS["quick"], measure_accuracy=True)


def tour(
    folder: Path,
    progress: Progress,
    trainings: Mapping[str, TrainOptions] = TRAININGS,
    settings: Settings = SETTINGS,
) -> bool:
    """The whole road, in that folder, for each model; whether every cell could be measured."""
    for model, options in trainings.items():
        made = quickstart(folder, progress, model, options)
        print_findings(made.findings)
        say(f"curves       {made.run.curves}")
        print_artifact(made.artifact)
        good = sum(check.status == "ok" for check in made.checks)
        say(f"verified     {good} checks are ok", "")
    return _measure(folder, progress, settings)


def _measure(folder: Path, progress: Progress, settings: Settings) -> bool:
    """Measure what was exported, in place of what an earlier quickstart measured."""
    results = folder / "results.csv"
    claim(folder)
    with writing(results):
        for old in files_of(results):
            old.unlink(missing_ok=True)
    with RowPrinter() as printer:
        rows = run(
            settings=settings,
            exports=folder / "exports",
            out=results,
            on_row=printer.add,
            progress=printer.progress or progress,
        )
    print_summary(summarise(rows))
    print_report(report([results], exports=folder / "exports"))
    return all(row.status != FAILED for row in rows)
