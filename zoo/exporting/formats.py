"""One network in each number format."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx
import onnx_ir as ir
from torch import nn

from zoo.artifacts import Card
from zoo.data import Dataset
from zoo.exporting.convert import IMAGE, convert, fusable
from zoo.exporting.half import to_half
from zoo.exporting.quantize import (
    CALIBRATED_ON,
    Ranges,
    calibrate,
    choose_float_layers,
    prepare,
    quantize,
)
from zoo.exporting.source import Source, file_bytes
from zoo.progress import Progress
from zoo.session import open_session
from zoo.signature import Signature

CHOSEN_ON = 4096  # training pictures that int8's float layers are chosen on, none to calibrate


@dataclass(frozen=True)
class Formats:
    """ONNX models by precision, not stamped yet, and what int8 was made with."""

    models: dict[str, onnx.ModelProto]
    ranges: Ranges = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()


def make_formats(
    source: Source,
    network: nn.Module,
    precisions: Sequence[str],
    data: Dataset | None,
    progress: Progress,
    earlier: Card | None = None,
) -> Formats:
    """The models; int8 by what `earlier` recorded, or else by the training pictures of `data`."""
    card = source.card
    progress.say(f"{source.id}: converting, opset {source.opset}")
    graph = convert(network, card.image_shape, card.mean, card.std, source.form, source.opset)
    models = {"fp32": ir.to_proto(fusable(graph))}
    if "fp16" in precisions:
        models["fp16"] = to_half(models["fp32"])
    if "int8" not in precisions:
        return Formats(models)
    prepared = prepare(graph)
    if earlier is not None:
        ranges, in_float = earlier.ranges, earlier.float_layers
    elif data is not None:
        ranges, in_float = _quantisation(source, models["fp32"], prepared, data, progress)
    else:
        raise AssertionError("int8 needs pictures or recorded ranges")
    models["int8"] = quantize(prepared, ranges, in_float)
    return Formats(models, ranges, in_float)


def _quantisation(
    source: Source,
    plain: onnx.ModelProto,
    prepared: onnx.ModelProto,
    data: Dataset,
    progress: Progress,
) -> tuple[Ranges, tuple[str, ...]]:
    """Ranges and layers to leave in float, both from training pictures."""
    progress.say(f"{source.id}: calibrating int8 on training pictures")
    signature = Signature.of(open_session(file_bytes(source, plain, "fp32")))
    pictures = data.train.images
    ranges = calibrate(prepared, signature.prepare(pictures[:CALIBRATED_ON])[IMAGE])
    # The first pictures of the canonical order are as good as random; small data has few to spare.
    later = pictures[CALIBRATED_ON : CALIBRATED_ON + CHOSEN_ON]
    unseen = later if len(later) else pictures
    return ranges, choose_float_layers(prepared, ranges, signature.prepare(unseen)[IMAGE])
