"""Sections of the page, and the frames of its charts."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from zoo.drawing.markup import Markup, tag

WIDE, NARROW = 540, 328  # pixels; the narrow one fits a phone of 360


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    lead: str  # what to look for
    body: Markup


def sortable_table(
    headings: Sequence[str], numbers: Sequence[str], body: Iterable[Sequence[tuple[str, object]]]
) -> Markup:
    """A table that the page's script sorts. body: the text of each cell, and its sort key."""

    def kind(heading: str) -> str | None:
        return "number" if heading in numbers else None

    heads = [
        tag("th", tag("button", heading, type="button"), scope="col", class_=kind(heading))
        for heading in headings
    ]
    lines = [
        tag(
            "tr",
            *(
                tag("td", words, class_=kind(heading), data_value=f"{value}")
                for heading, (words, value) in zip(headings, cells, strict=True)
            ),
        )
        for cells in body
    ]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *lines))
    return tag("div", table, class_="scroll", tabindex="0")


def figure(
    title: str, draw: Callable[[float], Markup], batch: int | None = None, legend: str = ""
) -> Markup:
    """A chart drawn twice, for wide and narrow screens; the style sheet shows one of them."""
    return tag(
        "figure",
        tag("figcaption", title),
        legend,
        tag("div", draw(WIDE), class_="wide"),
        tag("div", draw(NARROW), class_="narrow"),
        data_batch=batch,
    )


def small_figure(title: str, drawing: Markup, batch: int | None = None) -> Markup:
    """A chart that fits every screen."""
    return tag("figure", tag("figcaption", title), drawing, data_batch=batch)


def figures_in_grid(drawn: Iterable[Markup], kind: str = "") -> Markup:
    """Charts side by side if there is room. kind: `small`, or `pairs` of small ones."""
    return tag("div", *drawn, class_=f"grid-of {kind}".strip())
