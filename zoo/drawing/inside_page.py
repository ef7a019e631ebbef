"""The page of one image on its way through a model: one file that holds everything it shows."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.drawing.inside import RULE, Statistics, Step, View
from zoo.drawing.markup import Markup, document, render, tag
from zoo.drawing.style import INSIDE
from zoo.drawing.tiles import coloured, data_uri, sheet, smaller

_COLUMNS = 8
_LONGEST_NAME = 120
_PIXELS = 2_000_000  # of all maps together, a byte each: the page stays below 5 MB
_SIDES = (64, 48, 32, 24, 16, 12, 8, 4, 2)
_BARS = 512  # of a vector
_ALL_BARS = 60_000
_HIGH = 60  # pixels, from zero to the end of a bar


def draw_inside(view: View) -> str:
    """The whole file."""
    side = _side(view)
    vectors = sum(step.vector() is not None for step in view.steps)
    bars = max(8, min(_BARS, _ALL_BARS // max(1, vectors)))
    last = view.steps[-1] if view.steps else None
    drawn = [
        _layer(step, view.channels, side, bars, view.classes if step is last else ())
        for step in view.steps
    ]
    body = [
        tag("header", tag("h1", view.title), tag("p", view.origin)),
        tag(
            "main",
            _first(view),
            _filters(view),
            tag(
                "section",
                tag("h2", "Layer by layer"),
                tag("p", _lead(view), class_="lead"),
                _key(),
                tag("div", *drawn, class_="layers"),
            ),
        ),
        tag("footer", "This page holds everything it shows and fetches nothing."),
    ]
    return document(view.title, INSIDE, body)


def _first(view: View) -> Markup:
    """The image, what the model says of it, and what it looked at."""
    height, width = view.image.shape[:2]
    shown = tag(
        "div",
        tag("h2", "The image"),
        _image(view.image, f"The image, {width} by {height} pixels", "given"),
        tag("p", f"Its class: {view.truth}") if view.truth else "",
    )
    rows = [
        part
        for name, share in view.guesses
        for part in (
            tag("dt", _short(name)),
            tag("dd", tag("div", class_="share", style=f"width: {share:.1%}")),
            tag("dd", f"{share:.1%}"),
        )
    ]
    answer = tag("div", tag("h2", "The answer"), tag("dl", *rows, class_="guesses"))
    most = float(np.abs(view.saliency).max())
    covered = coloured(view.saliency, most)
    best = _short(view.guesses[0][0]) if view.guesses else "the answer"
    rows_, columns = covered.shape
    cover = tag(
        "div",
        tag("h2", "Where it looks"),
        _image(
            covered,
            f"Map of {rows_} by {columns} parts: what covering each changes",
            "cover",
            palette=True,
        ),
        tag(
            "small",
            f"Each part of the image was covered with its mean colour. Orange: {best} became less "
            f"probable; blue: more; by at most {most:.1%}.",
        ),
    )
    return tag("section", shown, answer, cover, class_="first")


def _filters(view: View) -> Markup:
    if view.filters is None:
        return Markup("")
    count, height, width, _ = view.filters.shape
    first = f"The first {count} of the" if count < view.filters_count else "The"
    which = f"{first} {view.filters_count:,} filters"
    alt = f"{count} of {view.filters_count} filters of {view.filters_of}, {width} by {height} each"
    return tag(
        "section",
        tag("h2", "First filters"),
        tag(
            "p",
            f"{which} of {_short(view.filters_of)} as images: grey is a weight of 0, and each has "
            "its own scale.",
            class_="lead",
        ),
        _image(sheet(view.filters, 16), _short(alt), "filters"),
    )


def _lead(view: View) -> str:
    more = f" {view.left_out} further layers are not drawn." if view.left_out else ""
    return (
        f"In order of flow. Of each layer up to {view.channels} channels are drawn: {RULE}. "
        f"The colours of a layer share one scale, whose ends are its largest absolute value.{more}"
    )


def _key() -> Markup:
    ramp = coloured(np.linspace(-1, 1, 255, dtype=np.float32)[None], 1)
    uri = data_uri(ramp, palette=True)
    return tag("div", "below zero", tag("img", src=uri, alt="dark is zero"), "above", class_="key")


def _layer(step: Step, channels: int, side: int, bars: int, classes: Sequence[str]) -> Markup:
    found = Statistics.of(step.values)
    facts = [step.kind, step.operator, step.shape]
    if step.parameters:
        facts.append(f"{step.parameters:,} parameters")
    numbers = (
        f"mean {found.mean:.3g}, std {found.std:.3g}, from {found.low:.3g} to {found.high:.3g}, "
        f"{found.zeros:.0%} zeros"
    )
    return tag(
        "article",
        tag("h3", _short(step.name)),
        tag("p", ", ".join(facts), tag("br"), numbers),
        _drawn(step, channels, side, bars, classes, max(abs(found.low), abs(found.high))),
        class_="layer",
    )


def _drawn(
    step: Step, channels: int, side: int, bars: int, classes: Sequence[str], most: float
) -> Markup:
    vector = step.vector()
    if vector is not None:
        return _bars(step, vector, bars, classes, most)
    chosen = step.maps(channels)
    if chosen is None:
        return tag("small", "A tensor of so many axes is not drawn.")
    maps, numbers = chosen
    height, width = maps.shape[1:]
    listed = ", ".join(map(str, numbers))
    alt = (
        f"{len(maps)} of {step.channels} channels of {_short(step.name)}, {width} by {height} each"
    )
    tiles = sheet(coloured(smaller(maps, side), most), _COLUMNS)
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
    """A bar a value, those above zero upwards."""
    shown = vector[:bars]
    wide = 560 / max(1, len(shown))
    lengths = [_HIGH * float(value) / most if most > 0 else 0.0 for value in shown]
    named = len(classes) == len(shown) <= 20
    paths = {"above": "", "below": ""}
    for at, length in enumerate(lengths):
        if round(length, 1):
            edge = f"M{at * wide:.1f} {_HIGH}v{-length:.1f}h{wide * 0.8:.1f}V{_HIGH}z"
            paths["above" if length > 0 else "below"] += edge
    text = f"The {len(shown)} values of {_short(step.name)} as bars"
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


def _side(view: View) -> int:
    """How many pixels the longer side of a map may have, so that all fit into the page."""
    shapes = []
    for step in view.steps:
        found = None if step.vector() is not None else step.maps(view.channels)
        if found:
            shapes.append(found[0].shape)

    def total(side: int) -> int:
        return sum(count * min(high, side) * min(wide, side) for count, high, wide in shapes)

    return next((side for side in _SIDES if total(side) <= _PIXELS), 1)


def _image(pixels: NDArray[np.uint8], alt: str, class_: str, *, palette: bool = False) -> Markup:
    return tag("img", src=data_uri(pixels, palette=palette), alt=alt, class_=class_)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _shorter(name: str) -> str:
    return name if len(name) <= 12 else f"{name[:11]}…"
