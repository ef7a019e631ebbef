"""Bars of the error of each layer, in graph order, each a link to its row of the table."""

from collections.abc import Sequence

from zoo.drawing.differences import LayerDifference, percent
from zoo.drawing.markup import Markup, tag

_WIDE, _HIGH = 500, 190  # of all bars
_LEFT, _TOP = 62, 14
_NUMBERS = 10  # at most so many layers are numbered below


def draw_errors(layers: Sequence[LayerDifference], bound: float) -> Markup:
    """The chart; the bound is a dashed line if it is within the scale."""
    most = max((layer.error for layer in layers if layer.finite), default=0.0)
    within = 0 < bound <= 1.5 * most
    top = max(most, bound if within else 0.0) or 1.0
    step = _WIDE / len(layers)
    bars = [_bar(at, layer, bound, top, step) for at, layer in enumerate(layers)]
    every = -(-len(layers) // _NUMBERS)
    numbers = [
        tag(
            "text",
            str(at + 1),
            x=_LEFT + (at + 0.5) * step,
            y=_TOP + _HIGH + 20,
            text_anchor="middle",
        )
        for at in range(0, len(layers), every)
    ]
    scale = [
        part
        for share in (0.0, top / 2, top)
        for part in _rule(_TOP + _HIGH * (1 - share / top), percent(share))
    ]
    limit = _TOP + _HIGH * (1 - bound / top)
    line = tag("path", d=f"M{_LEFT} {limit:.1f}h{_WIDE}", class_="bound") if within else ""
    label = f"Error of each of {len(layers)} layers, at most {percent(most)}"
    return tag(
        "svg",
        *scale,
        *bars,
        *numbers,
        line,
        viewBox=f"0 0 {_LEFT + _WIDE + 8} {_TOP + _HIGH + 28}",
        role="group",
        aria_label=label,
        class_="errors",
    )


def _rule(y: float, text: str) -> tuple[Markup, Markup]:
    return (
        tag("path", d=f"M{_LEFT} {y:.1f}h{_WIDE}", class_="rule"),
        tag("text", text, x=_LEFT - 6, y=y + 5, text_anchor="end"),
    )


def _bar(at: int, layer: LayerDifference, bound: float, top: float, step: float) -> Markup:
    """The error of the inputs, and above it what the layer adds; a full bar if not a number."""
    error = min(layer.error, top)
    added = min(max(layer.added, 0.0), error)
    x, wide = _LEFT + at * step, step * 0.8
    high, share = _HIGH * error / top, _HIGH * added / top
    foot = _TOP + _HIGH
    text = f"{at + 1}. {layer.name}: error {percent(layer.error)}, added {percent(layer.added)}"
    beyond = "beyond" if not layer.finite else "added"
    told = f"{text}, above the bound" if not layer.error <= bound else text
    return tag(
        "a",
        tag("title", told),
        tag("path", d=f"M{x:.2f} {_TOP}h{step:.2f}v{_HIGH}h{-step:.2f}z", class_="hit"),
        tag(
            "path",
            d=f"M{x:.2f} {foot}v{share - high:.2f}h{wide:.2f}V{foot}z",
            class_="carried",
        ),
        tag(
            "path",
            d=f"M{x:.2f} {foot - high + share:.2f}v{-share:.2f}h{wide:.2f}v{share:.2f}z",
            class_=beyond,
        ),
        href=f"#layer-{at + 1}",
        aria_label=told,
    )
