"""Charts of what is inside the models: operators, training curves, confusion matrices, latents."""

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote

from bench.report.lanes import Lane, bar, draw_lanes
from bench.report.latents import draw_latents, legend
from bench.report.looks import Looks
from bench.report.models import Training
from bench.report.sections import Section, figure, figures_in_grid, small_figure
from bench.results.operators import OperatorTime
from bench.results.rows import Row
from bench.results.wording import figures
from zoo.drawing.confusion import SHADES
from zoo.drawing.curves import draw_panel, panels
from zoo.drawing.heatmap import draw_confusion
from zoo.drawing.latents import MOST_COLOURED
from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.series import WIDTH

MOST = 8


def operators(found: Sequence[OperatorTime], rows: Sequence[Row], looks: Looks) -> Section | None:
    """Bars of shares, one panel per cell; the smallest shares are combined."""
    by_cell = defaultdict[str, list[OperatorTime]](list)
    for operator in found:
        by_cell[operator.cell].append(operator)
    profiled = {row.cell: row for row in rows if row.cell in by_cell}
    if not profiled:
        return None
    drawn = [
        small_figure(looks.names.cell(row), _shares(by_cell[cell], looks.colour(row)), row.batch)
        for cell, row in profiled.items()
    ]
    lead = (
        "Share of a profiled call that each kind of operator took. Profiling itself takes time, so "
        "read these as shares, not as latencies."
    )
    return Section("operators", "Time by operator", lead, figures_in_grid(drawn, "small"))


def _shares(found: Sequence[OperatorTime], class_: str) -> Markup:
    ordered = sorted(found, key=lambda one: -one.share)
    lanes = [
        Lane(
            one.operator,
            f"{one.share:.1%}",
            [100 * one.share],
            bar(100 * one.share, class_),
            (
                one.operator,
                f"{one.calls:,} times a call",
                f"{figures(one.total_us / 1e3)} ms of it",
            ),
        )
        for one in ordered[:MOST]
    ]
    if rest := ordered[MOST:]:
        share = sum(one.share for one in rest)
        kinds = [one.operator for one in rest]
        name = f"{len(rest)} others"
        lanes.append(Lane(name, f"{share:.1%}", [100 * share], bar(100 * share, "ink"), kinds))
    about = "Time by operator"
    return draw_lanes(lanes, WIDTH, about=about, axis="% of the time", beside=True)


def curves(trainings: Sequence[Training]) -> Section | None:
    """Accuracy and loss over epochs of the measured artifacts."""
    drawn = [
        small_figure(f"{one.id}: {panel.title.lower()}", draw_panel(panel))
        for one in trainings
        if one.history
        for panel in panels(one.history)
    ]
    if not drawn:
        return None
    lead = (
        "From the artifacts. Training figures are over the augmented images that the network saw."
    )
    return Section("curves", "Training curves", lead, figures_in_grid(drawn, "pairs"))


def confusions(trainings: Sequence[Training], folder: Path) -> Section | None:
    """One matrix per artifact, with a link to its test page. folder: that of the report."""
    drawn = [
        small_figure(_linked(one, folder), draw_confusion(one.confusion))
        for one in trainings
        if one.confusion
    ]
    if not drawn:
        return None
    lead = (
        "The published network on its test set: rows are true classes, columns are predicted ones. "
        f"{SHADES}"
    )
    return Section("confusions", "Confusion matrices", lead, figures_in_grid(drawn, "small"))


def _linked(one: Training, folder: Path) -> Markup:
    if one.test_page is None:
        return render(one.id)
    place = os.path.relpath(one.test_page.resolve(), folder.resolve())
    return render(f"{one.id}: ", tag("a", "its images, class by class", href=quote(place)))


def latents(trainings: Sequence[Training]) -> Section | None:
    """One map per transfer."""
    drawn = [
        figure(one.id, partial(draw_latents, one.projection), legend=legend(one.projection))
        for one in trainings
        if one.projection
    ]
    if not drawn:
        return None
    lead = (
        "The backbone's latents of test images, along the first two principal components of those "
        "shown. Classes that lie apart here are easy for a head; others may still be, in "
        "directions "
        f"not shown. With more than {MOST_COLOURED} classes, those whose centres lie "
        "furthest out are coloured."
    )
    return Section("latents", "Maps of latents", lead, figures_in_grid(drawn))
