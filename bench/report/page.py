"""The report's HTML page, in one self-contained file."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.report.charts import accuracy_and_latency, ratios, throughput
from bench.report.content import ReportContent
from bench.report.costs import cold_costs, sizes
from bench.report.graphs import draw_files
from bench.report.guide import GUIDE
from bench.report.insides import confusions, curves, latents, operators
from bench.report.looks import Looks
from bench.report.sections import Section
from bench.report.style import CSS, SCRIPT, only_batch
from bench.report.suites import draw_suites
from bench.report.table import draw_table
from bench.results.answers import Answer
from bench.results.comparisons import Comparisons
from bench.results.rows import SKIPPED, Row
from bench.results.summary import Summary
from bench.results.wording import accuracy_text, count, joined, p50_text
from zoo.drawing.markup import Markup, document, render, tag


def draw_page(content: ReportContent, folder: Path = Path()) -> str:
    """The whole file. folder: the one it will be written to."""
    sections = [section for section in _sections(content, folder) if section]
    batches = sorted({row.batch for row in content.rows})
    style = CSS + "\n".join(only_batch(batch) for batch in batches)
    body = [
        _header(content, sections),
        tag(
            "main",
            _answers(content),
            _batches(batches) if len(batches) > 1 else "",
            *(_section(section) for section in sections),
        ),
        tag("footer", "This page holds everything it shows and fetches nothing."),
        tag("script", Markup(SCRIPT)),
    ]
    return document(content.title, style, body)


def _sections(content: ReportContent, folder: Path) -> Iterable[Section | None]:
    rows, summary = content.measured, content.summary
    looks = Looks.of(content.rows, summary.names)
    if content.rows:
        yield _cells(content)
    yield accuracy_and_latency(summary, looks)
    yield throughput(rows, summary, looks)
    yield ratios(summary, looks)
    yield operators(content.operators, rows, looks)
    yield cold_costs(rows, summary)
    yield sizes(rows, summary, looks)
    yield draw_files(rows, summary.names)
    yield draw_suites(content.suites)
    yield curves(content.trainings)
    yield confusions(content.trainings, folder)
    yield latents(content.trainings)
    yield _warnings(content)
    yield _environment(content)
    guide = [part for term, text in GUIDE for part in (tag("dt", term), tag("dd", text))]
    yield Section("guide", "How to read the numbers", "", tag("dl", *guide, class_="guide"))


def _header(content: ReportContent, sections: Sequence[Section]) -> Markup:
    links = [tag("li", tag("a", one.title, href=f"#{one.id}")) for one in sections]
    return tag(
        "header",
        tag("h1", content.title),
        tag("p", content.origin),
        tag("nav", tag("ul", *links), aria_label="Sections"),
    )


def _section(section: Section) -> Markup:
    return tag(
        "section",
        tag("h2", section.title),
        tag("p", section.lead, class_="lead") if section.lead else "",
        section.body,
        id=section.id,
    )


def _batches(batches: Sequence[int]) -> Markup:
    """The batch-size filter of the whole page; it works without the script."""

    def choice(id_: str, words: str, *, checked: bool = False) -> Markup:
        box = tag("input", type="radio", name="batch", id=id_, checked=checked)
        return tag("label", box, words)

    return tag(
        "fieldset",
        tag("legend", "Batch"),
        choice("batch-all", "all", checked=True),
        *(choice(f"batch-{batch:d}", f"{batch:,}") for batch in batches),
        class_="batches",
    )


def _answers(content: ReportContent) -> Markup:
    summary = content.summary
    cards = [_card(answer, summary) for answer in summary.answers]
    cards += [_comparison(one) for one in summary.comparisons]
    if not content.rows:
        return Markup("")
    return tag(
        "section",
        tag("h2", "Which one to take"),
        tag("div", *cards, class_="cards") if cards else tag("p", "No cell was measured."),
        _attention(content),
        id="answers",
    )


def _card(answer: Answer, summary: Summary) -> Markup:
    facts: list[Markup] = []

    def add(term: str, row: Row | None, otherwise: str = "none") -> None:
        below = (accuracy_text(row), p50_text(row)) if row else ()
        more = [tag("small", part) for part in below if part]
        name = summary.names.arm(row) if row else otherwise
        facts.extend((tag("dt", term), tag("dd", tag("b", name), *more)))

    if answer.contested:
        add("best accuracy", answer.best_accuracy, "not known")
        add("fastest", answer.fastest, "not known")
    else:
        add("measured", answer.rows[0])
    budget = str(summary.budget)
    if budget and answer.contested:
        add(f"best under {budget}", answer.within_budget)
    elif budget:
        fits = summary.budget.fits(answer.rows[0])
        add(f"under {budget}", None, "yes" if fits else "no")
    if answer.pareto and answer.contested:
        term = f"Pareto set, fastest first ({len(answer.pareto)} of {len(answer.rows)})"
        arms = joined(summary.names.arm(row) for row in answer.pareto)
        facts.extend((tag("dt", term), tag("dd", arms)))
    heading = tag("h3", summary.heading(answer.question))
    return tag("div", heading, tag("dl", *facts), class_="card")


def _comparison(said: Comparisons) -> Markup:
    items = [tag("li", line) for line in said.lines()]
    return tag("div", tag("h3", said.answer()), tag("ul", *items), class_="card")


def _attention(content: ReportContent) -> Markup:
    """Problems that readers should know about first."""
    facts = [
        f"{count(number, 'cell')} {what}"
        for number, what in (
            (content.summary.failed, "failed"),
            (content.summary.skipped, "skipped"),
        )
        if number
    ]
    if content.warnings:
        facts.append(count(len(content.warnings), "kind") + " of warning")
    if not facts:
        return Markup("")
    link = tag("a", "what to know before you rely on these numbers", href="#warnings")
    return tag("div", tag("p", f"{joined(facts)}: ", link, "."), class_="attention")


def _cells(content: ReportContent) -> Section:
    box = tag("input", type="checkbox", id="every-column")
    body = render(
        tag("label", box, "every column", class_="choice"),
        _skipped(content),
        draw_table(content.rows, content.summary, content.sources),
    )
    lead = (
        "Click a heading to sort; point at one for its meaning. The 95% interval is below "
        "each figure. The reference is the same model in fp32, in onnxruntime on the same "
        "provider, unless the sweep named another; on a GPU, that one is compared with the CPU, at "
        "batch 1. Below 1 is faster."
    )
    return Section("cells", "All cells", lead, body)


def _skipped(content: ReportContent) -> Markup:
    """The filter of skipped rows, if there are any."""
    found = sum(row.status == SKIPPED for row in content.rows)
    if not found:
        return Markup("")
    box = tag("input", type="checkbox", id="skipped-cells")
    return tag("label", box, count(found, "skipped cell"), class_="choice")


def _warnings(content: ReportContent) -> Section | None:
    absent = [
        tag(
            "li", tag("b", f"{what.status}: "), f"{content.summary.names.cell(what)}: {what.reason}"
        )
        for what in content.absent
    ]
    told = [
        tag("li", warning.text, tag("small", f" ({warning.where})", class_="faint"))
        for warning in content.warnings
    ]
    gaps = [tag("li", gap) for gap in content.left_out]
    parts = [
        part
        for title, items in (
            ("Cells without figures", absent),
            ("Warnings", told),
            ("Left out of this report", gaps),
        )
        if items
        for part in (tag("h3", title), tag("ul", *items))
    ]
    return Section("warnings", "Before you rely on it", "", render(*parts)) if parts else None


def _environment(content: ReportContent) -> Section | None:
    parts: list[Markup] = []
    for source, facts in content.environments:
        rows = [tag("tr", tag("td", name), tag("td", value)) for name, value in facts]
        table = tag("table", tag("tbody", *rows), class_="facts")
        parts += [tag("h3", source), tag("div", table, class_="scroll", tabindex="0")]
    return Section("environment", "Environment", "", render(*parts)) if parts else None
