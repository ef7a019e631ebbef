"""Tables of pytest-benchmark files."""

from collections.abc import Sequence

from bench.report.inputs import Suite, Timing
from bench.report.markup import Markup, render, tag
from bench.report.sections import Section
from bench.results.wording import figures

HEADINGS = ("name", "parameters", "rounds", "median, ms", "IQR, ms")
_NUMBERS = ("rounds", "median, ms", "IQR, ms")


def cells(timing: Timing) -> tuple[str, ...]:
    """One benchmark in words, by `HEADINGS`."""
    return (
        timing.name,
        timing.params,
        f"{timing.rounds:,}",
        figures(timing.median * 1e3),
        figures(timing.iqr * 1e3),
    )


def draw_suites(suites: Sequence[Suite]) -> Section | None:
    """A sortable table a file."""
    parts = []
    for suite in suites:
        parts.append(tag("h3", suite.path.name))
        heads = [
            tag("th", tag("button", heading, type="button"), scope="col", class_=_class(heading))
            for heading in HEADINGS
        ]
        body = [_row(timing) for timing in suite.timings]
        table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body))
        parts.append(tag("div", table, class_="scroll", tabindex="0"))
    lead = "The median of all rounds, and the distance between its quartiles (IQR) as its spread."
    return Section("suites", "pytest-benchmark", lead, render(*parts)) if parts else None


def _row(timing: Timing) -> Markup:
    exact = (timing.name, timing.params, timing.rounds, timing.median, timing.iqr)
    shown = zip(HEADINGS, cells(timing), exact, strict=True)
    return tag(
        "tr",
        *(
            tag("td", words, class_=_class(head), data_value=f"{value}")
            for head, words, value in shown
        ),
    )


def _class(heading: str) -> str | None:
    return "number" if heading in _NUMBERS else None
