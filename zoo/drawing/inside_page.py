"""The page of a model, and of one image on its way through it: one file that holds all it shows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.drawing.flow_page import draw_flow
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
_COSTS = (
    "Multiply-adds (MACs) are those of one image; bytes are those of the parameters, as the file "
    "stores them."
)


def draw_inside(views: Sequence[View]) -> str:
    """The whole file: of one model, or of two side by side."""
    room = _Room.of(views)
    titles = " and ".join(view.title for view in views)
    origin = next((view.origin for view in views if view.origin), "")
    what = "side by side, " if len(views) > 1 else ""
    lead = f"{what}{origin}" if origin else f"{what}without an image"
    parts = [_model(view, f"layer-{name}", room) for view, name in zip(views, "ab", strict=False)]
    if len(views) > 1:
        parts = [tag("div", *(tag("div", part) for part in parts), class_="pair")]
    body = [
        tag("header", tag("h1", f"Inside {titles}"), tag("p", lead)),
        tag("main", _answers(views), *parts),
        tag("footer", "This page holds everything it shows and fetches nothing."),
    ]
    return document(f"Inside {titles}", INSIDE, body)


@dataclass(frozen=True)
class _Room:
    """How much of each layer there is room for, so that the page stays below 5 MB."""

    side: int  # pixels of the longer side of a map
    bars: int  # of a vector

    @classmethod
    def of(cls, views: Sequence[View]) -> "_Room":
        vectors = sum(step.vector() is not None for view in views for step in view.steps)
        return cls(_side(views), max(8, min(_BARS, _ALL_BARS // max(1, vectors))))


def _model(view: View, prefix: str, room: _Room) -> Markup:
    """The graph beside the layers."""
    last = view.steps[-1] if view.steps else None
    if view.image is None:
        inside = _table(view, prefix)
    else:
        drawn = [
            _layer(
                step,
                f"{prefix}-{at}",
                view.channels,
                room,
                view.classes if step is last else (),
            )
            for at, step in enumerate(view.steps, 1)
        ]
        inside = tag("div", tag("p", _lead(view), class_="lead"), _key(), *drawn, class_="layers")
    graph = tag(
        "section",
        tag("h2", "The graph"),
        tag("p", _timed(view), class_="lead"),
        draw_flow(view.steps, prefix),
        class_="graph",
        tabindex=0,
        aria_label=f"The graph of {view.title}",
    )
    layers = tag("section", tag("h2", "Layer by layer"), inside)
    return render(
        tag("h2", view.title, class_="model"),
        _filters(view),
        tag("div", graph, layers, class_="inside"),
    )


def _timed(view: View) -> str:
    """What the colours of the graph mean."""
    known = [step.share for step in view.steps if step.share is not None]
    if not known:
        return view.timed
    return f"The bluer a layer, the more of the time it takes, up to {max(known):.1%}. {view.timed}"


def _answers(views: Sequence[View]) -> Markup:
    shown = [view for view in views if view.image is not None]
    named = len(views) > 1
    return render(*(_first(view, named=named) for view in shown))


def _table(view: View, prefix: str) -> Markup:
    """A row for each layer, without an image."""
    heads = ("layer", "kind", "shape", "parameters", "MACs", "bytes", "time", "dead")
    dead = any(step.dead is not None for step in view.steps)
    rows = [
        tag(
            "tr",
            tag("th", _short(step.name), scope="row"),
            *(tag("td", text) for text in (step.kind, step.shape)),
            *(tag("td", text, class_="number") for text in _costs(step)[: 5 if dead else 4]),
            id=f"{prefix}-{at}",
        )
        for at, step in enumerate(view.steps, 1)
    ]
    columns = heads if dead else heads[:-1]
    head = tag("tr", *(tag("th", name, scope="col") for name in columns))
    return render(
        tag("p", " ".join((_COSTS, _dead_words(view), _left_out(view))), class_="lead"),
        tag(
            "div",
            tag("table", tag("thead", head), tag("tbody", *rows)),
            class_="scroll",
            tabindex=0,
            role="region",
            aria_label=f"The layers of {view.title}",
        ),
    )


def _costs(step: Step) -> tuple[str, ...]:
    time = f"{step.share:.1%}" if step.share is not None else ""
    return (
        f"{step.parameters:,}",
        "unknown" if step.macs is None else f"{step.macs:,}",
        f"{step.bytes:,}",
        f"with {_short(step.step_of)}" if step.step_of else time,
        "" if step.dead is None else f"{step.dead:.0%}",
    )


def _dead_words(view: View) -> str:
    if not view.looked:
        return ""
    return (
        f"Dead units (channels, or values of a vector) are those that give 0 {view.looked}, "
        "everywhere."
    )


def _left_out(view: View) -> str:
    return f"{view.left_out} further layers are not drawn." if view.left_out else ""


def _first(view: View, *, named: bool) -> Markup:
    """The image, what the model says of it, and what it looked at. named: of which model it is."""
    if view.image is None or view.saliency is None:
        return Markup("")
    whose = f" of {view.title}" if named else ""
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
    answer = tag("div", tag("h2", f"The answer{whose}"), tag("dl", *rows, class_="guesses"))
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
    return " ".join(
        (
            f"In order of flow. Of each layer up to {view.channels} channels are drawn: {RULE}.",
            "The colours of a layer share one scale, whose ends are its largest absolute value.",
            *filter(None, (_dead_words(view), _left_out(view))),
        )
    )


def _key() -> Markup:
    ramp = coloured(np.linspace(-1, 1, 255, dtype=np.float32)[None], 1)
    uri = data_uri(ramp, palette=True)
    return tag("div", "below zero", tag("img", src=uri, alt="dark is zero"), "above", class_="key")


def _layer(step: Step, id_: str, channels: int, room: _Room, classes: Sequence[str]) -> Markup:
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
        tag("h3", _short(step.name)),
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
    """What is computed together: in the runtime, whose time is of both, and in the file itself."""
    words = []
    if step.step_of:
        words.append(f"onnxruntime computes it in one step with {_short(step.step_of)}.")
    if step.folded:
        names = " and ".join(map(_short, step.folded))
        words.append(
            f"{names} of the fp32 file and this layer are one step in this file, with one tensor."
        )
    return " ".join(words)


def _drawn(step: Step, channels: int, room: _Room, classes: Sequence[str], most: float) -> Markup:
    vector = step.vector()
    if vector is not None:
        return _bars(step, vector, room.bars, classes, most)
    chosen = step.maps(channels)
    if chosen is None:
        return tag("small", "A tensor of so many axes is not drawn.")
    maps, numbers = chosen
    height, width = maps.shape[1:]
    listed = ", ".join(map(str, numbers))
    alt = (
        f"{len(maps)} of {step.channels} channels of {_short(step.name)}, {width} by {height} each"
    )
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


def _side(views: Sequence[View]) -> int:
    """How many pixels the longer side of a map may have, so that all fit into the page."""
    shapes = []
    for view in views:
        for step in view.steps if view.image is not None else ():
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
