"""What counts as arithmetic on shapes: nothing that the pixels reach."""

from collections.abc import Sequence
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from zoo.ort.placement import shape_nodes


def graph(
    *nodes: onnx.NodeProto, initializers: Sequence[str] = (), inputs: Sequence[str] = ("image",)
) -> bytes:
    made = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 4]) for name in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
        [helper.make_tensor(name, TensorProto.INT64, [1], [0]) for name in initializers],
    )
    return helper.make_model(made).SerializeToString()


def node(operator: str, inputs: str, output: str, name: str = "") -> onnx.NodeProto:
    return helper.make_node(operator, inputs.split(), [output], name)


def test_what_comes_from_shapes_and_constants_alone_is_shape_arithmetic(tmp_path: Path) -> None:
    model = graph(
        node("Relu", "image", "x", "relu"),
        node("Shape", "x", "shape", "shape"),
        node("Gather", "shape zero", "batch", "gather"),
        node("Concat", "batch minus", "target", "concat"),
        node("Reshape", "x target", "out", "reshape"),
        initializers=["zero", "minus"],
    )
    path = tmp_path / "file.onnx"
    path.write_bytes(model)
    for found in (shape_nodes(model), shape_nodes(path)):
        assert found.names == {"shape", "gather", "concat"}
        assert not found.holds("relu", "Relu")
        assert not found.holds("fused by onnxruntime", "Shape")


def test_unnamed_nodes_are_told_by_their_operator_where_all_of_a_kind_agree() -> None:
    found = shape_nodes(
        graph(
            node("Cast", "image", "x"),
            node("Shape", "x", "shape"),
            node("Cast", "shape", "wide"),
            node("Sqrt", "wide", "root"),
            node("Mul", "x root", "out"),
        )
    )
    assert found.holds("", "Sqrt")
    assert found.holds("", "Shape")
    assert not found.holds("", "Cast")
    assert not found.holds("", "Mul")


def test_a_subgraph_may_see_the_pixels_without_naming_them() -> None:
    branch = helper.make_graph(
        [node("Identity", "image", "inner")],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    choice = helper.make_node("If", ["flag"], ["x"], "if", then_branch=branch, else_branch=branch)
    found = shape_nodes(graph(choice, node("Relu", "x", "out", "relu"), initializers=["flag"]))
    assert found.names == set()


def test_an_initializer_that_is_listed_as_input_too_is_a_constant() -> None:
    found = shape_nodes(
        graph(
            node("Neg", "weight", "minus", "neg"),
            node("Add", "image minus", "out", "add"),
            initializers=["weight"],
            inputs=["image", "weight"],
        )
    )
    assert found.names == {"neg"}


@pytest.mark.parametrize("operator", ["Shape", "Size"])
def test_the_size_of_the_pixels_is_not_the_pixels(operator: str) -> None:
    assert shape_nodes(graph(node(operator, "image", "out", "it"))).names == {"it"}
