"""A map of latents: what the backbone of a transfer distinguishes before a head is trained."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.drawing import latents
from zoo.drawing.latents import Look
from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.projection import Projection
from zoo.drawing.svg import drawing, shortened, straight, symbol, x_axis, y_axis

LEFT, TOP, BOTTOM, RIGHT = 40, 26, 44, 8
_NAME = 150  # pixels of a class in the legend

Places = NDArray[np.float64]  # [N, 2], in pixels


def draw_latents(projection: Projection, width: float) -> Markup:
    """One marker per image."""
    height = 0.5 * width + 200
    xs, ys = projection.points.T.tolist()
    across = straight(xs, LEFT, width - RIGHT)
    up = straight(ys, height - BOTTOM, TOP)
    places = np.array([(across(x), up(y)) for x, y in zip(xs, ys, strict=True)])
    first, second = projection.axes
    return drawing(
        width,
        height,
        f"Latents of {len(places):,} images along two principal components",
        y_axis(up, LEFT, width - RIGHT, second, up.ticks(6)),
        x_axis(across, TOP, height - BOTTOM, first, across.ticks(6)),
        *(_marks(places[chosen], look) for look, chosen in latents.layers(projection)),
    )


def legend(projection: Projection) -> Markup:
    """The marker of each class, and of all classes without their own."""
    return tag("ul", *(_key(*key) for key in latents.legend(projection)), class_="legend")


def _key(look: Look, words: str) -> Markup:
    if look.slot is None:
        mark = symbol("circle", 8, 8, "dot others", 3)
    else:
        shape, fill = ("circle", "solid") if look.filled else ("square", "hollow")
        mark = symbol(shape, 8, 8, f"mark {fill} s{look.slot}", 3.5)
    icon = tag("svg", mark, width="16", height="16", viewBox="0 0 16 16", aria_hidden="true")
    return tag("li", icon, shortened(words, _NAME))


def _marks(places: Places, look: Look) -> Markup:
    if look.slot is None:
        return _dots(places, "dots others")
    if look.filled:
        return _dots(places, f"dots s{look.slot}")
    return _path(
        [f"M{x - 1.8:.1f} {y - 1.8:.1f}h3.6v3.6h-3.6z" for x, y in places], f"boxes s{look.slot}"
    )


def _dots(places: Places, class_: str) -> Markup:
    """Zero-length lines with round ends: many points in little text."""
    return _path([f"M{x:.1f} {y:.1f}h0" for x, y in places], class_)


def _path(steps: Sequence[str], class_: str) -> Markup:
    return tag("path", d="".join(steps), class_=class_) if steps else render()
