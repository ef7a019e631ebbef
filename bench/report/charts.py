"""The charts of a sweep's main figures, one section each."""

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from bench.report.lanes import Lane, draw_lanes, interval
from bench.report.looks import Looks
from bench.report.scatter import draw_scatter, front, plotted
from bench.report.sections import Section, figure, figures_in_grid, small_figure
from bench.results.answers import Answer, Rows
from bench.results.comparisons import names_of
from bench.results.rows import Row
from bench.results.summary import Summary
from bench.results.wording import ratio_text
from zoo.drawing.markup import Markup, render
from zoo.drawing.series import Series, draw_series
from zoo.drawing.svg import Scale, line, rect


def accuracy_and_latency(summary: Summary, looks: Looks) -> Section | None:
    """One scatter plot for each question."""
    answers = [answer for answer in summary.answers if plotted(answer)]
    if not answers:
        return None
    drawn = [
        figure(
            summary.heading(answer.question),
            partial(draw_scatter, answer, looks),
            answer.question.batch,
            looks.legend(plotted(answer)),
        )
        for answer in answers
    ]
    lead = (
        f"Up and to the left is better. {_about_line(answers)}Thin strokes are 95% intervals. "
        "Where no runtime is named it is onnxruntime; where no provider is, the CPU."
    )
    return Section("accuracy", "Accuracy against latency", lead, figures_in_grid(drawn))


def _about_line(answers: Sequence[Answer]) -> str:
    """The explanation of the line in these plots, if there is one."""
    most = max(len(front(answer)) for answer in answers)
    if not most:
        return ""
    begins = "joins the Pareto set" if most > 1 else "begins at the only row of the Pareto set"
    return (
        f"The line {begins}: every row below it is beaten by one that is as fast and more "
        "accurate, or as accurate and faster. "
    )


def throughput(rows: Sequence[Row], summary: Summary, looks: Looks) -> Section | None:
    """Images per second over batch sizes: one panel per subject, the others in grey behind it."""
    names = summary.names
    lines = defaultdict[tuple[str, ...], list[Row]](list)
    for row in rows:
        if row.images_per_second:
            key = (
                row.machine or "",
                row.subject,
                names.label(row, subject=False),
                names.threads(row),
            )
            lines[key].append(row)
    batches = sorted({row.batch for line in lines.values() for row in line})
    if len(batches) < 2:
        return None
    panels = sorted({(machine, subject) for machine, subject, *_ in lines})
    drawn = [
        _throughput(
            panel, lines, looks, batches, several=len({machine for machine, _ in panels}) > 1
        )
        for panel in panels
    ]
    lead = (
        "Images per second against the batch size, both logarithmic; the scales are the same "
        "everywhere, and the grey lines are the other models."
    )
    body = figures_in_grid(drawn, "small")
    return Section("throughput", "Throughput against batch", lead, body)


def _throughput(
    panel: tuple[str, str],
    lines: dict[tuple[str, ...], list[Row]],
    looks: Looks,
    batches: Sequence[int],
    *,
    several: bool,
) -> Markup:
    series = []
    title = ""
    for (machine, subject, variant, threads), rows in lines.items():
        ordered = sorted(rows, key=lambda row: row.batch)
        points = [(float(row.batch), row.images_per_second or 0.0) for row in ordered]
        loud = (machine, subject) == panel
        first = ordered[0]
        if loud:
            title = looks.names.subject(first)
        series.append(
            Series(
                name=" ".join(filter(None, (variant, threads))),
                points=points,
                class_=looks.colour(first),
                mark=partial(looks.mark, first, radius=4),
                quiet=not loud,
                unit=" images/s",
            )
        )
    if several:
        title += f", machine {panel[0][:8]}"
    drawing = draw_series(
        series,
        about=f"Throughput of {title} against batch size",
        x_label="images per call (log)",
        y_label="images/s (log)",
        log=True,
        x_ticks=batches,
    )
    return small_figure(title, drawing)


def ratios(summary: Summary, looks: Looks) -> Section | None:
    """One forest plot for each question."""
    shown = [
        (summary.heading(answer.question), answer.rows)
        for answer in summary.answers
        if any(row.ratio for row in answer.rows)
    ]
    shown += [
        (" against ".join(reversed(names_of(one.row))), tuple(one.measured))
        for one in summary.comparisons
        if one.measured
    ]
    if not shown:
        return None
    drawn = [figure(title, partial(_forest, rows, looks), rows[0].batch) for title, rows in shown]
    margins = sorted({row.margin for _, rows in shown for row in rows if row.margin})
    references = sorted({_reference(row) for _, rows in shown for row in rows if row.reference})
    lead = (
        "Time of a call divided by that of the reference arm "
        f"({', '.join(references) or 'not named'}), measured in turns. Left of 1 is faster. A "
        "ratio inside "
        f"the shaded band ({', '.join(f'{margin:.1%}' for margin in margins)}) counts as "
        "the same; a verdict needs the whole interval on one side."
    )
    return Section("ratios", "Ratio to the reference", lead, figures_in_grid(drawn))


def _reference(row: Row) -> str:
    return " ".join(filter(None, (row.reference_subject, row.reference)))


def _forest(all_rows: Rows, looks: Looks, width: float) -> Markup:
    rows = sorted((row for row in all_rows if row.ratio), key=lambda row: row.ratio or 0)
    names = looks.names.within(all_rows)
    margin = max((row.margin or 0 for row in rows), default=0)
    lanes = [
        Lane(
            names.label(row),
            f"{ratio_text(row)} {row.verdict or ''}",
            [value for value in (row.ratio, row.ratio_low, row.ratio_high) if value],
            interval(
                *(row.ratio or 1, row.ratio_low, row.ratio_high),
                partial(looks.mark, row, radius=4.5),
            ),
            (
                looks.names.cell(row),
                f"{ratio_text(row)} of {_reference(row)}: {row.verdict}",
                f"{row.instances} instances, {row.turns} turns",
            ),
        )
        for row in rows
    ]

    def band(scale: Scale, top: float, bottom: float) -> Markup:
        low, high = scale(1 / (1 + margin)), scale(1 + margin)
        return render(
            rect(low, top, high - low, bottom - top, "band"),
            line(scale(1), top, scale(1), bottom, "unity"),
        )

    return draw_lanes(
        lanes,
        width,
        about=f"Ratio to the reference arm of {len(lanes)} rows",
        axis="time, reference = 1 (log)",
        log=True,
        extra=(1 / (1 + margin), 1 + margin),
        behind=band,
    )
