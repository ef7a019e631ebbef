"""The HTML page of `show`, in one self-contained file."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from zoo.drawing.flow_page import draw_flow
from zoo.drawing.inside import RULE, Step, View
from zoo.drawing.inside_layers import Room, draw_layer, short
from zoo.drawing.markup import Markup, document, render, tag
from zoo.drawing.style import INSIDE
from zoo.drawing.tiles import coloured, data_uri, sheet

_COSTS = (
    "Multiply-adds (MACs) are those of one image; bytes are those of the parameters, as the file "
    "stores them."
)


def draw_inside(views: Sequence[View]) -> str:
    """The whole file, for one model, or for two side by side."""
    room = Room.of(views)
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


def _model(view: View, prefix: str, room: Room) -> Markup:
    """The graph beside the layers."""
    last = view.steps[-1] if view.steps else None
    if view.image is None:
        inside = _table(view, prefix)
    else:
        drawn = [
            draw_layer(
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
            tag("th", short(step.name), scope="row"),
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
        f"with {short(step.step_of)}" if step.step_of else time,
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
    """The image, the model's answer, and where it looked. named: say which model it is."""
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
            tag("dt", short(name)),
            tag("dd", tag("div", class_="share", style=f"width: {share:.1%}")),
            tag("dd", f"{share:.1%}"),
        )
    ]
    answer = tag("div", tag("h2", f"The answer{whose}"), tag("dl", *rows, class_="guesses"))
    most = float(np.abs(view.saliency).max())
    covered = coloured(view.saliency, most)
    best = short(view.guesses[0][0]) if view.guesses else "the answer"
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
            f"probable; blue: more probable. The largest change is {most:.1%}.",
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
            f"{which} of {short(view.filters_of)} as images: grey is a weight of 0, and each has "
            "its own scale.",
            class_="lead",
        ),
        _image(sheet(view.filters, 16), short(alt), "filters"),
    )


def _lead(view: View) -> str:
    return " ".join(
        (
            f"Layers are in graph order, with up to {view.channels} channels of each: {RULE}.",
            "The colours of a layer share one scale, whose ends are its largest absolute value.",
            *filter(None, (_dead_words(view), _left_out(view))),
        )
    )


def _key() -> Markup:
    ramp = coloured(np.linspace(-1, 1, 255, dtype=np.float32)[None], 1)
    uri = data_uri(ramp, palette=True)
    return tag("div", "below zero", tag("img", src=uri, alt="dark is zero"), "above", class_="key")


def _image(pixels: NDArray[np.uint8], alt: str, class_: str, *, palette: bool = False) -> Markup:
    return tag("img", src=data_uri(pixels, palette=palette), alt=alt, class_=class_)
