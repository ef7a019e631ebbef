"""One network in each number format."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import onnx
import onnx_ir as ir

from zoo.artifacts.card import PRECISIONS, Card
from zoo.data import Dataset
from zoo.errors import UsageError
from zoo.exporting.choose import CHOOSING, Choosing, choose_half_layers, choose_int8
from zoo.exporting.half import to_half
from zoo.exporting.original import Original, file_bytes
from zoo.exporting.quantize import CALIBRATED_ON, Ranges, Shifts, calibrate, prepare, quantize
from zoo.frameworks.framework import Trained
from zoo.graphs.fusable import fusable
from zoo.graphs.normalise import normalise
from zoo.graphs.padding import LAYERS, stay_in_float
from zoo.ort.compatibility import IR_VERSIONS
from zoo.ort.outputs import LOGITS
from zoo.ort.session import open_session
from zoo.ort.signature import IMAGE, Signature
from zoo.progress import Progress

CHOSEN_ON = 4096  # training images that layers are chosen on, none to calibrate


@dataclass(frozen=True)
class Rounding:
    """What fp16 and int8 are made with besides the network, all of it from training images."""

    half_layers: tuple[str, ...] = ()  # the first ones, which fp16 leaves in fp32
    ranges: Ranges = field(default_factory=dict)  # of int8: what each tensor was seen to hold
    shifts: Shifts = field(default_factory=dict)  # of int8: see `zoo.exporting.shifts`
    float_layers: tuple[str, ...] = ()  # those that int8 leaves in float

    @classmethod
    def of(cls, card: Card) -> "Rounding":
        """What published files were made with."""
        return cls(card.half_layers, card.ranges, card.shifts, card.float_layers)


@dataclass(frozen=True)
class Formats:
    """One network in several precisions."""

    models: dict[str, onnx.ModelProto]  # by precision, not stamped yet
    rounding: Rounding  # what fp16 and int8 were made with
    left_out: dict[str, str]  # precisions that nobody asked for and it cannot have, and why


def make_formats(
    original: Original,
    trained: Trained,
    precisions: Sequence[str] | None,
    data: Dataset | None,
    progress: Progress,
    earlier: Card | None = None,
    choosing: Choosing = CHOOSING,
) -> Formats:
    """The models, rounded as `earlier` recorded, or else by the training images of `data`.

    precisions: None for all that the model can have.
    """
    progress.now(f"{original.id}: converting, opset {original.opset}")
    graph = _graph_of(trained, original)
    plain = ir.to_proto(fusable(graph))
    left_out = _left_out(plain)
    asked = precisions
    precisions = [name for name in asked or PRECISIONS if name not in left_out]
    for name in set(asked or ()) & left_out.keys():
        raise UsageError(f"{original.card.model} has no {name} file: {left_out[name]}.")
    if earlier is not None:
        rounding = Rounding.of(earlier)
    elif set(precisions) <= {"fp32"}:
        rounding = Rounding()
    elif data is not None:
        rounding = _rounding(original, graph, plain, precisions, data, progress, choosing)
    else:
        raise AssertionError("rounding needs images, or a recorded choice")
    makers = {
        "fp32": lambda: plain,
        "fp16": lambda: to_half(plain, rounding.half_layers),
        "int8": lambda: quantize(
            prepare(graph), rounding.ranges, rounding.float_layers, rounding.shifts
        ),
    }
    models = {precision: makers[precision]() for precision in precisions}
    return Formats(models, rounding, {} if asked else left_out)


def _graph_of(trained: Trained, original: Original) -> ir.Model:
    """The model in fp32, as all files of the zoo are named and stamped."""
    if original.form not in trained.forms:
        raise UsageError(
            f"{original.card.model} takes {' or '.join(trained.forms)}, not {original.form}. "
            "Leave out --input."
        )
    proto = trained.to_onnx(original.form, original.opset)
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    if opsets.get("", opsets.get("ai.onnx")) != original.opset:
        raise AssertionError(
            f"{original.card.model} did not give the requested opset {original.opset}"
        )
    graph = ir.from_proto(proto)
    normalise(graph, (IMAGE, LOGITS), IR_VERSIONS[original.opset])
    return graph


def _left_out(model: onnx.ModelProto) -> dict[str, str]:
    """The precisions that such a graph cannot have, and why."""
    others = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if others:
        why = f"its operators of {', '.join(sorted(others))} exist in fp32 only"
        return {"fp16": why, "int8": why}
    if not any(node.op_type in LAYERS for node in model.graph.node):
        return {
            "int8": f"it has no {' or '.join(LAYERS)}, the only operators that run in integers here"
        }
    return {}


def _rounding(
    original: Original,
    graph: ir.Model,
    plain: onnx.ModelProto,
    precisions: Sequence[str],
    data: Dataset,
    progress: Progress,
    choosing: Choosing,
) -> Rounding:
    signature = Signature.of(open_session(file_bytes(original, plain, "fp32")))
    images = data.train.images
    # The first images of the canonical order are as good as random; small data has few to spare.
    later = images[CALIBRATED_ON : CALIBRATED_ON + CHOSEN_ON]
    unseen = signature.prepare(later if len(later) else images)[IMAGE]
    rounding = Rounding()
    if "fp16" in precisions:
        progress.now(f"{original.id}: choosing what fp16 leaves in fp32")
        rounding = Rounding(choose_half_layers(plain, unseen, choosing))
    if "int8" in precisions:
        progress.now(f"{original.id}: calibrating int8 on training images")
        prepared, seen = prepare(graph), signature.prepare(images[:CALIBRATED_ON])[IMAGE]
        ranges = calibrate(prepared, seen)
        shifts, left = choose_int8(prepared, ranges, seen, unseen, choosing)
        left += tuple(name for name in stay_in_float(prepared) if name not in left)
        rounding = replace(rounding, ranges=ranges, shifts=shifts, float_layers=left)
    return rounding
