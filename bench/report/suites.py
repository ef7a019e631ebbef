"""Tables of pytest-benchmark files."""

from collections.abc import Sequence

from bench.report.inputs import Suite, Timing
from bench.report.sections import Section, sortable_table
from bench.results.wording import figures
from zoo.drawing.markup import render, tag

HEADINGS = ("name", "parameters", "rounds", "median, ms", "IQR, ms")
_NUMBERS = ("rounds", "median, ms", "IQR, ms")


def cells(timing: Timing) -> tuple[str, ...]:
    """The cells of one benchmark, by `HEADINGS`."""
    return (
        timing.name,
        timing.params,
        f"{timing.rounds:,}",
        figures(timing.median * 1e3),
        figures(timing.iqr * 1e3),
    )


def draw_suites(suites: Sequence[Suite]) -> Section | None:
    """One sortable table per file."""
    parts = []
    for suite in suites:
        parts.append(tag("h3", suite.path.name))
        parts.append(sortable_table(HEADINGS, _NUMBERS, map(_row, suite.timings)))
    lead = "The median of all rounds, with the interquartile range (IQR) as its spread."
    return Section("suites", "pytest-benchmark", lead, render(*parts)) if parts else None


def _row(timing: Timing) -> list[tuple[str, object]]:
    exact = (timing.name, timing.params, timing.rounds, timing.median, timing.iqr)
    return list(zip(cells(timing), exact, strict=True))
