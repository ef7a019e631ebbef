"""Whatever wrote a graph, it comes out in one form, and computes the same."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from zoo.graphs.normalise import normalise
from zoo.ort.compatibility import IR_VERSIONS
from zoo.ort.session import open_session

OPSET, IR = 20, IR_VERSIONS[20]
NAMES = ("image", "logits")
WEIGHT = np.arange(6, dtype=np.float32).reshape(3, 2)


def graph_of(
    batch: int | str = "N",
    shapes: Sequence[onnx.ValueInfoProto] = (),
    weight_is_input: bool = False,
) -> ModelProto:
    """As some other tool writes it: a relu of a product of a constant, in its own names."""
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node(
            "Constant", [], ["two"], "c", value=numpy_helper.from_array(WEIGHT[:1, 1])
        ),
        helper.make_node("Mul", ["input_1", "two"], ["half"], "/some/where/mul", doc_string="here"),
        helper.make_node("MatMul", ["half", "w"], ["product"], "/some/where/matmul"),
        helper.make_node("Relu", ["product"], ["Identity:0"], "last"),
        helper.make_node("Neg", ["product"], ["nobody"], "unused"),
    ]
    given = [value("input_1", TensorProto.FLOAT, [batch, 3])]
    given += [value("w", TensorProto.FLOAT, [3, 2])] * weight_is_input
    graph = helper.make_graph(
        nodes,
        "main_graph",
        given,
        [value("Identity:0", TensorProto.FLOAT, [batch, 2])],
        [numpy_helper.from_array(WEIGHT, "w")],
        value_info=list(shapes),
        doc_string="/home/somebody/model.py",
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="tool"
    )


def normalised(model: ModelProto) -> ModelProto:
    graph = ir.from_proto(model)
    normalise(graph, NAMES, IR)
    found: ModelProto = ir.to_proto(graph)
    onnx.checker.check_model(found, full_check=True)
    return found


def known_shapes(model: ModelProto) -> set[str]:
    return {value.name for value in model.graph.value_info}


def answers(model: ModelProto, rows: int) -> np.ndarray:
    values = np.random.default_rng(0).standard_normal((rows, 3)).astype(np.float32)
    session = open_session(model.SerializeToString())
    (found,) = session.run({session.inputs[0].name: values})
    return found


@pytest.mark.parametrize("weight_is_input", [False, True])
def test_names_versions_and_constants_are_the_zoos(weight_is_input: bool) -> None:
    found = normalised(graph_of(weight_is_input=weight_is_input))
    assert [value.name for value in found.graph.input] == ["image"]
    assert [value.name for value in found.graph.output] == ["logits"]
    assert [node.name for node in found.graph.node] == ["Mul_0", "MatMul_0", "Relu_0"]
    assert {tensor.name for tensor in found.graph.initializer} == {"two", "w"}
    assert (found.ir_version, found.producer_name, found.graph.name) == (IR, "onnx-zoo", "network")
    assert b"some" not in found.SerializeToString()


@pytest.mark.parametrize("batch", [1, 2, "N", "batch"])
def test_any_batch_gives_the_same_answers(batch: int | str) -> None:
    found, source = normalised(graph_of(batch)), graph_of("N")
    for value in (*found.graph.input, *found.graph.output):
        assert value.type.tensor_type.shape.dim[0].dim_param == "batch"
    for rows in (1, 2, 7, 64):
        np.testing.assert_array_equal(answers(found, rows), answers(source, rows))


def test_shapes_that_contradict_the_graph_are_forgotten() -> None:
    """As jax2onnx leaves them: the checker and onnxruntime-web refuse them."""
    stale = helper.make_tensor_value_info("product", TensorProto.FLOAT, ["batch", 77])
    with pytest.raises(onnx.shape_inference.InferenceError):
        onnx.checker.check_model(graph_of("batch", [stale]), full_check=True)
    assert "MatMul_0" not in known_shapes(normalised(graph_of("batch", [stale])))


def test_shapes_that_hold_stay() -> None:
    right = helper.make_tensor_value_info("product", TensorProto.FLOAT, ["batch", 2])
    found = normalised(graph_of("batch", [right]))
    assert "MatMul_0" in known_shapes(found)


def test_weights_that_lie_beside_the_file_come_in(tmp_path: Path) -> None:
    path, beside = tmp_path / "model.onnx", tmp_path / "weights"
    onnx.save(graph_of(), path, save_as_external_data=True, size_threshold=0, location=beside.name)
    assert beside.exists()
    graph = ir.load(path)
    normalise(graph, NAMES, IR)
    beside.unlink()
    np.testing.assert_array_equal(answers(ir.to_proto(graph), 3), answers(graph_of(), 3))


def test_it_changes_nothing_the_second_time() -> None:
    once = normalised(graph_of(1))
    assert normalised(once) == once


def test_a_graph_of_several_outputs_is_refused() -> None:
    model = graph_of()
    model.graph.output.append(helper.make_tensor_value_info("nobody", TensorProto.FLOAT, ["N", 2]))
    with pytest.raises(ValueError, match="2 outputs"):
        normalise(ir.from_proto(model), NAMES, IR)


def test_a_graph_that_hides_the_shape_of_its_input_is_refused() -> None:
    model = graph_of()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ValueError, match="shape of its input input_1"):
        normalise(ir.from_proto(model), NAMES, IR)
