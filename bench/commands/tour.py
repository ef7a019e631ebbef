"""The quickstart: train, export and measure two models, and write one page about them."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.commands.console import print_report, print_summary
from bench.commands.rows import RowPrinter
from bench.report import report
from bench.results.files import files_of
from bench.results.rows import FAILED, OK, Row
from bench.results.summary import summarise
from bench.results.wording import figures, megabytes, ratio_figures
from bench.sweep.benchmark import run
from bench.sweep.matrix import PRESETS, Settings
from zoo.actions.quickstart import TRAININGS, Quickstart, claim, quickstart
from zoo.commands.console import print_artifact, print_findings, print_table, say
from zoo.errors import command
from zoo.files import writing
from zoo.progress import BarsAlone, Progress, clock_text
from zoo.runs.options import TrainOptions

SETTINGS = Settings(preset=PRESETS["quick"], measure_accuracy=True)


def tour(
    folder: Path,
    progress: Progress,
    trainings: Mapping[str, TrainOptions] = TRAININGS,
    settings: Settings = SETTINGS,
    verbose: bool = False,
) -> bool:
    """Run the quickstart in a folder for each model; returns whether every cell was measured.

    verbose: print everything that train, test, export and bench do.
    """
    say(
        f"{' and '.join(trainings)}: trained on embedded images of handwritten digits, tested,",
        f"exported to ONNX, checked and measured. A few minutes, all in {folder}/.",
        "",
    )
    shown = progress if verbose else BarsAlone(progress)
    for model, options in trainings.items():
        began = time.monotonic()
        made = quickstart(folder, shown, model, options)
        if verbose:
            _print_all(made)
        else:
            _print_made(made, time.monotonic() - began)
    rows = _measured(folder, shown, settings, verbose)
    written = report([folder / "results.csv"], exports=folder / "exports")
    if verbose:
        print_summary(summarise(rows))
        print_report(written)
    else:
        _print_rows(rows)
    exports = ("--exports", folder / "exports")
    *_, last = trainings
    say(
        "",
        f"page  {written.html}",
        f"next  {command('test', last, '--run', folder / f'{last}-digits')}",
        f"      {command('compare', last, last, '--precision', 'fp32,int8', *exports)}",
        f"      {command('list', 'exports')}",
    )
    return all(row.status != FAILED for row in rows)


def _print_all(made: Quickstart) -> None:
    print_findings(made.findings)
    say(f"curves       {made.run.curves}")
    print_artifact(made.artifact)
    good = sum(check.status == "ok" for check in made.checks)
    say(f"verified     {good} checks are ok", "")


def _print_made(made: Quickstart, seconds: float) -> None:
    good = sum(check.status == "ok" for check in made.checks)
    say(
        f"{made.artifact.card.model}: {made.findings.accuracy.share:.1%} of the test images "
        f"correct; exported, {good} checks passed ({clock_text(seconds)})"
    )


def _measured(folder: Path, progress: Progress, settings: Settings, verbose: bool) -> list[Row]:
    """Measure the exported files, replacing an earlier quickstart's results."""
    results = folder / "results.csv"
    claim(folder)
    with writing(results):
        for old in files_of(results):
            old.unlink(missing_ok=True)
    with RowPrinter(quiet=not verbose) as printer:
        return run(
            settings=settings,
            exports=folder / "exports",
            out=results,
            on_row=printer.add,
            progress=printer.progress or progress,
        )


def _print_rows(rows: Sequence[Row]) -> None:
    """One line per file with the main figures; and what failed."""
    cells = {(row.subject, row.precision, row.batch): row for row in rows if row.status == OK}
    least, most = (pick((row.batch for row in rows), default=1) for pick in (min, max))
    table = [
        {
            "model": subject,
            "file": precision,
            "size": megabytes(row.file_bytes) if row.file_bytes else "-",
            "accuracy": f"{row.accuracy:.1%}" if row.accuracy is not None else "-",
            f"ms, {least} image{'s' * (least != 1)}": _figure(row.p50_ms),
            f"images/s by {most}": _figure(many.images_per_second if many else None),
            "time / fp32": ratio_figures(row.ratio) if row.ratio is not None else "-",
        }
        for (subject, precision, batch), row in cells.items()
        if batch == least
        for many in [cells.get((subject, precision, most))]
    ]
    if table:
        say("")
        print_table(table)
    for row in rows:
        if row.status == FAILED:
            say(f"failed: {row.subject} {row.precision}, batch {row.batch}: {row.reason}")


def _figure(value: float | None) -> str:
    return "-" if value is None else figures(value)
