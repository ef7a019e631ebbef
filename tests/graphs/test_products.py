"""How wide the integer products of a graph are, whatever way somebody wrote them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.graphs.products import Product, integer_products, is_uneven, padded

Weights = Mapping[str, np.ndarray]


def model_of(
    nodes: Sequence[onnx.NodeProto], weights: Weights = MappingProxyType({})
) -> onnx.ModelProto:
    """A graph of these nodes; it need not run."""
    x = helper.make_tensor_value_info("x", TensorProto.UINT8, ["m", "k"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    return helper.make_model(helper.make_graph(list(nodes), "g", [x], [y], tensors))


def node(operator: str, *inputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(operator, inputs, [attributes.pop("out", "y")], operator, **attributes)


def widths(model: onnx.ModelProto) -> list[int]:
    return [product.width for product in integer_products(model)]


@pytest.mark.parametrize(
    ("width", "uneven"),
    [(1, False), (10, False), (16, False), (17, True), (24, True), (32, False), (50, True),
     (96, False), (100, True), (500, True), (512, False), (0, True)],
)  # fmt: skip
def test_uneven_is_what_ends_within_a_tile_behind_the_first(width: int, uneven: bool) -> None:
    assert is_uneven(width) == Product("n", "Conv", width).uneven == uneven
    assert not is_uneven(padded(width)) or width == 0
    assert 0 <= padded(width) - width < 16


@pytest.mark.parametrize(
    ("made", "shape", "width"),
    [
        (node("MatMulInteger", "x", "w"), (7, 24), 24),
        (node("MatMulIntegerToFloat", "x", "w", "s", "s"), (7, 24), 24),
        (node("DynamicQuantizeMatMul", "x", "w", "s"), (2, 7, 24), 24),
        (node("QLinearMatMul", "x", "s", "z", "w", "s", "z", "s", "z"), (7, 24), 24),
        (node("QGemm", "x", "s", "z", "w", "s", "z"), (7, 24), 24),
        (node("QGemm", "x", "s", "z", "w", "s", "z", transB=1), (24, 7), 24),
        (node("QLinearConv", "x", "s", "z", "w", "s", "z", "s", "z"), (24, 3, 2, 2), 24),
        (node("QLinearConv", "x", "s", "z", "w", "s", "z", "s", "z", group=24), (24, 1, 3, 3), 1),
        (node("ConvInteger", "x", "w", group=2), (48, 3, 2, 2), 24),
        (node("QAttention", "x", "w", "b", "s", "s"), (64, 192), 0),
        (node("QLinearConv", "x", "s", "z", "w", group=0), (24, 3, 2, 2), 0),
        (node("MatMulInteger", "x", "w"), (24,), 0),
        (node("QGemm", "x"), (7, 24), 0),
    ],
)
def test_operators_on_integers(made: onnx.NodeProto, shape: tuple[int, ...], width: int) -> None:
    (product,) = integer_products(model_of([made], {"w": np.zeros(shape, np.int8)}))
    assert (product.operator, product.width) == (made.op_type, width)


def test_weights_that_nothing_tells_the_shape_of_may_be_uneven() -> None:
    (product,) = integer_products(model_of([node("MatMulInteger", "x", "x")]))
    assert product.width == 0
    assert product.uneven
    assert widths(model_of([node("MatMulInteger", "x", "z"), node("Relu", "x", out="z")])) == [0]


@pytest.mark.parametrize("operator", ["Conv", "Gemm", "MatMul"])
def test_float_operators_count_between_dequantised_inputs_alone(operator: str) -> None:
    shape = (24, 3, 2, 2) if operator == "Conv" else (7, 24)
    weights = {"w": np.zeros(shape, np.int8), "s": np.float32(1), "f": np.zeros(shape, np.float32)}
    left = node("DequantizeLinear", "x", "s", out="left")
    right = node("DequantizeLinear", "w", "s", out="right")
    assert widths(model_of([left, right, node(operator, "left", "right")], weights)) == [24]
    assert widths(model_of([left, right, node(operator, "x", "right")], weights)) == []
    assert widths(model_of([left, right, node(operator, "left", "f")], weights)) == []


def test_weights_are_found_through_what_turns_or_rounds_them() -> None:
    weights = {"f": np.zeros((24, 7), np.float32), "s": np.float32(1)}
    nodes = [
        node("DequantizeLinear", "x", "s", out="left"),
        node("QuantizeLinear", "f", "s", out="q"),
        node("Transpose", "q", out="t", perm=[1, 0]),
        node("DequantizeLinear", "t", "s", out="right"),
        node("MatMul", "left", "right"),
    ]
    assert widths(model_of(nodes, weights)) == [24]
    nodes[2] = node("Transpose", "q", out="t")
    assert widths(model_of(nodes, weights)) == [24]
    nodes[2] = node("Transpose", "q", out="t", perm=[0, 5])
    assert widths(model_of(nodes, weights)) == [0]
    nodes[1] = node("Identity", "t", out="q")  # a ring
    assert widths(model_of(nodes, weights)) == [0]


def test_constants_inner_graphs_and_functions_count() -> None:
    constant = node("Constant", out="w", value=numpy_helper.from_array(np.zeros((7, 24), np.int8)))
    inner = model_of([constant, node("MatMulInteger", "x", "w")]).graph
    outer = node("MatMulInteger", "x", "v")
    model = model_of([node("If", "x", then_branch=inner, else_branch=inner), outer],
                     {"v": np.zeros((7, 32), np.int8)})  # fmt: skip
    assert widths(model) == [24, 24, 32]
    function = helper.make_function(
        "own", "f", ["a", "b"], ["y"], [node("MatMulInteger", "a", "b")],
        [helper.make_opsetid("", 20)],
    )  # fmt: skip
    model.functions.append(function)
    assert widths(model) == [24, 24, 32, 0]
