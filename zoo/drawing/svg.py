"""The elements of SVG charts: scales from values to pixels, axes, marks.

Colours are the page's: a mark of class `s3` has the fourth colour, in light and in dark.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from zoo.drawing.markup import Markup, render, tag

FONT = 12  # pixels, as in the style sheet
# Parts of the font's size; those of DejaVu Sans, which is wider than most.
_WIDTHS = dict.fromkeys("iljtf.,:|'()[] ", 0.38) | dict.fromkeys("mwMW%", 0.97)


@dataclass(frozen=True)
class Scale:
    """From values onto pixels, straight or by logarithm."""

    low: float
    high: float
    start: float  # the pixel of `low`
    end: float  # the pixel of `high`
    log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; one outside the scale is clipped to its edge."""
        value = min(max(value, self.low), self.high)
        low, high = self.low, self.high
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round tick values, at most about `count`."""
        if self.log:
            for steps in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
                found = _decades(self.low, self.high, steps)
                if len(found) <= most:
                    break
            stride = -(-len(found) // most)
            if len(found) >= 2:
                return found[::stride]
        step = _round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]


def straight(values: Iterable[float], start: float, end: float, *, zero: bool = False) -> Scale:
    """A linear scale around all values with a small margin; zero: start at 0."""
    seen = list(values)
    low, high = min(seen, default=0.0), max(seen, default=1.0)
    air = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    if zero:
        return Scale(0.0, high or 1.0, start, end)
    return Scale(low - air, high + air, start, end)


def logarithmic(values: Iterable[float], start: float, end: float) -> Scale:
    """A logarithmic scale around all positive values with a small margin."""
    seen = [value for value in values if value > 0]
    low, high = min(seen, default=1.0), max(seen, default=10.0)
    air = max((high / low) ** 0.05, 1.04)
    return Scale(low / air, high * air, start, end, log=True)


def _decades(low: float, high: float, steps: Sequence[float]) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    ticks = (step * 10.0**power for power in range(first, last + 1) for step in steps)
    return [tick for tick in ticks if low <= tick <= high]


def _round_step(rough: float) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    return next((step * power for step in (1, 2, 5) if step * power >= rough * 0.999), 10 * power)


def tick_text(value: float) -> str:
    """The label of a tick, without rounding noise: 0.5, 2,000, 30k, 1M."""
    for least, size, letter in ((1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / size:,.4g}{letter}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{float(f'{value:.3g}'):g}"


def drawing(width: float, height: float, label: str, *marks: str, role: str = "img") -> Markup:
    """An SVG of this size, with a text description for screen readers.

    role: `group` if its marks are links.
    """
    return tag(
        *("svg", *marks),
        viewBox=f"0 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        role=role,
        aria_label=label,
    )


def text(x: float, y: float, words: str, class_: str = "", anchor: str = "start") -> Markup:
    """Words whose baseline is at y."""
    align = None if anchor == "start" else anchor
    return tag("text", words, x=x, y=y, class_=class_ or None, text_anchor=align)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return tag("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=class_)


def path(points: Iterable[tuple[float, float]], class_: str) -> Markup:
    """A line through points."""
    steps = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return tag("path", d=f"M{steps}", class_=class_)


def rect(x: float, y: float, width: float, height: float, class_: str, *inner: str) -> Markup:
    """A rectangle; a width below one pixel is drawn as one pixel, so that it stays visible."""
    return tag(
        *("rect", *inner),
        x=float(x),
        y=float(y),
        width=float(max(width, 1)),
        height=float(height),
        class_=class_,
    )


def symbol(shape: str, x: float, y: float, class_: str, radius: float = 5.0) -> Markup:
    """A point's mark; shapes of equal area, so that none looks more important."""
    if shape == "circle":
        return tag("circle", cx=float(x), cy=float(y), r=radius, class_=class_)
    corners = {
        "square": [(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        "triangle": [(0, -1.3), (1.2, 0.85), (-1.2, 0.85)],
        "diamond": [(0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)],
    }[shape]
    points = " ".join(f"{x + radius * dx:.1f},{y + radius * dy:.1f}" for dx, dy in corners)
    return tag("polygon", points=points, class_=class_)


def hover(words: Iterable[str]) -> Markup:
    """The hover text of a mark, one line each."""
    return tag("title", Markup("\n".join(render(word) for word in words if word)))


def x_axis(scale: Scale, top: float, bottom: float, label: str, ticks: list[float]) -> Markup:
    """Grid lines from top to bottom with their numbers, and the label, below."""
    marks = [
        part
        for tick in ticks
        for part in (
            line(scale(tick), top, scale(tick), bottom, "grid"),
            text(scale(tick), bottom + 16, tick_text(tick), "tick", "middle"),
        )
    ]
    middle = (scale.start + scale.end) / 2
    return render(*marks, text(middle, bottom + 33, label, "axis", "middle"))


def y_axis(scale: Scale, left: float, right: float, label: str, ticks: list[float]) -> Markup:
    """Grid lines from left to right with their numbers left of them, the label above."""
    marks = [
        part
        for tick in ticks
        for part in (
            line(left, scale(tick), right, scale(tick), "grid"),
            text(left - 6, scale(tick) + 4, tick_text(tick), "tick", "end"),
        )
    ]
    return render(*marks, text(0, min(scale.start, scale.end) - 10, label, "axis"))


def text_width(words: str, size: float = FONT) -> float:
    """The estimated width of a text in pixels, on the generous side, as the font is unknown."""
    return sum(_WIDTHS.get(letter, 0.63) for letter in words) * size


def shortened(words: str, width: float) -> str:
    """Shorten a text to a width, with an ellipsis in the middle."""
    kept = len(words)
    if text_width(words) <= width or kept <= 4:
        return words
    head, tail = words, ""
    while kept > 4 and text_width(head + tail) + FONT > width:
        kept -= 1
        first = -(-kept * 3 // 5)
        head, tail = words[:first], words[len(words) - (kept - first) :]
    return f"{head}\N{HORIZONTAL ELLIPSIS}{tail}"
