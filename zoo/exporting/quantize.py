"""Eight-bit integers: activations as U8, weights as S8 in seven bits, one scale a channel.

Seven bits because CPUs without VNNI add pairs of U8 x S8 products in 16 bits: 2 x 255 x 64 fits,
2 x 255 x 127 does not and would saturate, so that the same file would answer differently there.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from zoo.exporting.fold import fold_norms
from zoo.providers import load_onnxruntime
from zoo.session import open_session

CALIBRATED_ON = 1024  # training pictures
LARGEST_WEIGHT = 64
SMALL_LAYER = 0.1  # of all weights
WORTHWHILE = 0.001  # of the pictures
COSTLY = 0.02  # of them, for a layer of any size
# What runs in integers. Mul, Add and Gelu are cheaper and more accurate in float.
OPERATORS = ["Conv", "Gemm", "MaxPool", "AveragePool", "Reshape", "Relu"]
_BATCH = 64
_DIGITS = 6  # of a range, which is stored: eight bits show no more

Ranges = dict[str, tuple[float, float]]


def prepare(model: ir.Model) -> onnx.ModelProto:
    """The fp32 model as quantisation wants it: normalisations folded, every shape known."""
    proto: onnx.ModelProto = ir.to_proto(fold_norms(model))
    del proto.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(proto, strict_mode=True)


def calibrate(prepared: onnx.ModelProto, pictures: NDArray[Any]) -> Ranges:
    """The lowest and highest value of each tensor over pictures as the model takes them."""
    image = prepared.graph.input[0].name
    fixed = {tensor.name for tensor in prepared.graph.initializer}
    nodes = [node for node in prepared.graph.node if node.op_type in OPERATORS]
    watched = {name for node in nodes for name in (node.input[0], *node.output)} - fixed
    session = open_session(_showing(prepared, watched - {image}).SerializeToString())
    names = [output.name for output in session.outputs]
    ranges: dict[str, tuple[float, float]] = {}
    for at in range(0, len(pictures), _BATCH):
        some = pictures[at : at + _BATCH]
        values = dict(zip(names, session.run({image: some}), strict=True)) | {image: some}
        for name in sorted(watched):
            low, high = ranges.get(name, (math.inf, -math.inf))
            found = values[name]
            ranges[name] = min(low, float(found.min())), max(high, float(found.max()))
    return {name: (_rounded(low), _rounded(high)) for name, (low, high) in ranges.items()}


def _showing(model: onnx.ModelProto, names: set[str]) -> onnx.ModelProto:
    """A copy that gives these tensors too."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    given = {output.name for output in copy.graph.output}
    copy.graph.output.extend(
        value for value in model.graph.value_info if value.name in names - given
    )
    return copy


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def quantize(
    prepared: onnx.ModelProto, ranges: Ranges, in_float: Sequence[str] = ()
) -> onnx.ModelProto:
    """The int8 model; `in_float` names nodes that stay as they are."""
    load_onnxruntime()
    from onnxruntime.quantization import CalibrationMethod, QuantType
    from onnxruntime.quantization.calibrate import TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    copy = onnx.ModelProto()
    copy.CopyFrom(prepared)
    data = TensorsData(
        CalibrationMethod.MinMax,
        {
            name: TensorData(lowest=np.float32(low), highest=np.float32(high))
            for name, (low, high) in ranges.items()
        },
    )
    quantizer = QDQQuantizer(
        copy,
        per_channel=True,
        reduce_range=True,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=data,
        nodes_to_quantize=[],
        nodes_to_exclude=list(in_float),
        op_types_to_quantize=OPERATORS,
        extra_options={},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantized: onnx.ModelProto = quantizer.model.model
    del quantized.graph.value_info[:]
    return quantized


def choose_float_layers(
    prepared: onnx.ModelProto, ranges: Ranges, pictures: NDArray[Any]
) -> tuple[str, ...]:
    """The layers that int8 had better leave in float, by pictures as the model takes them.

    Candidates are the first, which alone sees pixels, and the last, which decides, unless they hold
    much of the weights. They are left out where more pictures then get the same class as in fp32.
    The last convolution joins them, large as it may be, where that saves many pictures: of features
    that no pooling follows, all count, and few steps over the range of the largest lose the rest.
    """
    wanted = _classes(prepared, pictures)
    ends = [name for name in _ends(prepared) if _share_of_weights(prepared, name) < SMALL_LAYER]
    trials = [(), *((name,) for name in ends), tuple(ends)]
    shares = [
        float((wanted == _classes(quantize(prepared, ranges, trial), pictures)).mean())
        for trial in trials
    ]
    best = int(np.argmax(shares))
    if shares[best] <= shares[0] + WORTHWHILE:
        best = 0
    more = (*trials[best], *_last_convolution(prepared, trials[best]))
    saved = float((wanted == _classes(quantize(prepared, ranges, more), pictures)).mean())
    return more if saved > shares[best] + COSTLY else trials[best]


def _ends(prepared: onnx.ModelProto) -> list[str]:
    names = layers(prepared)
    return names[:1] + names[1:][-1:]


def _last_convolution(prepared: onnx.ModelProto, besides: Sequence[str]) -> list[str]:
    names = [node.name for node in prepared.graph.node if node.op_type == "Conv"]
    return [name for name in names[-1:] if name not in besides]


def _share_of_weights(prepared: onnx.ModelProto, layer: str) -> float:
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in prepared.graph.initializer}
    own = sum(
        sizes.get(n, 0) for node in prepared.graph.node if node.name == layer for n in node.input
    )
    return float(own / sum(sizes.values()))


def _classes(model: onnx.ModelProto, pictures: NDArray[Any]) -> NDArray[np.int64]:
    session = open_session(model.SerializeToString())
    parts = [
        session.run({session.inputs[0].name: pictures[at : at + _BATCH]})[0].argmax(axis=1)
        for at in range(0, len(pictures), _BATCH)
    ]
    return np.concatenate(parts)


def layers(prepared: onnx.ModelProto) -> list[str]:
    """The nodes with weights, from the picture on."""
    return [node.name for node in prepared.graph.node if node.op_type in ("Conv", "Gemm")]


def widest_weight(model: onnx.ModelProto) -> int:
    """The largest |weight| of the S8 weights; beyond `LARGEST_WEIGHT`, some CPUs saturate."""
    widths = [
        int(np.abs(onnx.numpy_helper.to_array(tensor).astype(np.int16)).max(initial=0))
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) > 1
    ]
    return max(widths, default=0)
