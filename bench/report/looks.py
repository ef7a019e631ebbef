"""The look of a row in every chart: colour by model, shape by precision, fill by runtime.

Nothing depends only on colour: points have labels, and shapes and fills show the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.results.rows import Row
from bench.results.wording import Names
from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.palette import ON_LIGHT
from zoo.drawing.svg import line, symbol

COLOURS = len(ON_LIGHT) - 1  # further models share the last, which is grey
_SHAPES = {"fp32": "circle", "fp16": "triangle", "int8": "square"}
_SAID = {"solid": "filled", "hollow": "open", "ring": "dotted", "crossed": "crossed"}
_FILLS = tuple(_SAID)


@dataclass(frozen=True)
class Looks:
    """Colours by model and fills by runtime and provider, in order of appearance."""

    names: Names
    slots: dict[str, int]  # of the colour, by subject
    fills: dict[str, str]  # by runtime and provider

    @classmethod
    def of(cls, rows: Sequence[Row], names: Names) -> "Looks":
        """Looks that distinguish these rows. onnxruntime on the CPU comes first: solid."""
        subjects = sorted({row.subject for row in rows})
        ran_on = sorted({_ran_on(row) for row in rows}, key=lambda name: (_plain(name), name))
        return cls(
            names,
            {name: min(slot, COLOURS) for slot, name in enumerate(subjects)},
            {name: _FILLS[min(slot, len(_FILLS) - 1)] for slot, name in enumerate(ran_on)},
        )

    def colour(self, row: Row) -> str:
        """The CSS class of its colour."""
        return f"s{self.slots[row.subject]}"

    def filled_first(self, rows: Iterable[Row]) -> list[Row]:
        """Rows in drawing order: open markers are drawn over filled ones."""
        return sorted(rows, key=lambda row: _FILLS.index(self.fills[_ran_on(row)]))

    def mark(self, row: Row, x: float, y: float, radius: float = 5.0) -> Markup:
        """The marker of a row at a position."""
        shape, fill = _SHAPES.get(row.precision, "diamond"), self.fills[_ran_on(row)]
        return _filled(shape, x, y, fill, self.colour(row), radius)

    def legend(self, rows: Iterable[Row]) -> Markup:
        """The legend of the colours, shapes and fills that these rows use and that differ."""
        rows = list(rows)
        subjects = {row.subject: row for row in rows}
        parts = [
            _key("bar", f"s{self.slots[name]}", self.names.subject(subjects[name]))
            for name in sorted(subjects)
        ]
        precisions = {row.precision for row in rows}
        if len(precisions) > 1:
            parts += [
                _key(_SHAPES.get(name, "diamond"), "solid", name) for name in sorted(precisions)
            ]
        ran_on = {_ran_on(row) for row in rows}
        if len(self.fills) > 1:
            parts += [
                _key("circle", fill, f"{_SAID[fill]}: {name}")
                for name, fill in self.fills.items()
                if name in ran_on
            ]
        return tag("ul", *parts, class_="legend") if parts else Markup("")


def _ran_on(row: Row) -> str:
    """Runtime and provider."""
    return f"{row.runtime} {row.provider}"


def _plain(ran_on: str) -> int:
    return 0 if ran_on == "onnxruntime cpu" else 1


def _filled(shape: str, x: float, y: float, fill: str, colour: str, radius: float) -> Markup:
    mark = symbol(shape, x, y, f"mark {fill} {colour}", radius)
    if fill == "ring":
        return render(mark, symbol("circle", x, y, f"mark solid {colour}", 1.2))
    if fill == "crossed":
        bars = ((-2.5, -2.5, 2.5, 2.5), (-2.5, 2.5, 2.5, -2.5))
        return render(
            mark, *(line(x + a, y + b, x + c, y + d, f"mark {colour}") for a, b, c, d in bars)
        )
    return mark


def _key(shape: str, look: str, words: str) -> Markup:
    """look: a fill, or for a bar its colour."""
    if shape == "bar":
        mark = tag("rect", x=1.0, y=4.0, width=14.0, height=8.0, class_=f"mark solid {look}")
    else:
        mark = _filled(shape, 8, 8, look, "ink", 5)
    icon = tag("svg", mark, width="16", height="16", viewBox="0 0 16 16", aria_hidden="true")
    return tag("li", icon, words)
