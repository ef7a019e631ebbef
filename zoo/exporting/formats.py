"""One network in each number format."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import onnx
import onnx_ir as ir

from zoo.artifacts.card import PRECISIONS, Card
from zoo.data import Dataset
from zoo.errors import UsageError, unknown_name
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
    """Everything besides the network that fp16 and int8 are made with, all from training images."""

    half_layers: tuple[str, ...] = ()  # the first ones, which fp16 leaves in fp32
    ranges: Ranges = field(default_factory=dict)  # for int8: the observed range of each tensor
    shifts: Shifts = field(default_factory=dict)  # for int8: see `zoo.exporting.shifts`
    float_layers: tuple[str, ...] = ()  # those that int8 leaves in float

    @classmethod
    def of(cls, card: Card) -> "Rounding":
        """The rounding of published files, from their card."""
        return cls(card.half_layers, card.ranges, card.shifts, card.float_layers)


@dataclass(frozen=True)
class Network:
    """A network in fp32, which files of other precisions are made of."""

    name: str  # of the artifact
    graph: ir.Model
    plain: onnx.ModelProto  # the same as `fusable` has it: fp32.onnx

    @property
    def left_out(self) -> dict[str, str]:
        """The precisions that such a graph cannot have, and why."""
        others = {node.domain for node in self.plain.graph.node} - {"", "ai.onnx"}
        if others:
            why = f"its operators of {', '.join(sorted(others))} exist in fp32 only"
            return {"fp16": why, "int8": why}
        if not any(node.op_type in LAYERS for node in self.plain.graph.node):
            return {
                "int8": f"it has no {' or '.join(LAYERS)}, the only operators that run in integers "
                "here"
            }
        return {}

    def check(self, precisions: Iterable[str]) -> None:
        """Refuse a precision that it cannot have (`UsageError`)."""
        for precision in precisions:
            if precision in self.left_out:
                why = self.left_out[precision]
                raise UsageError(f"{self.name} has no {precision} file: {why}.")

    def rounding(
        self,
        signature: Signature,
        precisions: Sequence[str],
        data: Dataset,
        progress: Progress,
        choosing: Choosing = CHOOSING,
        earlier: Rounding | None = None,
    ) -> Rounding:
        """What these precisions are made with, chosen on training images; the rest as `earlier`."""
        rounding, images = earlier or Rounding(), data.train.images
        # The first images of the canonical order are as good as random; small data has few to
        # spare.
        later = images[CALIBRATED_ON : CALIBRATED_ON + CHOSEN_ON]
        unseen = signature.prepare(later if len(later) else images)[IMAGE]
        if "fp16" in precisions:
            progress.now(f"{self.name}: choosing what fp16 leaves in fp32")
            kept = choose_half_layers(self.plain, unseen, choosing)
            rounding = replace(rounding, half_layers=kept)
        if "int8" in precisions:
            progress.now(f"{self.name}: calibrating int8 on training images")
            prepared, seen = prepare(self.graph), signature.prepare(images[:CALIBRATED_ON])[IMAGE]
            ranges = calibrate(prepared, seen)
            shifts, left = choose_int8(prepared, ranges, seen, unseen, choosing)
            left += tuple(name for name in stay_in_float(prepared) if name not in left)
            rounding = replace(rounding, ranges=ranges, shifts=shifts, float_layers=left)
        return rounding

    def as_precision(self, precision: str, rounding: Rounding) -> onnx.ModelProto:
        """A copy in one of `PRECISIONS`, not stamped yet."""
        if precision == "fp16":
            return to_half(self.plain, rounding.half_layers)
        if precision == "int8":
            return quantize(
                *(prepare(self.graph), rounding.ranges, rounding.float_layers, rounding.shifts)
            )
        return self.plain


@dataclass(frozen=True)
class Formats:
    """One network in several precisions."""

    models: dict[str, onnx.ModelProto]  # by precision, not stamped yet
    rounding: Rounding  # what fp16 and int8 were made with
    left_out: dict[str, str]  # unavailable precisions that were not requested, and why


def make_formats(
    original: Original,
    trained: Trained,
    precisions: Sequence[str] | None,
    data: Dataset | None,
    progress: Progress,
    earlier: Card | None = None,
    choosing: Choosing = CHOOSING,
) -> Formats:
    """The models, rounded as `earlier` recorded, or else with the training images of `data`.

    precisions: None for all that the model supports.
    """
    progress.now(f"{original.id}: converting, opset {original.opset}")
    graph = _graph_of(trained, original)
    network = Network(original.id, graph, ir.to_proto(fusable(graph)))
    network.check(precisions or ())
    left_out = {} if precisions else network.left_out
    wanted = [name for name in precisions or PRECISIONS if name not in left_out]
    if earlier is not None:
        rounding = Rounding.of(earlier)
    elif set(wanted) <= {"fp32"}:
        rounding = Rounding()
    elif data is not None:
        fp32 = file_bytes(original, network.plain, "fp32")
        signature = Signature.of(open_session(fp32))
        rounding = network.rounding(signature, wanted, data, progress, choosing)
    else:
        raise AssertionError("rounding needs images, or a recorded choice")
    models = {precision: network.as_precision(precision, rounding) for precision in wanted}
    return Formats(models, rounding, left_out)


def known_precisions(asked: Iterable[str]) -> tuple[str, ...]:
    """Those asked for, in the order of `PRECISIONS`; one that is none is refused."""
    for precision in asked:
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
    return tuple(precision for precision in PRECISIONS if precision in asked)


def _graph_of(trained: Trained, original: Original) -> ir.Model:
    """The model in fp32, in the form of all files of the zoo."""
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
