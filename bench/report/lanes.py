"""Charts with one lane per row, its name on the left and its figure on the right.

If there is no room, name and figure are above the lane.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.svg import (
    Scale,
    drawing,
    hover,
    line,
    logarithmic,
    rect,
    shortened,
    straight,
    symbol,
    text,
    text_width,
    x_axis,
)

WIDE = 480
Draw = Callable[[Scale, float], Markup]


@dataclass(frozen=True)
class Lane:
    """One row of a chart."""

    name: str
    figure: str  # in words
    values: Sequence[float]  # all that must fit the scale
    draw: Draw  # its marks at a height
    about: Sequence[str] = ()  # what it says when pointed at


def draw_lanes(
    lanes: Sequence[Lane],
    width: float,
    *,
    about: str,
    axis: str,
    log: bool = False,
    extra: Iterable[float] = (),
    behind: Callable[[Scale, float, float], Markup] | None = None,
    beside: bool | None = None,
) -> Markup:
    """All lanes over one scale.

    extra: values that the scale must include; behind: drawn first, from top to bottom; beside:
    whether names and figures are beside the lanes; default: if there is room.
    """
    beside = width >= WIDE if beside is None else beside
    left = min(max(text_width(lane.name) for lane in lanes) + 12, 0.42 * width) if beside else 4
    right = max(text_width(lane.figure) for lane in lanes) + 12 if beside else 4
    pitch, drop = (24, 12) if beside else (42, 30)
    top, bottom = 4.0, 8.0 + pitch * len(lanes)
    values = [*extra, *(value for lane in lanes for value in lane.values)]
    ends = (left, width - right)
    scale = logarithmic(values, *ends) if log else straight(values, *ends, zero=True)
    marks = [
        _lane(lane, scale, top + pitch * index, top + pitch * index + drop, width, beside)
        for index, lane in enumerate(lanes)
    ]
    ticks = scale.ticks(max(3, int((ends[1] - ends[0]) / 60)))
    return drawing(
        width,
        bottom + 40,
        about,
        behind(scale, top, bottom) if behind else "",
        x_axis(scale, top, bottom, axis, ticks),
        *marks,
    )


def _lane(
    lane: Lane, scale: Scale, top: float, middle: float, width: float, beside: bool
) -> Markup:
    baseline = middle + 4 if beside else top + 14
    room = scale.start - 10 if beside else width - text_width(lane.figure) - 10
    return tag(
        "g",
        hover(lane.about or (lane.name, lane.figure)),
        rect(0, top, width, middle + 12 - top, "catch"),
        text(0, baseline, shortened(lane.name, room), "label"),
        lane.draw(scale, middle),
        text(width, baseline, lane.figure, "figure", "end"),
    )


def bar(value: float, class_: str) -> Draw:
    """A bar from zero."""

    def draw(scale: Scale, y: float) -> Markup:
        return rect(scale.start, y - 7, scale(value) - scale.start, 14, f"bar {class_}")

    return draw


def interval(
    value: float, low: float | None, high: float | None, mark: Callable[[float, float], Markup]
) -> Draw:
    """A point and its interval with end caps."""

    def draw(scale: Scale, y: float) -> Markup:
        point = mark(scale(value), y)
        if low is None or high is None:
            return point
        ends = [line(scale(end), y - 4, scale(end), y + 4, "whisker") for end in (low, high)]
        return render(line(scale(low), y, scale(high), y, "whisker"), *ends, point)

    return draw


def dots(marks: Sequence[tuple[str, float, str]]) -> Draw:
    """Points on one thin line, each with shape, value and class; the first is on top."""

    def draw(scale: Scale, y: float) -> Markup:
        xs = [scale(value) for _, value, _ in marks]
        points = [
            symbol(shape, x, y, f"mark {class_}", 4.5)
            for (shape, _, class_), x in zip(marks, xs, strict=True)
        ]
        return render(line(min(xs), y, max(xs), y, "thread"), *reversed(points))

    return draw
