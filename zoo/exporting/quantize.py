"""Eight-bit integers: activations as U8, weights as S8 in seven bits, one scale a channel.

Seven bits because CPUs without VNNI add pairs of U8 x S8 products in 16 bits: 2 x 255 x 64 fits,
2 x 255 x 127 does not and would saturate, so that the same file would answer differently there.
"""

import math
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from zoo.exporting.fold import fold_norms
from zoo.session import open_session

CALIBRATED_ON = 1024  # training pictures
LARGEST_WEIGHT = 64
SMALL_LAYER = 0.1  # of all weights
WORTHWHILE = 0.001  # of the pictures
# What runs in integers. Mul, Add and Gelu are cheaper and more accurate in float.
OPERATORS = ["Conv", "Gemm", "MaxPool", "AveragePool", "Reshape", "Relu"]
_BATCH = 64
_DIGITS = 6  # of a range: fewer than float noise between CPUs, more than eight bits can show

Ranges = dict[str, tuple[float, float]]


class _Pictures(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, batches: Sequence[NDArray[Any]]) -> None:
        self.batches: Iterator[NDArray[Any]] = iter(batches)
        self.name = name

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        batch = next(self.batches, None)
        return None if batch is None else {self.name: batch}


def prepare(model: ir.Model) -> onnx.ModelProto:
    """The fp32 model as quantisation wants it: normalisations folded, every shape known."""
    proto: onnx.ModelProto = ir.to_proto(fold_norms(model))
    del proto.graph.value_info[:]
    return onnx.shape_inference.infer_shapes(proto, strict_mode=True)


def calibrate(prepared: onnx.ModelProto, pictures: NDArray[Any]) -> Ranges:
    """The lowest and highest value of each tensor over pictures as the model takes them."""
    batches = [pictures[at : at + _BATCH] for at in range(0, len(pictures), _BATCH)]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain, augmented = Path(folder, "plain.onnx"), Path(folder, "augmented.onnx")
        onnx.save(prepared, plain)
        calibrator = create_calibrator(
            plain, OPERATORS, str(augmented), calibrate_method=CalibrationMethod.MinMax
        )
        calibrator.collect_data(_Pictures(prepared.graph.input[0].name, batches))
        found = calibrator.compute_data()
    return {
        name: (_rounded(found[name].lowest), _rounded(found[name].highest))
        for name in sorted(found.keys())
    }


def _rounded(value: Any) -> float:
    return float(f"{np.asarray(value).item():.{_DIGITS}g}")


def quantize(
    prepared: onnx.ModelProto, ranges: Ranges, in_float: Sequence[str] = ()
) -> onnx.ModelProto:
    """The int8 model; `in_float` names nodes that stay as they are."""
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
    """
    wanted = _classes(prepared, pictures)
    ends = [name for name in _ends(prepared) if _share_of_weights(prepared, name) < SMALL_LAYER]
    trials = [(), *((name,) for name in ends), tuple(ends)]
    shares = [
        float((wanted == _classes(quantize(prepared, ranges, trial), pictures)).mean())
        for trial in trials
    ]
    best = int(np.argmax(shares))
    return trials[best] if shares[best] > shares[0] + WORTHWHILE else ()


def _ends(prepared: onnx.ModelProto) -> list[str]:
    names = layers(prepared)
    return names[:1] + names[1:][-1:]


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
