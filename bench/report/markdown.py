"""The report as markdown: summary, table, warnings, environment."""

from collections.abc import Iterator, Sequence

from bench.report.content import ReportContent
from bench.report.graphs import FILE_HEADINGS, file_cells, files_of
from bench.report.guide import GUIDE
from bench.report.suites import HEADINGS, cells
from bench.report.table import plain_table
from zoo.escaping import markdown as escaped
from zoo.marks import MARKDOWN_LINE


def draw_markdown(content: ReportContent) -> str:
    """The whole file."""
    return "\n".join(_lines(content)) + "\n"


def _lines(content: ReportContent) -> Iterator[str]:
    summary = content.summary
    yield MARKDOWN_LINE
    yield from (f"# {escaped(content.title)}", "", escaped(content.origin), "")
    if content.rows:
        yield from ("## Which one to take", "")
        for answer in summary.answers:
            yield from (f"**{escaped(summary.heading(answer.question))}**", "")
            yield from (f"- {escaped(line)}" for line in summary.answer_lines(answer))
            yield ""
        for comparison in summary.comparisons:
            yield from (f"**{escaped(comparison.answer())}**", "")
            yield from (f"- {escaped(line)}" for line in comparison.lines())
            yield ""
        if not (summary.answers or summary.comparisons):
            yield from ("No cell was measured.", "")
        yield from ("## All cells", "")
        yield from _table(*plain_table(content.rows, summary))
    if files := files_of(content.measured):
        yield from ("## Models", "")
        yield from _table(FILE_HEADINGS, [file_cells(row, summary.names) for row in files])
    for suite in content.suites:
        yield from (f"## {escaped(suite.path.name)}", "")
        yield from _table(HEADINGS, [cells(timing) for timing in suite.timings])
    if content.warnings:
        yield from ("## Warnings", "")
        for warning in content.warnings:
            yield f"- {escaped(warning.text)} ({escaped(warning.where)})"
        yield ""
    if content.left_out:
        yield from ("## Left out of this report", "")
        yield from (f"- {escaped(gap)}" for gap in content.left_out)
        yield ""
    for source, facts in content.environments:
        yield from (f"## Environment of {escaped(source)}", "")
        yield from _table(("what", "value"), facts)
    yield from ("## How to read the numbers", "")
    for term, text in GUIDE:
        yield f"- **{term}** {escaped(text)}"


def _table(headings: Sequence[str], body: Sequence[Sequence[str]]) -> Iterator[str]:
    yield _line(headings)
    yield "|" + "---|" * len(headings)
    yield from map(_line, body)
    yield ""


def _line(texts: Sequence[str]) -> str:
    return f"| {' | '.join(map(escaped, texts))} |"
