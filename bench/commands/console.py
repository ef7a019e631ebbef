"""What the commands of the benchmark print."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

import click

from bench.pair.series import PairRow
from bench.report import Report
from bench.results.rows import OK, Row
from bench.results.summary import Summary
from bench.results.wording import ratio_text
from bench.subjects.arm import Arm
from bench.sweep.matrix import Settings
from zoo.commands.console import print_table, say
from zoo.escaping import printable
from zoo.progress import Progress, clock_text

_COLUMNS = (
    *("model", "precision", "runtime", "provider", "batch", "p50 ms", "images/s"),
    *("accuracy", "vs reference", "notes"),
)


class RowPrinter:
    """Rows as they come: a table that grows on a terminal, plain lines in a pipe.

    It is drawn between cells only: while one is timed, nothing of this process should run.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.progress: Progress | None = None
        self._stack = ExitStack()
        self._live: Any = None
        self._told = False

    def __enter__(self) -> "RowPrinter":
        if not self.quiet and sys.stdout.isatty():
            from rich.console import Console
            from rich.live import Live
            from rich.table import Table

            self._table = Table(*_COLUMNS, box=None, pad_edge=False)
            console = Console(highlight=False, markup=False)
            live = Live(self._table, console=console, auto_refresh=False)
            self._live = self._stack.enter_context(live)
            self.progress = _LiveProgress(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._table.caption = None
        self._stack.close()

    def add(self, row: Row) -> None:
        """Show a row."""
        if self.quiet:
            return
        texts = _texts(row)
        if self._live is not None:
            self._table.add_row(*texts)
            self._live.refresh()
            return
        if not self._told:
            click.echo("\t".join(_COLUMNS))
            self._told = True
        click.echo("\t".join(texts))

    def say(self, text: str) -> None:
        """Show what is being done, below the table."""
        if self._live is not None:
            self._table.caption = printable(text)
            self._live.refresh()


class _LiveProgress(Progress):
    """Tells below the table; a terminal has one live display at a time."""

    def __init__(self, printer: RowPrinter) -> None:
        self._printer = printer

    def say(self, text: str) -> None:
        """Replace the line below the table."""
        self._printer.say(text)


def _texts(row: Row) -> list[str]:
    if row.status != OK:
        speed = [row.status, "", "", ""]
        note = row.reason
    else:
        accuracy = "" if row.accuracy is None else f"{row.accuracy:.2%}"
        source = "*" if row.accuracy_source == "card" else ""
        speed = [
            "" if row.p50_ms is None else f"{row.p50_ms:.4g}",
            "" if row.images_per_second is None else f"{row.images_per_second:,.0f}",
            f"{accuracy}{source}",
            _ratio(row),
        ]
        note = row.warnings or ""
    asked = [row.subject, row.precision, row.runtime, row.provider, str(row.batch)]
    return [printable(text) for text in (*asked, *speed, note)]


def _ratio(row: Row) -> str:
    if row.ratio is None:
        return ""
    known = row.ratio_low is not None and row.ratio_high is not None
    return f"{ratio_text(row)} {row.verdict}" if known else f"{ratio_text(row)}, no interval"


def plan_facts(arms: Sequence[Arm], settings: Settings, seconds: float) -> dict[str, Any]:
    """The same for a script. A batch of "auto" is doubled as long as that pays."""
    return {
        "arms": [
            {
                "model": arm.subject.name,
                "precision": arm.subject.precision,
                "runtime": arm.runtime,
                "provider": arm.provider,
                "boundary": arm.boundary,
                "cuda_graph": arm.cuda_graph,
                "threads": arm.threads,
                "batches": list(settings.batches) or "auto",
                "skipped": arm.skipped,
            }
            for arm in arms
        ],
        "preset": settings.preset.name,
        "seconds": round(seconds, 1),
    }


def print_plan(arms: Sequence[Arm], settings: Settings, seconds: float) -> None:
    """The cells of a sweep, without measuring them."""
    print_table(
        {
            "model": arm.subject.name,
            "precision": arm.subject.precision,
            "runtime": arm.runtime,
            "provider": arm.provider,
            "boundary": f"{arm.boundary}, graph" if arm.cuda_graph else arm.boundary,
            "threads": str(arm.threads),
            "batch": ",".join(map(str, settings.batches)) or "auto",
            "skipped": arm.skipped or "",
        }
        for arm in arms
    )
    cells = sum(not arm.skipped for arm in arms) * len(settings.batches)
    say(f"{cells or 'some'} cells, about {clock_text(seconds)} (preset {settings.preset.name})")


def print_summary(summary: Summary) -> None:
    """The short answer of a sweep."""
    say("")
    say(*summary.lines(), *summary.gaps())


def print_report(made: Report) -> None:
    """Where the long answer is, and what it lacks."""
    for reason in made.left_out:
        say(f"left out  {reason}")
    for kind, path in (("page", made.html), ("markdown", made.markdown), ("summary", made.csv)):
        say(f"{kind:9} {path}")


def print_pair(row: PairRow) -> None:
    """One comparison."""
    if row.low is None or row.high is None:
        say(f"{row.repeat:>4}  time B / time A {row.ratio:.4f}, no interval")
        return
    said = f"no verdict: {row.wrong_answers} wrong answers" if row.wrong_answers else row.verdict
    say(
        f"{row.repeat:>4}  time B / time A {row.ratio:.4f} ({row.low:.4f} to {row.high:.4f})  "
        f"{said}, {row.turns} turns, p50 {row.p50_a_us:,.1f} and {row.p50_b_us:,.1f} us"
    )
