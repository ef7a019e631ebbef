"""The table of cells: a few columns that most readers need, then all others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args, get_type_hints

from bench.results.comparisons import names_of
from bench.results.rows import COLUMNS, FAILED, OK, SKIPPED, Row
from bench.results.summary import Summary
from bench.results.wording import (
    accuracy_text,
    count,
    figures,
    in_figures,
    megabytes,
    p50_text,
    ratio_in_figures,
    ratio_text,
)
from zoo.drawing.markup import Markup, render, tag

Show = Callable[[Row], Markup | str]

# Skipped rows are shown on demand: most are pairings that cannot exist, each with its reason.
_ABSENT = {FAILED: "absent", SKIPPED: "absent skipped"}
_NUMBERS = frozenset(
    name for name, kind in get_type_hints(Row).items() if {int, float} & {kind, *get_args(kind)}
)


@dataclass(frozen=True)
class Column:
    """A column of the table."""

    heading: str
    about: str  # in words, when the heading is pointed at
    value: Callable[[Row], Any]  # what to sort by
    show: Show  # what stands in the cell
    number: bool = True
    folds: bool = False  # on a narrow screen it stands below the name instead


def draw_table(rows: Sequence[Row], summary: Summary, sources: dict[int, str]) -> Markup:
    """All rows in the order of the answers; sources: the file by id(row), if there are several."""
    columns = [*_main(rows, summary, sources), *_all()]
    main = len(columns) - len(COLUMNS)
    heads = [_head(column, more=index >= main) for index, column in enumerate(columns)]
    body = [
        tag(
            "tr",
            *(_cell(column, row, index, main) for index, column in enumerate(columns)),
            data_batch=row.batch,
            class_=_ABSENT.get(row.status),
        )
        for row in sorted(rows, key=_order)
    ]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body), id="cell-table")
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label="All cells")


def _main(rows: Sequence[Row], summary: Summary, sources: dict[int, str]) -> list[Column]:
    names = summary.names
    columns = [
        Column(
            "model", COLUMNS["subject"], names.subject, lambda row: _subject(row, summary), False
        ),
        *([_plain("framework")] if len({row.framework for row in rows}) > 1 else []),
        replace(_plain("precision"), folds=True),
        *(
            replace(_plain(name), folds=True)
            for name in ("runtime", "provider", "boundary")
            if name in names.varying
        ),
        *([_plain("threads")] if "threads" in names.varying else []),
        _plain("batch"),
        *([_against(), _plain("repeat")] if any(row.is_comparison for row in rows) else []),
        _with_interval(
            "p50, ms", "p50_ms", lambda row: in_figures(row.p50_ms or 0.0, row.p50_interval)
        ),
        _with_interval("accuracy", "accuracy", _accuracy),
        _measure("images/s", "images_per_second", figures),
        _with_interval("time / reference", "ratio", ratio_in_figures, "verdict"),
        Column("p90, ms", COLUMNS["p90_ms"], lambda row: row.p90_ms, _p90),
        _measure("file", "file_bytes", megabytes),
        Column(
            "notes",
            COLUMNS["warnings"],
            lambda row: row.status,
            lambda row: _notes(row, summary),
            False,
        ),
    ]
    if len(set(sources.values())) > 1:
        source = Column(
            "from",
            "the results file",
            lambda row: sources[id(row)],
            lambda row: sources[id(row)],
            False,
        )
        columns.insert(-1, source)
    if all(row.dataset == rows[0].dataset for row in rows):
        return columns
    return [columns[0], _plain("dataset"), *columns[1:]]


def _all() -> list[Column]:
    """Every column of the results, unchanged."""
    return [_raw(name) for name in COLUMNS]


def _raw(name: str) -> Column:
    def show(row: Row) -> str:
        value = getattr(row, name)
        return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)

    return Column(
        name, COLUMNS[name].replace("`", ""), lambda row: getattr(row, name), show, name in _NUMBERS
    )


def _plain(name: str) -> Column:
    return Column(
        name,
        COLUMNS[name].replace("`", ""),
        lambda row: getattr(row, name),
        lambda row: str(getattr(row, name) or ""),
        name in _NUMBERS,
    )


def _against() -> Column:
    """What a comparison was with; for other rows see the column `reference`."""

    def name(row: Row) -> str:
        return names_of(row)[0] if row.is_comparison else ""

    return Column("against", COLUMNS["reference_subject"].replace("`", ""), name, name, False)


def _measure(heading: str, name: str, words: Callable[[float], str]) -> Column:
    def show(row: Row) -> Markup | str:
        value = getattr(row, name)
        return _nothing() if value is None else words(value)

    return Column(heading, COLUMNS[name], lambda row: getattr(row, name), show)


def _with_interval(
    heading: str, name: str, words: Callable[[Row], tuple[str, str]], after: str | None = None
) -> Column:
    """A figure with its interval below, and a word after that; words: figure and interval."""

    def show(row: Row) -> Markup | str:
        value = getattr(row, name)
        if value is None:
            return _nothing()
        figure, *below = words(row)
        below += [getattr(row, after) or ""] if after else []
        return render(tag("b", figure), tag("small", ", ".join(filter(None, below))))

    return Column(heading, COLUMNS[name], lambda row: getattr(row, name), show)


def _accuracy(row: Row) -> tuple[str, str]:
    ends = (row.accuracy_low, row.accuracy_high)
    return f"{row.accuracy:.2%}", " to ".join(f"{end:.2%}" for end in ends if end is not None)


def _p90(row: Row) -> Markup | str:
    if row.p90_ms is not None:
        return figures(row.p90_ms)
    if row.status == OK and row.withheld:
        return tag("span", "withheld", class_="faint", title=row.withheld)
    return _nothing()


def _subject(row: Row, summary: Summary) -> Markup:
    name = tag("span", summary.names.subject(row), title=row.subject)
    return render(name, tag("small", summary.names.variant(row), class_="folded"))


def _notes(row: Row, summary: Summary) -> Markup:
    if row.status in (FAILED, SKIPPED):
        return render(tag("span", row.status, class_=f"badge {row.status}"), " ", row.reason)
    badges = [tag("span", mark, class_="badge") for mark in summary.marks(row)]
    return render(*badges, _warnings(row.warnings) if row.warnings else "")


def _warnings(text: str) -> Markup:
    """The warnings, folded, so that they do not dominate the figures."""
    found = text.split("; ")
    summary = tag("summary", count(len(found), "warning"))
    return tag("details", summary, *(tag("p", one) for one in found), class_="warn")


def _nothing() -> Markup:
    return tag("span", "\N{EN DASH}", class_="faint")


def _head(column: Column, *, more: bool) -> Markup:
    button = tag("button", column.heading, type="button", title=column.about)
    return tag("th", button, scope="col", class_=_classes(column, more=more))


def _cell(column: Column, row: Row, index: int, main: int) -> Markup:
    value, shown = column.value(row), column.show(row)
    # If a cell shows only its value, the script reads the text.
    exact = None if shown == str("" if value is None else value) else _exact(value)
    return tag(
        *("th" if index == 0 else "td", shown),
        class_=_classes(column, more=index >= main),
        data_value=exact,
        scope="row" if index == 0 else None,
    )


def _exact(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return "" if value is None else str(value)


def _classes(column: Column, *, more: bool) -> str | None:
    kinds = (("number", column.number), ("more", more), ("folds", column.folds))
    words = [name for name, holds in kinds if holds]
    return " ".join(words) or None


def _order(row: Row) -> tuple[Any, ...]:
    late = row.status != OK
    return (
        *(row.dataset or "", row.threads, row.batch, late),
        float("inf") if row.p50_ms is None else row.p50_ms,
    )


def plain_table(rows: Sequence[Row], summary: Summary) -> tuple[list[str], list[list[str]]]:
    """Headings and cells of the main columns as text, for markdown."""
    names = summary.names
    heading = ["cell", "p50, ms", "p90, ms", "images/s", "accuracy", "ratio", "file", "notes"]
    body = []
    for row in sorted(rows, key=_order):
        notes = ", ".join(summary.marks(row)) if row.status == OK else f"{row.status}: {row.reason}"
        body.append(
            [
                names.cell(row),
                p50_text(row).replace(" ms", ""),
                "" if row.p90_ms is None else figures(row.p90_ms),
                "" if row.images_per_second is None else figures(row.images_per_second),
                accuracy_text(row),
                f"{ratio_text(row)} {row.verdict or ''}".strip(),
                "" if row.file_bytes is None else megabytes(row.file_bytes),
                notes,
            ]
        )
    return heading, body
