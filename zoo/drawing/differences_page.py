"""The HTML page of `diff`, in one self-contained file."""

from collections.abc import Sequence

import numpy as np

from zoo.data.dataset import Images
from zoo.drawing.differences import (
    ChangedImage,
    Diff,
    LayerDifference,
    answers,
    percent,
    verdict,
)
from zoo.drawing.errors_chart import draw_errors
from zoo.drawing.markup import Markup, document, render, tag
from zoo.drawing.style import DIFFERENCES
from zoo.drawing.tiles import data_uri, smaller

_LONGEST_NAME = 120
_SIDE = 96  # pixels of an example
_MEASURE = (
    "The error of a layer is the root mean square of B's tensor minus A's, over all images, as a "
    "share of the spread (the standard deviation of A's tensor). What a layer adds is its error "
    "minus the largest error among its inputs; it is negative where a layer reduces the error. "
    "The tensors come from copies of the files that have them as additional outputs."
)


def draw_differences(made: Diff, examples: Sequence[Images]) -> str:
    """The whole file. examples: the images that change class, in the order of the list."""
    body = [
        tag(
            "header",
            tag("h1", f"{_short(made.a)} against {_short(made.b)}"),
            tag("p", f"A is {made.a}. B is {made.b}. Compared on {made.origin}."),
        ),
        tag(
            "main",
            _answer(made),
            _chart(made),
            _table(made),
            _alone(made),
            _changed(made, examples),
        ),
        tag("footer", "This page holds everything it shows and fetches nothing."),
    ]
    return document(f"{made.a} against {made.b}", DIFFERENCES, body)


def _answer(made: Diff) -> Markup:
    worst = made.worst
    most = f"{worst.name} adds most: {percent(worst.added)}." if worst.added > 0 else ""
    said = [f"{_begun(verdict(made))}.", most, *(f"{_begun(one)}." for one in answers(made.effect))]
    return tag(
        "section",
        tag("h2", "In short"),
        tag("ul", *(tag("li", one) for one in said if one)),
    )


def _chart(made: Diff) -> Markup:
    return tag(
        "section",
        tag("h2", "Error by layer"),
        tag("p", _MEASURE, class_="lead"),
        draw_errors(made.layers, made.bound),
        tag(
            "p",
            tag("span", class_="carried"),
            "from layers before",
            tag("span", class_="added"),
            "added by the layer",
            class_="legend",
        ),
    )


def _table(made: Diff) -> Markup:
    headings = ("", "layer", "kind", "shape", "error", "added", "largest")
    return tag(
        "section",
        tag("h2", "Layer by layer"),
        tag(
            "p",
            "Layers are in graph order. Largest: the largest difference of a single value, as a "
            "share of the spread.",
            class_="lead",
        ),
        _scrolling(
            "Errors by layer",
            tag(
                "tr",
                *(
                    tag("th", name, scope="col", class_="figure" if at > 3 else None)
                    for at, name in enumerate(headings)
                ),
            ),
            [_row(at, layer, made.bound) for at, layer in enumerate(made.layers, 1)],
        ),
    )


def _row(number: int, layer: LayerDifference, bound: float) -> Markup:
    other = "" if layer.other == layer.name else f"in B {_short(layer.other)}"
    told = "; ".join(filter(None, (other, layer.note)))
    beyond = not layer.error <= bound
    mark = " (above the bound)" if beyond else ""
    return tag(
        "tr",
        tag("td", str(number)),
        tag("td", _short(layer.name), tag("small", told) if told else "", class_="name"),
        tag("td", layer.kind),
        tag("td", "x".join(map(str, layer.shape)) or "one number"),
        tag("td", f"{percent(layer.error)}{mark}", class_="figure"),
        tag("td", percent(layer.added), class_="figure"),
        tag("td", percent(layer.largest), class_="figure"),
        id=f"layer-{number}",
        class_="beyond" if beyond else None,
    )


def _alone(made: Diff) -> Markup:
    if not made.alone:
        return tag("section", tag("h2", "Not compared"), tag("p", "Every layer was compared."))
    rows = [
        tag(
            "tr",
            tag("td", one.model),
            tag("td", _short(one.name), class_="name"),
            tag("td", one.kind),
            tag("td", one.reason),
        )
        for one in made.alone
    ]
    headings = [tag("th", name, scope="col") for name in ("model", "layer", "kind", "why")]
    return tag(
        "section",
        tag("h2", "Not compared"),
        tag("p", "Layers without a counterpart in the other file.", class_="lead"),
        _scrolling("Layers that were not compared", tag("tr", *headings), rows),
    )


def _changed(made: Diff, examples: Sequence[Images]) -> Markup:
    effect = made.effect
    if not effect.changed:
        return Markup("")
    some = f"The first {len(effect.examples)} of " if effect.changed > len(effect.examples) else ""
    return tag(
        "section",
        tag("h2", "Images that get another class"),
        tag("p", f"{some}{effect.changed:,}, as the files themselves answer.", class_="lead"),
        tag("div", *map(_example, effect.examples, examples), class_="changed"),
    )


def _example(one: ChangedImage, pixels: Images) -> Markup:
    small = smaller(np.moveaxis(pixels, -1, 0).astype(np.float32), _SIDE)
    image = np.moveaxis(np.rint(small).astype(np.uint8), 0, -1)
    truth = f": {_short(one.truth)}" if one.truth else ""
    return tag(
        "figure",
        tag("img", src=data_uri(image), alt=f"{_short(one.name)}{truth}"),
        tag(
            "figcaption",
            f"{_short(one.name)}{truth}",
            tag("br"),
            f"A: {_short(one.a)}",
            tag("br"),
            f"B: {_short(one.b)}",
        ),
    )


def _scrolling(label: str, head: Markup, rows: Sequence[Markup]) -> Markup:
    table = tag("table", tag("thead", head), tag("tbody", render(*rows)))
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=label)


def _begun(text: str) -> str:
    """Capitalise the first letter, except of a layer's name."""
    return text[:1].upper() + text[1:] if text.startswith(("no ", "accuracy", "lost")) else text


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
