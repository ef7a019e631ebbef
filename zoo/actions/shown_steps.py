"""What was found about each layer, combined for drawing."""

from typing import Any

from zoo.actions.layers import Inside
from zoo.actions.opening import OpenedSource
from zoo.actions.units import Units
from zoo.drawing.inside import Step, filter_images
from zoo.errors import unknown_name
from zoo.graphs.anatomy import CONVOLUTION, LayerTimes

MOST_LAYERS = 400


def measured(times: LayerTimes | str) -> str:
    """How the times were measured, or why there are none."""
    if isinstance(times, str):
        return f"The time of each layer is unknown: {times}."
    threads = "1 thread" if times.threads == 1 else f"{times.threads} threads"
    unknown = (
        f", and {times.share(times.unknown):.1%} to steps that belong to no known layer"
        if times.unknown
        else ""
    )
    return (
        f"Shares of the time of one image in onnxruntime on this CPU, {threads}: medians of "
        f"{times.calls} profiled calls. {times.share(times.between):.1%} goes to moving, casting "
        f"and rounding between layers{unknown}."
    )


def steps_of(
    inside: Inside,
    opened: OpenedSource,
    times: LayerTimes | str,
    units: Units | None,
    folded: dict[str, tuple[str, ...]],
) -> list[Step]:
    """All layers in graph order. folded: names of layers that are merged into another."""
    image = opened.signature.image_shape
    took = {} if isinstance(times, str) else {one.layer: one for one in times.layers}
    steps = []
    for layer in inside.layers:
        values, time = inside.values[layer.name], took.get(layer.name)
        apart = time is not None and time.step_of != layer.name
        share = None if isinstance(times, str) or time is None else times.share(time.us)
        steps.append(
            Step(
                name=layer.name,
                kind=layer.kind,
                operator=layer.operator,
                parameters=layer.parameters,
                values=values,
                image_last=values.shape == image,
                macs=layer.macs,
                bytes=layer.bytes,
                takes=layer.takes,
                share=None if apart else share,
                step_of=time.step_of if time and apart else "",
                dead=units.dead.get(layer.name) if units else None,
                folded=folded.get(layer.name, ()),
            )
        )
    return steps


def drawn(steps: list[Step], layer: str | None) -> dict[str, Any]:
    """Those that are drawn, and how many are not."""
    if layer is not None:
        found = [step for step in steps if step.name == layer]
        if not found:
            raise unknown_name("layer", layer, [step.name for step in steps])
        steps = found
    return {"steps": steps[:MOST_LAYERS], "left_out": max(0, len(steps) - MOST_LAYERS)}


def first_filters(inside: Inside, steps: list[Step]) -> dict[str, Any]:
    """The first filters, as images where their layer looks at the image itself."""
    none = {"filters": None, "filters_of": "", "filters_count": 0}
    if inside.filters is None or inside.weights is None or not inside.weights.ndim:
        return none
    filters, weights = inside.filters, inside.weights
    at = [step.name for step in steps].index(filters.layer)
    before = steps[at - 1] if at else None
    images = filter_images(
        weights,
        units_last=filters.units_last,
        before=before.values.shape if before else (),
        image_last=before.image_last if before else False,
    )
    last = filters.kind != CONVOLUTION and filters.units_last
    count = int(weights.shape[-1 if last else 0])
    return {"filters": images, "filters_of": filters.layer, "filters_count": count}
