"""The content of a report, before it becomes a page or markdown."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report.inputs import Inputs, Suite
from bench.report.models import Training, read_trainings
from bench.results.operators import OperatorTime
from bench.results.rows import OK, Row
from bench.results.summary import Summary, summarise
from bench.results.wording import Names, count, joined
from zoo.errors import command

_MOST_NAMED = 4


@dataclass(frozen=True)
class Caveat:
    """Something to know before relying on the figures."""

    text: str
    where: str  # in words: the files or cells that it is about


@dataclass(frozen=True)
class ReportContent:
    """The content that page and markdown show."""

    title: str
    origin: str  # how many cells, when, how
    rows: list[Row]
    sources: dict[int, str]  # the file of each row, by its id()
    operators: list[OperatorTime]
    suites: list[Suite]
    trainings: list[Training]
    summary: Summary
    warnings: list[Caveat]
    environments: list[tuple[str, list[tuple[str, str]]]]  # a file, and facts by name
    left_out: list[str]  # what could not be shown, and why

    @property
    def measured(self) -> list[Row]:
        """The rows that were measured."""
        return [row for row in self.rows if row.status == OK]

    @property
    def absent(self) -> list[Row]:
        """The failed and skipped rows."""
        return [row for row in self.rows if row.status != OK]


def gather(
    inputs: Inputs,
    exports: Path | None,
    budget_ms: float | None = None,
    budget_mb: float | None = None,
) -> ReportContent:
    """Gather the content of a report from its inputs."""
    rows = inputs.rows
    sources = {id(row): inputs.name(file.path) for file in inputs.results for row in file.rows}
    summary = summarise(rows, budget_ms, budget_mb, names=Names.of(rows, sources))
    trainings, left_out = read_trainings(rows, exports)
    for file in inputs.results:
        if file.environment is None:
            left_out.append(f"{inputs.name(file.path)} has no environment file beside it.")
    if rows and not inputs.operators:
        left_out.append("Time by operator: nothing was profiled (bench --profile does it).")
    names = [inputs.name(path) for path in _paths(inputs)]
    return ReportContent(
        title=f"Benchmark report: {joined(names)}",
        origin=_origin(rows),
        rows=rows,
        sources=sources,
        operators=inputs.operators,
        suites=inputs.suites,
        trainings=trainings,
        summary=summary,
        warnings=[*_about_files(inputs), *_about_rows(rows, summary)],
        environments=[
            *(
                (inputs.name(file.path), list(_flat(file.environment)))
                for file in inputs.results
                if file.environment
            ),
            *((inputs.name(s.path), list(_flat(s.machine))) for s in inputs.suites if s.machine),
        ],
        left_out=left_out,
    )


def _paths(inputs: Inputs) -> Iterator[Path]:
    yield from (file.path for file in inputs.results)
    yield from (suite.path for suite in inputs.suites)


def _origin(rows: Sequence[Row]) -> str:
    """The number of cells, the time, the presets and the images."""
    if not rows:
        return "No cells of a sweep."
    ok = sum(row.status == OK for row in rows)
    parts = [f"{count(len(rows), 'cell')}, {ok} measured"]
    whens = sorted(row.when for row in rows if row.when)
    if whens:
        first, last = whens[0][:16], whens[-1][:16]
        parts.append(first if first == last else f"{first} to {last}")
        parts[-1] += " UTC"
    for name, words in (
        ("preset", "preset {}"),
        ("dataset", "trained on {}"),
        ("inputs", "timed on {}"),
    ):
        values = sorted({getattr(row, name) for row in rows} - {None})
        if values:
            parts.append(words.format(joined(values)))
    return "; ".join(parts) + "."


def _about_files(inputs: Inputs) -> Iterator[Caveat]:
    machines = {row.machine for row in inputs.rows if row.machine}
    if len(machines) > 1:
        where = joined(inputs.name(file.path) for file in inputs.results)
        text = (
            f"The rows come from {len(machines)} machines; only rows of the same machine are "
            "compared."
        )
        yield Caveat(text, where)
    elif len(inputs.results) > 1:
        compare = command("compare", *(file.path for file in inputs.results[:2]))
        text = (
            "The files come from different sweeps. On a shared machine, figures drift between "
            "sweeps; "
            f"to find out which is faster, run: {compare}."
        )
        yield Caveat(text, joined(inputs.name(file.path) for file in inputs.results))


def _about_rows(rows: Sequence[Row], summary: Summary) -> Iterator[Caveat]:
    """Each text once, with the cells that it applies to."""
    where = defaultdict[str, list[str]](list)
    for row in rows:
        for text in (row.warnings or "").split("; "):
            if text:
                where[text].append(summary.names.cell(row))
        if row.accuracy_source == "card" and row.status == OK:
            why = f": {row.accuracy_reason}" if row.accuracy_reason else ""
            text = f"accuracy quoted from the artifact's card, not measured here{why}"
            where[text].append(summary.names.cell(row))
        elif row.accuracy is None and row.accuracy_reason and row.status == OK:
            where[f"no accuracy: {row.accuracy_reason}"].append(summary.names.cell(row))
    for text, cells in where.items():
        named = joined(cells[:_MOST_NAMED])
        more = len(cells) - _MOST_NAMED
        yield Caveat(text, f"{named} and {more} more" if more > 0 else named)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Flatten a nested object into names and values; lists of plain values stay on one line."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}, {key}" if name else str(key))
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for number, inner in enumerate(value, 1):
            yield from _flat(inner, f"{name} {number}")
    elif isinstance(value, list):
        yield name, joined(map(_plain, value))
    else:
        yield name, _plain(value)


def _plain(value: Any) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
