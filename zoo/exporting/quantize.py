"""Quantise to int8: activations as U8, weights as S8 in seven bits, one scale per channel.

Seven bits, because CPUs without VNNI add pairs of U8 x S8 products in 16 bits: 2 x 255 x 64 fits,
but 2 x 255 x 127 would saturate, and the same file would answer differently there.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from zoo.graphs.fold import fold_norms
from zoo.graphs.padding import LAYERS, WIDE, pad, stay_in_float
from zoo.graphs.taps import with_taps
from zoo.ort.providers import load_onnxruntime
from zoo.ort.session import open_session

CALIBRATED_ON = 1024  # training images
LARGEST_WEIGHT = 64
# What runs in integers. Mul, Add and Gelu are cheaper and more accurate in float.
OPERATORS = [*LAYERS, "MaxPool", "AveragePool", "Reshape", "Relu", "Clip"]
_BATCH = 64
_DIGITS = 6  # digits of a stored range: eight bits show no more

Ranges = dict[str, tuple[float, float]]
Shifts = dict[str, tuple[float, ...]]


def prepare(model: ir.Model) -> onnx.ModelProto:
    """Prepare the fp32 model for quantisation: normalisations folded, every shape known."""
    proto: onnx.ModelProto = ir.to_proto(fold_norms(model))
    del proto.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(proto, strict_mode=True)


def calibrate(prepared: onnx.ModelProto, images: NDArray[Any]) -> Ranges:
    """The lowest and highest value of each tensor over images as the model takes them."""
    image = prepared.graph.input[0].name
    fixed = {tensor.name for tensor in prepared.graph.initializer}
    nodes = [node for node in prepared.graph.node if node.op_type in OPERATORS]
    watched = {name for node in nodes for name in (node.input[0], *node.output)} - fixed
    session = open_session(with_taps(prepared, sorted(watched - {image})).SerializeToString())
    names = [output.name for output in session.outputs]
    ranges: dict[str, tuple[float, float]] = {}
    for at in range(0, len(images), _BATCH):
        some = images[at : at + _BATCH]
        values = dict(zip(names, session.run({image: some}), strict=True)) | {image: some}
        for name in sorted(watched):
            low, high = ranges.get(name, (math.inf, -math.inf))
            found = values[name]
            ranges[name] = min(low, float(found.min())), max(high, float(found.max()))
    return {name: (_rounded(low), _rounded(high)) for name, (low, high) in ranges.items()}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def quantize(
    prepared: onnx.ModelProto,
    ranges: Ranges,
    in_float: Sequence[str] = (),
    shifts: Mapping[str, Sequence[float]] | None = None,
) -> onnx.ModelProto:
    """The int8 model; nodes in `in_float` stay in float, as do those of `stay_in_float`.

    shifts: by layer, the values added to the bias of each channel; see `zoo.exporting.shifts`.
    """
    load_onnxruntime()
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    in_float = [*in_float, *stay_in_float(prepared)]
    shifted = onnx.ModelProto()
    shifted.CopyFrom(prepared)
    for layer, shift in (shifts or {}).items():
        if layer not in in_float:
            _shift(shifted, layer, shift)
    data = TensorsData(
        CalibrationMethod.MinMax,
        {
            name: TensorData(lowest=np.float32(low), highest=np.float32(high))
            for tensor, (low, high) in ranges.items()
            for name in (tensor, f"{tensor}{WIDE}")
        },
    )
    quantizer = QDQQuantizer(
        pad(shifted, in_float),
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=data,
        nodes_to_quantize=[],
        nodes_to_exclude=in_float,
        op_types_to_quantize=OPERATORS,
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantized: onnx.ModelProto = quantizer.model.model
    del quantized.graph.value_info[:]
    return quantized


def _shift(model: onnx.ModelProto, layer: str, shift: Sequence[float]) -> None:
    """Add to the bias of a layer, creating one if needed."""
    (node,) = [node for node in model.graph.node if node.name == layer]
    biases = [tensor for tensor in model.graph.initializer if tensor.name in node.input[2:]]
    earlier = onnx.numpy_helper.to_array(biases[0]) if biases else np.float32(0)
    name = f"{layer}.shifted"
    moved = (earlier + np.asarray(shift)).astype(np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(moved, name))
    node.input[2:] = [name]


def layers(prepared: onnx.ModelProto) -> list[str]:
    """The nodes with weights, in graph order."""
    return [node.name for node in prepared.graph.node if node.op_type in LAYERS]


def widest_weight(model: onnx.ModelProto) -> int:
    """The largest |weight| of the S8 weights; above `LARGEST_WEIGHT`, some CPUs saturate."""
    widths = [
        int(np.abs(onnx.numpy_helper.to_array(tensor).astype(np.int16)).max(initial=0))
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) > 1
    ]
    return max(widths, default=0)
