"""Line charts: throughput over batch sizes, accuracy and loss over epochs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from zoo.drawing.labels import spread
from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.svg import (
    Scale,
    drawing,
    hover,
    logarithmic,
    path,
    straight,
    text,
    text_width,
    x_axis,
    y_axis,
)

WIDTH, HEIGHT = 328, 230
LEFT, TOP, BOTTOM = 46, 26, 44

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """A line and its points."""

    name: str  # stands at its end
    points: Sequence[Point]
    class_: str  # of its colour
    dashed: bool = False  # told apart without its colour
    mark: Callable[[float, float], Markup] | None = None  # of each point
    quiet: bool = False  # drawn thin and grey behind the others, without a name
    unit: str = ""  # of y, where a point is pointed at


def draw_series(
    series: Sequence[Series],
    *,
    about: str,
    x_label: str,
    y_label: str,
    log: bool = False,
    x_ticks: Sequence[float] | None = None,
) -> Markup:
    """Lines over straight scales, or over two logarithmic ones."""
    loud = [one for one in series if not one.quiet and one.points]
    right = WIDTH - max((text_width(one.name) for one in loud), default=0) - 14
    bottom = HEIGHT - BOTTOM
    xs = [x for one in series for x, _ in one.points]
    ys = [y for one in series for _, y in one.points]
    across: Scale = (logarithmic if log else straight)(xs, LEFT, right)
    up: Scale = (logarithmic if log else straight)(ys, bottom, TOP)
    ticks = list(x_ticks or across.ticks(5))
    while len(ticks) > max(2, (right - LEFT) / 28):
        ticks = ticks[::2]
    ordered = sorted(series, key=lambda one: not one.quiet)
    return drawing(
        WIDTH,
        HEIGHT,
        about,
        y_axis(up, LEFT, right, y_label, up.ticks(5)),
        x_axis(across, TOP, bottom, x_label, ticks),
        *(_line(one, across, up) for one in ordered),
        *_names(loud, across, up, bottom),
    )


def _line(one: Series, across: Scale, up: Scale) -> Markup:
    places = [(across(x), up(y)) for x, y in one.points]
    if not places:
        return Markup("")
    class_ = "quiet" if one.quiet else f"curve {one.class_}{' dashed' if one.dashed else ''}"
    drawn = path(places, class_) if len(places) > 1 else Markup("")
    if one.quiet or one.mark is None:
        return drawn
    marks = (
        tag("g", hover((one.name, f"{x:g}: {y:,.4g}{one.unit}")), one.mark(*place))
        for (x, y), place in zip(one.points, places, strict=True)
    )
    return render(drawn, *marks)


def _names(loud: Sequence[Series], across: Scale, up: Scale, bottom: float) -> list[Markup]:
    """Each name at the end of its line, moved apart if lines end close together."""
    ends = [(across(one.points[-1][0]), up(one.points[-1][1])) for one in loud]
    heights = spread([y for _, y in ends], 14, TOP, bottom)
    return [
        text(x + 9, y + 4, one.name, f"label name {one.class_}")
        for one, (x, _), y in zip(loud, ends, heights, strict=True)
    ]
