"""Small ONNX files that tell the digits apart, for tests of what else an answer may depend on."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from zoo.data import load

Weights = tuple[NDArray[np.float32], NDArray[np.float32]]
Kind = Literal["plain", "batch mean", "noise", "dynamic"]
SIDE, HIDDEN = 32, 64


@cache
def _weights() -> Weights:
    """A random hidden layer, and the output layer that suits it best."""
    train = load("digits").train
    pixels = train.images.reshape(len(train), -1).astype(np.float32) / 255
    hidden = np.random.default_rng(0).normal(0, 0.02, (pixels.shape[1], HIDDEN))
    values = np.maximum(pixels @ hidden, 0)
    out = np.linalg.lstsq(values, np.eye(10)[train.labels], rcond=None)[0]
    return hidden.astype(np.float32), (10 * out).astype(np.float32)


def answers(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The logits of the plain file."""
    hidden, out = _weights()
    pixels = images.reshape(len(images), -1).astype(np.float32) / 255
    return np.maximum(pixels @ hidden, 0) @ out


def write(
    path: Path,
    kind: Kind = "plain",
    *,
    order: Sequence[int] = range(10),
    names: Sequence[str] | None = None,
    noise: float = 1.0,
    batch: int | str = "batch",
    **metadata: str,
) -> Path:
    """Write one. batch mean: the mean of the batch's hidden values is taken off; noise: added to
    the logits, of that scale; dynamic: quantised by the range of the batch; order: the classes of
    its logits; names: what it calls them."""
    hidden, out = _weights()
    tensors = {
        "scale": np.float32(1 / 255),
        "flat": np.array([-1, hidden.shape[0]], np.int64),
        "hidden": hidden,
        "out": out[:, list(order)],
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["pixels", "scale"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "flat"], ["row"]),
        helper.make_node("MatMul", ["row", "hidden"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["values"]),
    ]
    if kind == "batch mean":
        nodes += [
            helper.make_node("ReduceMean", ["values"], ["mean"], axes=[0]),
            helper.make_node("Sub", ["values", "mean"], ["centred"]),
        ]
    last = nodes[-1].output[0]
    if kind == "noise":
        nodes += [
            helper.make_node("MatMul", [last, "out"], ["clean"]),
            helper.make_node("RandomNormalLike", ["clean"], ["noise"], scale=noise),
            helper.make_node("Add", ["clean", "noise"], ["logits"]),
        ]
    else:
        nodes.append(helper.make_node("MatMul", [last, "out"], ["logits"]))
    shape = (batch, SIDE, SIDE, 3)
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (batch, 10))],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if names is not None:
        metadata["class_names"] = json.dumps(list(names))
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    if kind == "dynamic":
        from onnxruntime.quantization import quantize_dynamic

        quantize_dynamic(path, path)
    return path
