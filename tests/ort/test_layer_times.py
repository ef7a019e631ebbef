"""Where the time goes: each step of ONNX Runtime is of the layer that it came from."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import NodeProto, TensorProto, helper, numpy_helper

from zoo.graphs.anatomy import LayerTimes
from zoo.ort.layer_times import time_layers

RANDOM = np.random.default_rng(0)


def node(operator: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def timed(shape: list[int], *nodes: NodeProto, **weights: tuple[int, ...]) -> LayerTimes:
    """The times of a graph from `x` to `y` with random weights of these shapes."""
    tensors = [
        numpy_helper.from_array(RANDOM.uniform(0.5, 1.5, size).astype(np.float32), name)
        for name, size in weights.items()
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        tensors,
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, ir_version=8, opset_imports=[opset])
    return time_layers(model, {"x": RANDOM.normal(size=shape).astype(np.float32)}, "made")


def steps(found: LayerTimes) -> dict[str, str]:
    """Every step is told, and one that computes several layers has its time once."""
    assert found.unknown == 0
    assert found.total > 0
    assert all((one.us > 0) == (one.layer == one.step_of) for one in found.layers)
    assert sum(found.share(one.us) for one in found.layers) <= 1
    return {one.layer: one.step_of for one in found.layers}


def norm(source: str, target: str) -> NodeProto:
    return node("BatchNormalization", f"{source} scale bias mean var", target)


def norms(channels: int) -> dict[str, tuple[int, ...]]:
    return dict.fromkeys(("scale", "bias", "mean", "var"), (channels,))


def test_a_convolution_takes_in_its_norm_and_its_activation() -> None:
    found = timed(
        [1, 8, 16, 16],
        node("Conv", "x w", "c", pads=[1] * 4),
        norm("c", "n"),
        node("Relu", "n", "r"),
        node("MaxPool", "r", "p", kernel_shape=[2, 2]),
        norm("p", "y"),
        w=(8, 8, 3, 3),
        **norms(8),
    )
    assert steps(found) == {"c": "c", "n": "c", "r": "c", "p": "p", "y": "y"}


def test_a_norm_takes_in_the_activation_behind_it() -> None:
    found = timed(
        [1, 8, 16, 16],
        node("MaxPool", "x", "p", kernel_shape=[2, 2]),
        norm("p", "n"),
        node("Relu", "n", "r"),
        node("Conv", "r w", "y", pads=[1] * 4),
        w=(8, 8, 3, 3),
        **norms(8),
    )
    found_steps = steps(found)
    assert found_steps["y"] == "y"
    assert found_steps["r"] in ("n", "r")  # as one, where this CPU computes in blocks of channels


def test_a_product_takes_in_its_bias_norm_and_activation() -> None:
    found = timed(
        [4, 8],
        node("MatMul", "x w", "m"),
        norm("m", "n"),
        node("Relu", "n", "r"),
        node("MatMul", "r v", "product"),
        node("Add", "product b", "s"),
        node("Sigmoid", "s", "a"),
        node("Gemm", "a u", "y"),
        w=(8, 6),
        v=(6, 5),
        b=(5,),
        u=(5, 3),
        **norms(6),
    )
    told = steps(found)
    assert (told["n"], told["r"]) == ("m", "m")
    assert told["a"] in ("s", "a")
    assert told["y"] == "y"


def test_a_residual_sum_belongs_to_the_convolution_that_adds_it() -> None:
    found = timed(
        [1, 16, 8, 8],
        node("Conv", "x w", "a", pads=[1] * 4),
        node("Relu", "a", "b"),
        node("Conv", "b w", "c", pads=[1] * 4),
        node("Add", "c b", "s"),
        node("Relu", "s", "y"),
        w=(16, 16, 3, 3),
    )
    told = steps(found)
    assert told["b"] == "a"
    assert {told["s"], told["y"]} in ({"c"}, {"s", "y"}, {"s"})


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_layer_of_an_artifact_is_told(precision: str, mlp_exports: Path) -> None:
    model = onnx.load(mlp_exports / "mlp-digits" / f"{precision}.onnx")
    image = RANDOM.integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    found = time_layers(model, {"image": image}, "mlp")
    names = {one.layer for one in found.layers}
    assert all(one.step_of in names for one in found.layers)
    assert found.between > 0  # the image is turned into floats first
    if precision == "fp32":
        told = {one.layer: one.step_of for one in found.layers}
        assert told["Relu_0"] == told["BatchNormalization_0"] == "MatMul_0"


def test_local_functions_and_inner_graphs_are_seen_through() -> None:
    inner_x = helper.make_tensor_value_info("i", TensorProto.FLOAT, None)
    branches = {
        name: helper.make_graph([node(operator, "x", "i")], name, [], [inner_x])
        for name, operator in (("then_branch", "Relu"), ("else_branch", "Tanh"))
    }
    body = [node("Sigmoid", "a", "b"), node("Tanh", "b", "c")]
    opset = helper.make_opsetid("", 17)
    function = helper.make_function("own", "F", ["a"], ["c"], body, [opset])
    called = helper.make_node("F", ["d"], ["y"], domain="own")
    graph = helper.make_graph(
        [
            node("If", "yes", "chosen", **branches),
            node("Softplus", "chosen", "d"),
            called,
        ],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64]),
            helper.make_tensor_value_info("yes", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    opsets = [opset, helper.make_opsetid("own", 1)]
    model = helper.make_model(graph, ir_version=8, opset_imports=opsets, functions=[function])
    feeds = {"x": np.ones((1, 64), np.float32), "yes": np.array(True)}
    found = time_layers(model, feeds, "made")
    assert [one.step_of == one.layer for one in found.layers] == [True] * 3
    assert found.unknown == 0
