"""The graph is the network: its parameters by name, few nodes, nothing of where it was made."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.shared import CatalogGraph
from zoo.errors import UsageError
from zoo.frameworks.pytorch.convert import convert
from zoo.ort.compatibility import IR_VERSIONS
from zoo.ort.session import open_session
from zoo.ort.signature import BARE, FORMS, PIXELS
from zoo.specs.catalog import MODELS

pytestmark = pytest.mark.usefixtures("one_thread")
ALONE = [name for name, spec in MODELS.items() if spec.framework == "pytorch" and not spec.way]
SIDE, MEAN, STD = 16, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def proto_of(model: ir.Model) -> onnx.ModelProto:
    return ir.to_proto(model)


def normalised(images: NDArray[np.uint8]) -> torch.Tensor:
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_pixels_give_the_logits_of_the_network(
    net: nn.Module, converted: ir.Model, images: NDArray[np.uint8], batch: int
) -> None:
    some = images[:batch]
    with torch.inference_mode():
        wanted = net(normalised(some)).numpy()
    (found,) = open_session(proto_of(converted).SerializeToString()).run({"image": some})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_the_bare_network_takes_normalised_images(
    net: nn.Module, images: NDArray[np.uint8]
) -> None:
    bare = proto_of(convert(net, (SIDE, SIDE, 3), MEAN, STD, BARE))
    session = open_session(bare.SerializeToString())
    assert session.inputs[0].dtype == "float32"
    assert session.inputs[0].shape[1:] == (3, SIDE, SIDE)
    values = normalised(images[:3])
    with torch.inference_mode():
        wanted = net(values).numpy()
    (found,) = session.run({"image": values.numpy()})
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("form", FORMS)
def test_every_model_keeps_its_parameters_and_needs_few_more_nodes(
    name: str, form: str, catalog_graph: CatalogGraph
) -> None:
    network, proto = catalog_graph(name, form)
    onnx.checker.check_model(proto, full_check=True)
    initializers = {tensor.name: tensor for tensor in proto.graph.initializer}
    state = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
    for key, value in state.items():
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(initializers[key]), value.numpy())
    extra = {key for key in initializers if key not in state and not key.startswith("constant_")}
    assert extra == ({"pixel_scale", "pixel_offset"} if form == PIXELS else set())
    operators = [node.op_type for node in proto.graph.node]
    start = ["Transpose", "Cast", "Mul", "Add"] if form == PIXELS else []
    assert operators[: len(start)] == start
    dead = {"Identity", "Shape", "Expand", "Dropout", "Constant", "Transpose", "Cast", "Mul", "Add"}
    assert not dead & set(operators[len(start) :])


def test_nothing_tells_where_it_was_made(converted: ir.Model) -> None:
    proto = proto_of(converted)
    things = [proto, proto.graph, *proto.graph.node, *proto.graph.input, *proto.graph.initializer]
    assert not any(thing.doc_string for thing in things)
    assert not any(len(node.metadata_props) for node in proto.graph.node)
    assert b".py" not in proto.SerializeToString()


def test_the_same_network_gives_the_same_bytes(net: nn.Module) -> None:
    twice = [
        proto_of(convert(net, (SIDE, SIDE, 3), MEAN, STD)).SerializeToString(deterministic=True)
        for _ in range(2)
    ]
    assert twice[0] == twice[1]


def test_only_the_batch_is_free(converted: ir.Model) -> None:
    image = proto_of(converted).graph.input[0]
    dims = image.type.tensor_type.shape.dim
    assert dims[0].dim_param == "batch"
    assert [dim.dim_value for dim in dims[1:]] == [SIDE, SIDE, 3]


@pytest.mark.parametrize("opset", IR_VERSIONS)
def test_each_opset_is_what_the_file_says(net: nn.Module, opset: int) -> None:
    proto = proto_of(convert(net, (SIDE, SIDE, 3), MEAN, STD, opset=opset))
    assert [(entry.domain, entry.version) for entry in proto.opset_import] == [("", opset)]
    assert proto.ir_version == IR_VERSIONS[opset]


def test_an_unknown_input_is_refused(net: nn.Module) -> None:
    with pytest.raises(UsageError, match="uint8-nhwc"):
        convert(net, (SIDE, SIDE, 3), MEAN, STD, "uint9-nhwc")
