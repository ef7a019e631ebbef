"""Accuracy against latency: both intervals of each row, and the Pareto line."""

from collections.abc import Iterator
from itertools import pairwise

from bench.report.looks import Looks
from bench.results.answers import Answer, Rows
from bench.results.rows import Row
from bench.results.wording import accuracy_text, p50_text
from zoo.drawing.labels import PointLabel, place
from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.svg import (
    Scale,
    drawing,
    hover,
    line,
    logarithmic,
    path,
    straight,
    text,
    x_axis,
    y_axis,
)

LEFT, TOP, BOTTOM, RIGHT = 40, 26, 44, 12


def plotted(answer: Answer) -> list[Row]:
    """The rows that have both figures, the Pareto set first."""
    both = [row for row in answer.rows if row.p50_ms is not None and row.accuracy is not None]
    first = [id(row) for row in front(answer)]
    return sorted(both, key=lambda row: (id(row) not in first, row.p50_ms))


def draw_scatter(answer: Answer, looks: Looks, width: float) -> Markup:
    """One point per row: p50 of a call on a logarithmic scale, accuracy on a linear one.

    With many rows, only the Pareto set is labelled; the others are named on hover.
    """
    rows = plotted(answer)
    height = 0.3 * width + 225
    bottom = height - BOTTOM
    across = logarithmic(_times(rows), LEFT, width - RIGHT)
    up = straight((100 * share for share in _shares(rows)), bottom, TOP)
    places = {id(row): (across(row.p50_ms or 0), up(100 * (row.accuracy or 0))) for row in rows}
    names = looks.names.within(answer.rows)
    named = len(rows) if len(rows) <= width / 40 else len(front(answer))
    words = [names.label(row) for row in rows[:named]]
    room = (LEFT + 2, TOP - 4, width, bottom)
    labels = place([places[id(row)] for row in rows], words, room, len(front(answer)))
    best = [places[id(row)] for row in front(answer)]
    return drawing(
        width,
        height,
        f"Accuracy against latency of {len(rows)} rows; the table has every figure",
        y_axis(up, LEFT, width - RIGHT, "accuracy, %", up.ticks(6)),
        x_axis(across, TOP, bottom, "median time of a call, ms (log)", across.ticks(7)),
        _staircase(best, width - RIGHT),
        *(_intervals(row, places[id(row)], across, up) for row in rows),
        *(_leader(label) for label in labels if label and label.far),
        *(_point(row, places[id(row)], looks, answer) for row in looks.filled_first(rows)),
        *(
            text(label.x, label.y, label.words, _class(index, answer), label.anchor)
            for index, label in enumerate(labels)
            if label
        ),
    )


def _class(index: int, answer: Answer) -> str:
    """Rows of the Pareto set come first, and are named in bold."""
    return "label strong" if index < len(front(answer)) else "label"


def front(answer: Answer) -> Rows:
    """The Pareto set, if there are other rows."""
    return answer.pareto if answer.contested else ()


def _times(rows: list[Row]) -> Iterator[float]:
    """The p50 of each, and the ends of its interval."""
    for row in rows:
        yield from (row.p50_ms or 0.0, *(row.p50_interval or ()))


def _shares(rows: list[Row]) -> Iterator[float]:
    """The accuracy of each, and the ends of its interval."""
    for row in rows:
        found = (row.accuracy, row.accuracy_low, row.accuracy_high)
        yield from (value for value in found if value is not None)


def _staircase(best: list[tuple[float, float]], right: float) -> Markup:
    """The best accuracy at each latency: flat until the next row of the set, then up."""
    if not best:
        return Markup("")
    steps = [best[0]]
    for before, after in pairwise(best):
        steps += [(after[0], before[1]), after]
    return path([*steps, (right, best[-1][1])], "pareto")


def _intervals(row: Row, at: tuple[float, float], across: Scale, up: Scale) -> Markup:
    x, y = at
    parts = []
    if row.p50_interval:
        low, high = map(across, row.p50_interval)
        parts.append(line(low, y, high, y, "whisker"))
    if row.accuracy_low is not None and row.accuracy_high is not None:
        low, high = up(100 * row.accuracy_low), up(100 * row.accuracy_high)
        parts.append(line(x, low, x, high, "whisker"))
    return render(*parts)


def _leader(label: PointLabel) -> Markup:
    left, top, right, bottom = label.box
    x, y = label.point
    end = (min(max(x, left), right), bottom if y > bottom else top)
    return line(x, y, *end, "leader")


def _point(row: Row, at: tuple[float, float], looks: Looks, answer: Answer) -> Markup:
    words = [
        looks.names.cell(row),
        p50_text(row),
        accuracy_text(row),
        "in the Pareto set" if any(row is other for other in front(answer)) else "",
    ]
    return tag("g", hover(words), looks.mark(row, *at))
