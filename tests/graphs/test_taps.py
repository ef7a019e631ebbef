"""Taps: a tensor from between the layers is given as it is, whatever the file states of it."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from zoo.errors import ZooError
from zoo.graphs.taps import only_taps, tensors, with_taps
from zoo.ort.session import open_session

X = np.array([[-1.0, 2.0, 3.0], [4.0, -5.0, 6.0]], np.float32)
WEIGHTS = np.array([1.0, 2.0, 4.0], np.float32)
OPSETS = [(7, 3), (11, 6), (13, 7), (17, 8), (20, 9), (23, 11)]


def chain(opset: int = 20, ir_version: int = 9) -> onnx.ModelProto:
    """Four types between input and output, no shape of which is stated."""
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])]
    if ir_version < 4:  # where weights had to be inputs, too
        inputs.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [3]))
    graph = helper.make_graph(
        [
            helper.make_node("Relu", ["x"], ["positive"]),
            helper.make_node("Shape", ["positive"], ["shape"]),
            helper.make_node("Reshape", ["positive", "shape"], ["again"]),
            helper.make_node("Greater", ["again", "w"], ["larger"]),
            helper.make_node("Dropout", ["again"], ["kept", ""]),
            helper.make_node("Mul", ["kept", "w"], ["y"]),
        ],
        "chain",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        initializer=[onnx.numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = ir_version
    return model


def run(model: onnx.ModelProto, **feeds: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
    session = open_session(model.SerializeToString())
    names = [output.name for output in session.outputs]
    return dict(zip(names, session.run(feeds or {"x": X}), strict=True))


@pytest.mark.parametrize(("opset", "ir_version"), OPSETS)
def test_every_tensor_of_any_opset_is_given_with_its_own_type(opset: int, ir_version: int) -> None:
    model = chain(opset, ir_version)
    wanted = {"x": X, "w": WEIGHTS, "positive": np.maximum(X, 0), "shape": np.array([2, 3])}
    wanted |= dict.fromkeys(("again", "kept"), wanted["positive"])
    wanted |= {"larger": wanted["again"] > WEIGHTS, "y": wanted["kept"] * WEIGHTS}
    assert tensors(model) == ["x", "w", "positive", "shape", "again", "larger", "kept", "y"]
    found = run(only_taps(model, tensors(model)))
    assert list(found) == tensors(model)
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype, name
        np.testing.assert_array_equal(found[name], values)


def test_its_own_outputs_come_first_and_the_model_stays_as_it_is() -> None:
    model = chain()
    before = model.SerializeToString()
    names = ["larger", "y", "positive", "larger"]
    assert list(run(with_taps(model, names))) == ["y", "larger", "positive"]
    assert list(run(only_taps(model, names))) == ["larger", "y", "positive"]
    assert model.SerializeToString() == before


def test_every_layer_of_a_converted_network_and_its_logits_unchanged(
    converted: ir.Model, images: NDArray[np.uint8]
) -> None:
    model: onnx.ModelProto = ir.to_proto(converted)
    plain = run(model, image=images[:3])
    found = run(with_taps(model, tensors(model)), image=images[:3])
    assert len(found) == len(tensors(model))
    np.testing.assert_allclose(found["logits"], plain["logits"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["gone", "", "inner"])
def test_what_is_no_tensor_of_the_graph_is_named(name: str) -> None:
    model = chain()
    inner = helper.make_graph([helper.make_node("Relu", ["kept"], ["inner"])], "inner", [], [])
    inner.output.append(helper.make_tensor_value_info("inner", TensorProto.FLOAT, None))
    branches = {"then_branch": inner, "else_branch": inner}
    model.graph.node.append(helper.make_node("If", ["condition"], ["chosen"], **branches))
    with pytest.raises(ZooError, match=rf"no tensor '{name}'"):
        with_taps(model, [name])
    assert "chosen" in tensors(model)
