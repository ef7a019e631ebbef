"""Layers of a graph: which nodes are one, what they are called, and what they hold."""

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from zoo.graphs.anatomy import CONVOLUTION, LINEAR
from zoo.graphs.layers import anatomy_of


def model_of(*nodes: NodeProto, output: str, **tensors: object) -> ModelProto:
    """Never run: only the graph is looked at."""
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2, 4, 4])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.asarray(value, np.float32), name)
            for name, value in tensors.items()
        ],
    )
    return helper.make_model(graph)


def node(operator: str, inputs: str, output: str, **attributes: object) -> NodeProto:
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def test_a_bias_belongs_to_its_product_and_counts_with_it() -> None:
    model = model_of(
        node("Flatten", "x", "flat"),
        node("MatMul", "flat w", "product"),
        node("Add", "b product", "y"),
        output="y",
        w=np.zeros((32, 3)),
        b=np.zeros(3),
    )
    found = anatomy_of(model)
    (layer,) = found.layers
    assert (layer.macs, layer.bytes, layer.takes) == (32 * 3, 99 * 4, ())
    assert (layer.name, layer.kind, layer.operator, layer.parameters) == ("y", LINEAR, "MatMul", 99)
    assert found.filters
    assert (found.filters.tensor, found.filters.units_last) == ("w", True)


def test_what_others_take_too_is_shown_by_itself() -> None:
    model = model_of(
        node("MatMul", "x w", "product"),
        node("Add", "product b", "sum"),
        node("Mul", "product sum", "y"),
        output="y",
        w=np.zeros((4, 4)),
        b=np.zeros(4),
    )
    kinds = {layer.name: layer.kind for layer in anatomy_of(model).layers}
    assert kinds == {"product": LINEAR, "sum": "scale and shift", "y": "product"}
    takes = {layer.name: layer.takes for layer in anatomy_of(model).layers}
    assert takes == {"product": (), "sum": ("product",), "y": ("product", "sum")}


def test_moving_shapes_and_lone_numbers_are_no_layers() -> None:
    model = model_of(
        node("Shape", "x", "shape"),
        node("Concat", "shape shape", "shapes", axis=0),
        node("Mul", "x half", "halved"),
        node("Transpose", "halved", "turned"),
        node("Add", "turned x", "y"),
        output="y",
        half=0.5,
    )
    assert [(layer.name, layer.kind) for layer in anatomy_of(model).layers] == [("y", "sum")]
    assert anatomy_of(model).filters is None


def test_names_lose_their_clutter_and_stay_apart() -> None:
    model = model_of(
        node("Conv", "x w", "/layer1/layer1.0/conv1/Conv_output_0"),
        node("Relu", "/layer1/layer1.0/conv1/Conv_output_0", "345"),
        node("Sigmoid", "345", "end_output_0"),
        node("Tanh", "end_output_0", "end"),
        output="end",
        w=np.zeros((5, 2, 3, 3)),
    )
    found = anatomy_of(model)
    names = [layer.name for layer in found.layers]
    assert names == ["layer1.0/conv1/Conv", "Relu 345", "end_output_0", "end"]
    assert found.layers[0].parameters == 90
    assert found.filters
    assert (found.filters.layer, found.filters.kind) == ("layer1.0/conv1/Conv", CONVOLUTION)


def test_a_quantised_layer_gives_its_tensor_after_the_rounding() -> None:
    model = model_of(
        node("Conv", "x w", "c"),
        node("QuantizeLinear", "c s", "q"),
        node("DequantizeLinear", "q s", "c_DequantizeLinear_Output"),
        node("MaxPool", "c_DequantizeLinear_Output", "y", kernel_shape=[2, 2]),
        output="y",
        w=np.zeros((5, 2, 3, 3)),
        s=1.0,
    )
    found = [(layer.name, layer.tensor) for layer in anatomy_of(model).layers]
    assert found == [("c", "c_DequantizeLinear_Output"), ("y", "y")]


def test_each_layer_knows_those_before_it() -> None:
    model = model_of(
        node("Conv", "x w", "a"),
        node("Relu", "a", "b"),
        node("Transpose", "b", "turned"),
        node("Add", "turned a", "y"),
        output="y",
        w=np.zeros((2, 2, 1, 1)),
    )
    found = {layer.name: layer.takes for layer in anatomy_of(model).layers}
    assert found == {"a": (), "b": ("a",), "y": ("b", "a")}


def test_a_normalisation_knows_what_can_take_it_in() -> None:
    def folds(gain: float, pooled: bool) -> str:
        model = model_of(
            node("Conv", "x w", "a"),
            *([node("MaxPool", "a", "p", kernel_shape=[2, 2])] if pooled else []),
            node("BatchNormalization", f"{'p' if pooled else 'a'} g s m v", "y"),
            output="y",
            **{"w": np.zeros((2, 2, 1, 1)), "g": np.array([1, gain])},
            **dict.fromkeys("smv", np.ones(2)),
        )
        return anatomy_of(model).layers[-1].folds_into

    assert folds(1, pooled=False) == folds(-1, pooled=False) == "a"
    assert folds(1, pooled=True) == "a"
    assert folds(-1, pooled=True) == ""  # the smallest would become the largest
