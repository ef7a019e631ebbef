"""The layers on the page of `show`: their facts, and their tensors as maps or bars."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.drawing.inside import Statistics, Step, View
from zoo.drawing.markup import Markup, render, tag
from zoo.drawing.tiles import coloured, data_uri, sheet, smaller

_COLUMNS = 8
_LONGEST_NAME = 120
_PIXELS = 2_000_000  # pixels of all maps together, one byte each: the page stays below 5 MB
_SIDES = (64, 48, 32, 24, 16, 12, 8, 4, 2)
_BARS = 512  # of a vector
_ALL_BARS = 60_000
_HIGH = 60  # pixels, from zero to the end of a bar


@dataclass(frozen=True)
class Room:
    """How much of each layer can be drawn, so that the page stays below 5 MB."""

    side: int  # pixels of the longer side of a map
    bars: int  # of a vector

    @classmethod
    def of(cls, views: Sequence[View]) -> "Room":
        """For all layers of all models on a page."""
        vectors = sum(step.vector() is not None for view in views for step in view.steps)
        return cls(_side(views), max(8, min(_BARS, _ALL_BARS // max(1, vectors))))


def draw_layer(step: Step, id_: str, channels: int, room: Room, classes: Sequence[str]) -> Markup:
    """One layer. classes: the names of the values, if they are logits."""
    found = Statistics.of(step.values)
    numbers = (
        f"mean {found.mean:.3g}, std {found.std:.3g}, from {found.low:.3g} to {found.high:.3g}, "
        f"{found.zeros:.0%} zeros"
    )
    if step.dead is not None:
        numbers += f", {step.dead:.0%} of the units dead" if step.dead else ", no dead units"
    most = max(abs(found.low), abs(found.high))
    return tag(
        "article",
        tag("h3", short(step.name)),
        tag("p", ", ".join(_facts(step)), tag("br"), numbers),
        tag("p", _one_step(step)) if _one_step(step) else "",
        _drawn(step, channels, room, classes, most),
        id=id_,
        class_="layer",
    )


def _facts(step: Step) -> list[str]:
    facts = [step.kind, step.operator, step.shape]
    if step.parameters:
        facts.append(f"{step.parameters:,} parameters in {step.bytes:,} bytes")
    if step.macs:
        facts.append(f"{step.macs:,} multiply-adds")
    if step.share is not None:
        facts.append(f"{step.share:.1%} of the time")
    return facts


def _one_step(step: Step) -> str:
    """Which layers are computed in one step: by the runtime, and in the file itself."""
    words = []
    if step.step_of:
        words.append(f"onnxruntime computes it in one step with {short(step.step_of)}.")
    if step.folded:
        names = " and ".join(map(short, step.folded))
        words.append(
            f"{names} of the fp32 file and this layer are one step in this file, with one tensor."
        )
    return " ".join(words)


def _drawn(step: Step, channels: int, room: Room, classes: Sequence[str], most: float) -> Markup:
    vector = step.vector()
    if vector is not None:
        return _bars(step, vector, room.bars, classes, most)
    chosen = step.maps(channels)
    if chosen is None:
        return tag("small", "A tensor with this many axes is not drawn.")
    maps, numbers = chosen
    height, width = maps.shape[1:]
    listed = ", ".join(map(str, numbers))
    alt = f"{len(maps)} of {step.channels} channels of {short(step.name)}, {width} by {height} each"
    tiles = sheet(coloured(smaller(maps, room.side), most), _COLUMNS)
    wide = 72 * min(_COLUMNS, len(maps))
    image = tag(
        "img",
        src=data_uri(tiles, palette=True),
        alt=alt,
        style=f"max-width: {wide}px",
        loading="lazy",
    )
    views = f" of the first of {len(step.values)} views" if step.values.ndim == 4 else ""
    return render(image, tag("small", f"channels {listed}{views}"))


def _bars(
    step: Step, vector: NDArray[np.float32], bars: int, classes: Sequence[str], most: float
) -> Markup:
    """One bar per value; positive values point upwards."""
    shown = vector[:bars]
    wide = 560 / max(1, len(shown))
    lengths = [_HIGH * float(value) / most if most > 0 else 0.0 for value in shown]
    named = len(classes) == len(shown) <= 20
    paths = {"above": "", "below": ""}
    for at, length in enumerate(lengths):
        if round(length, 1):
            edge = f"M{at * wide:.1f} {_HIGH}v{-length:.1f}h{wide * 0.8:.1f}V{_HIGH}z"
            paths["above" if length > 0 else "below"] += edge
    text = f"The {len(shown)} values of {short(step.name)} as bars"
    labels = [
        tag("text", name, transform=f"translate({(at + 0.5) * wide:.1f} 132) rotate(35)")
        for at, name in enumerate(map(_shorter, classes))
    ]
    drawing = tag(
        "svg",
        *(tag("path", d=path, class_=name) for name, path in paths.items() if path),
        tag("path", d=f"M0 {_HIGH}h560", class_="zero"),
        *(labels if named else ()),
        viewBox=f"0 0 600 {200 if named else 2 * _HIGH}",
        role="img",
        aria_label=text,
        class_="bars",
    )
    if len(shown) < len(vector):
        return render(drawing, tag("small", f"the first {len(shown)} of {len(vector):,} values"))
    return drawing


def _side(views: Sequence[View]) -> int:
    """The longest side of a map in pixels, so that all fit into the page."""
    shapes = []
    for view in views:
        for step in view.steps if view.image is not None else ():
            found = None if step.vector() is not None else step.maps(view.channels)
            if found:
                shapes.append(found[0].shape)

    def total(side: int) -> int:
        return sum(count * min(high, side) * min(wide, side) for count, high, wide in shapes)

    return next((side for side in _SIDES if total(side) <= _PIXELS), 1)


def short(name: str) -> str:
    """A name, shortened if it is very long."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _shorter(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"
