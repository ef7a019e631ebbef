"""Print the rows of a sweep as they come: a growing table on a terminal, plain lines in a pipe."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from bench.results.rows import OK, Row
from bench.results.wording import ratio_text
from zoo.commands.console import say
from zoo.commands.layout import fits, shortened, table_lines, wrapped
from zoo.escaping import printable
from zoo.progress import Progress

_COLUMNS = (
    *("model", "precision", "runtime", "provider", "batch", "p50 ms", "images/s"),
    *("accuracy", "vs reference", "notes"),
)
_SHARED = ("precision", "runtime", "provider")  # said once where they are the same in all rows
_NAME = 32  # letters of a name, where there is no room for more


class RowPrinter:
    """Shows rows.

    The table is drawn only between cells: nothing of this process should run while one is timed.
    """

    def __init__(self, quiet: bool = False) -> None:
        self.quiet = quiet
        self.progress: Progress | None = None
        self._stack = ExitStack()
        self._live: Any = None
        self._rows: list[Row] = []
        self._doing = ""

    def __enter__(self) -> "RowPrinter":
        if not self.quiet and sys.stdout.isatty():
            from rich.console import Console
            from rich.live import Live

            console = Console(highlight=False, markup=False)
            self._live = self._stack.enter_context(Live("", console=console, auto_refresh=False))
            self.progress = _LiveProgress(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.now("")
        self._stack.close()

    def add(self, row: Row) -> None:
        """Show a row."""
        if self.quiet:
            return
        self._rows.append(row)
        if self._live is not None:
            self._draw()
            return
        cells = [printable(text) for text in _texts(row)]
        lines = [cells] if len(self._rows) > 1 else [_COLUMNS, cells]
        say(*("\t".join(line) for line in lines), tabs=True)

    def now(self, text: str) -> None:
        """Show what is being done, below the table."""
        self._doing = text
        self._draw()

    def say(self, text: str) -> None:
        """Show a line that stays, above the table."""
        if self._live is not None:
            self._live.console.print(printable(text), soft_wrap=True)

    def _draw(self) -> None:
        if self._live is None:
            return
        from rich.text import Text

        width = self._live.console.width
        lines = screen_lines(self._rows, width) if self._rows else []
        lines += wrapped(printable(self._doing), width) if self._doing else []
        self._live.update(Text("\n".join(lines)), refresh=True)


class _LiveProgress(Progress):
    """Progress around the table; a terminal has only one live display at a time."""

    def __init__(self, printer: RowPrinter) -> None:
        self._printer = printer

    def say(self, text: str) -> None:
        self._printer.say(text)

    def now(self, text: str) -> None:
        self._printer.now(text)


@dataclass
class _Notes:
    """The numbered notes below the table, each text once."""

    numbers: dict[str, int] = field(default_factory=dict)

    def marks(self, row: Row) -> str:
        """The numbers of a row's notes."""
        texts = [row.reason] if row.status != OK else (row.warnings or "").split("; ")
        found = [
            self.numbers.setdefault(printable(text), len(self.numbers) + 1)
            for text in texts
            if text
        ]
        return ",".join(map(str, found))

    def lines(self, width: int) -> Iterator[str]:
        """All notes."""
        for text, number in self.numbers.items():
            yield from wrapped(f"{number:>2}  {text}", width, more="    ")


def screen_lines(rows: Sequence[Row], width: int) -> list[str]:
    """The table and its notes for a terminal width: columns may be left out, but not cut."""
    notes = _Notes()
    table = [
        dict(zip(_COLUMNS, (*map(printable, _texts(row)[:-1]), notes.marks(row)), strict=True))
        for row in rows
    ]
    forms = [*_forms(table, rows)]
    chosen, shared = next((form for form in forms if fits(form[0], width)), forms[-1])
    said = [f"all of them: {', '.join(shared)}"] if shared else []
    return [*table_lines(chosen, width), *said, *notes.lines(width)]


def _forms(
    table: list[dict[str, str]], rows: Sequence[Row]
) -> Iterator[tuple[list[dict[str, str]], list[str]]]:
    """The full table, then ever shorter ones, and the values that all rows share."""
    yield table, []
    alike = [name for name in _SHARED if len({line[name] for line in table}) == 1]
    shared = [table[0][name] for name in alike if table[0][name]]
    fewer = [_without(line, *alike) for line in table]
    brief = [
        line | {"vs reference": _ratio(row, brief=True)}
        for line, row in zip(fewer, rows, strict=True)
    ]
    slim = [_without(line, "images/s") for line in brief]
    for form in (fewer, brief, slim):
        yield form, shared
        yield _short_names(form), shared
    yield slim, shared


def _without(line: dict[str, str], *names: str) -> dict[str, str]:
    return {name: text for name, text in line.items() if name not in names}


def _short_names(table: list[dict[str, str]]) -> list[dict[str, str]]:
    """Names with their middles left out, if they stay distinct."""
    names = {line["model"] for line in table}
    if len({shortened(name, _NAME) for name in names}) < len(names):
        return table
    return [line | {"model": shortened(line["model"], _NAME)} for line in table]


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
    return [row.subject, row.precision, row.runtime, row.provider, str(row.batch), *speed, note]


def _ratio(row: Row, *, brief: bool = False) -> str:
    """The ratio to the reference; brief: without its interval."""
    if row.status != OK or row.ratio is None:
        return ""
    known = row.ratio_low is not None and row.ratio_high is not None
    said = ratio_text(row)
    if brief:
        said = said.partition(" (")[0]
    return f"{said} {row.verdict}" if known else f"{said}, no interval"
