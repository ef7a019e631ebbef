"""A map of latents: what the backbone of a transfer tells apart before any head was trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.report.markup import Markup, render, tag
from bench.report.svg import drawing, shortened, straight, symbol, x_axis, y_axis
from zoo.drawing.projection import COLOURS, Projection

LEFT, TOP, BOTTOM, RIGHT = 40, 26, 44, 8
_LAYERS = 10
_NAME = 150  # pixels of a class in the legend

Places = NDArray[np.float64]  # [N, 2], in pixels


def draw_latents(projection: Projection, width: float) -> Markup:
    """A mark an image: filled circles, then open squares, in all colours; other classes grey."""
    height = 0.5 * width + 200
    xs, ys = projection.points.T.tolist()
    across = straight(xs, LEFT, width - RIGHT)
    up = straight(ys, height - BOTTOM, TOP)
    places = np.array([(across(x), up(y)) for x, y in zip(xs, ys, strict=True)])
    coloured = projection.coloured()
    parts = []
    # A layer after the other, so that no class hides what lies under it.
    for layer in np.array_split(np.arange(len(places)), _LAYERS):
        labels = projection.labels[layer]
        parts.append(_dots(places[layer][~np.isin(labels, coloured)], "dots others"))
        parts += [
            _marks(places[layer][labels == label], slot) for slot, label in enumerate(coloured)
        ]
    first, second = projection.axes
    return drawing(
        width,
        height,
        f"Latents of {len(places):,} images along two principal components",
        y_axis(up, LEFT, width - RIGHT, second, up.ticks(6)),
        x_axis(across, TOP, height - BOTTOM, first, across.ticks(6)),
        *parts,
    )


def legend(projection: Projection) -> Markup:
    """The mark of each class, and of those that have none of their own."""
    coloured = projection.coloured()
    keys = [
        _key(_filled(slot), slot, shortened(projection.classes[label], _NAME))
        for slot, label in enumerate(coloured)
    ]
    if grey := len(np.unique(projection.labels)) - len(coloured):
        dot = symbol("circle", 8, 8, "dot others", 3)
        keys.append(_item(dot, f"{grey} other classes, nearer to the middle"))
    return tag("ul", *keys, class_="legend")


def _filled(slot: int) -> bool:
    return slot < COLOURS


def _key(filled: bool, slot: int, words: str) -> Markup:
    look = f"mark {'solid' if filled else 'hollow'} s{slot % COLOURS}"
    return _item(symbol("circle" if filled else "square", 8, 8, look, 3.5), words)


def _item(mark: Markup, words: str) -> Markup:
    icon = tag("svg", mark, width="16", height="16", viewBox="0 0 16 16", aria_hidden="true")
    return tag("li", icon, words)


def _marks(places: Places, slot: int) -> Markup:
    colour = f"s{slot % COLOURS}"
    if _filled(slot):
        return _dots(places, f"dots {colour}")
    return _path(
        [f"M{x - 1.8:.1f} {y - 1.8:.1f}h3.6v3.6h-3.6z" for x, y in places], f"boxes {colour}"
    )


def _dots(places: Places, class_: str) -> Markup:
    """Lines of no length, which the style sheet gives round ends: many points in few letters."""
    return _path([f"M{x:.1f} {y:.1f}h0" for x, y in places], class_)


def _path(steps: Sequence[str], class_: str) -> Markup:
    return tag("path", d="".join(steps), class_=class_) if steps else render()
