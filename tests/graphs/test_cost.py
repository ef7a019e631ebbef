"""One count of parameters and multiply-adds: it agrees with torch's, and with the cards."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from tests.shared import CatalogGraph
from zoo.artifacts.artifact import Artifact, list_artifacts
from zoo.frameworks.pytorch.estimate import count_macs
from zoo.graphs.cost import cost_of, drop_weights
from zoo.ort.signature import PIXELS
from zoo.specs.catalog import MODELS, find_model
from zoo.specs.design import Design

PUBLISHED = list_artifacts(Path(__file__).parents[2] / "exports")
ALONE = sorted(
    name for name, spec in MODELS.items() if spec.framework == "pytorch" and not spec.way
)


@pytest.mark.parametrize("artifact", PUBLISHED, ids=lambda artifact: artifact.id)
def test_it_says_what_the_cards_of_published_models_say(artifact: Artifact) -> None:
    """A card has the parameters that were trained; a file does not tell which stood still."""
    card, spec = artifact.card, find_model(artifact.card.model)
    design = Design.from_json(card.design) if card.design else None
    network = spec.build(card.image_shape, len(card.class_names), design)
    still = 0
    if spec.framework == "pytorch" and not design:
        still = sum(p.numel() for p in network.parameters() if not p.requires_grad)
    found = cost_of(onnx.load(artifact.checked("fp32.onnx")))
    assert (found.parameters - still, found.macs) == (card.parameters, card.macs)
    assert (found.opset, found.precisions) == (card.opset, ("fp32",))


@pytest.mark.parametrize("artifact", PUBLISHED, ids=lambda artifact: artifact.id)
def test_an_int8_file_computes_mostly_in_integers(artifact: Artifact) -> None:
    found = cost_of(onnx.load(artifact.checked("int8.onnx")))
    assert found.precisions[0] == "int8"
    assert found.macs == pytest.approx(artifact.card.macs, rel=0.05)  # layers are padded
    assert found.parameters == pytest.approx(artifact.card.parameters, rel=0.05)


@pytest.mark.parametrize("name", ALONE)
def test_it_counts_as_torch_does(name: str, catalog_graph: CatalogGraph) -> None:
    network, graph = catalog_graph(name, PIXELS)
    found = cost_of(graph)
    assert found.macs == count_macs(network.eval(), (32, 32, 3))
    zeros = sum(  # a convolution's bias of nothing but zeros is left out of the file
        layer.out_channels
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d) and layer.bias is not None and not layer.bias.any()
    )
    assert found.parameters + zeros == sum(weight.numel() for weight in network.parameters())


def test_it_counts_what_torch_itself_writes(tmp_path: Path) -> None:
    """Folded normalisations, fixed batch, and a depthwise and a transposed convolution."""
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, groups=1, padding=1, stride=2),
        nn.Conv2d(8, 8, 3, groups=8, padding=1),
        nn.ConvTranspose2d(8, 4, 2, stride=2),
        nn.Flatten(),
        nn.Linear(4 * 16 * 16, 10),
    )
    path = tmp_path / "plain.onnx"
    torch.onnx.export(
        network.eval(), (torch.zeros(1, 3, 16, 16),), path, dynamo=True, verbose=False
    )
    found = cost_of(onnx.load(path))
    assert found.macs == count_macs(network, (16, 16, 3))
    assert found.parameters == sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("artifact", PUBLISHED, ids=lambda artifact: artifact.id)
def test_the_values_of_weights_do_not_matter(artifact: Artifact) -> None:
    for precision in artifact.precisions:
        model = onnx.load(artifact.checked(f"{precision}.onnx"))
        whole, size = cost_of(model), model.ByteSize()
        drop_weights(model)
        assert model.ByteSize() < size / 2
        assert cost_of(model) == whole


@pytest.fixture
def product() -> Callable[..., onnx.ModelProto]:
    """One product of a flat image and a weight, in given numbers, and perhaps something behind."""

    def make(kind: int = TensorProto.FLOAT, *behind: onnx.NodeProto) -> onnx.ModelProto:
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        weight = numpy_helper.from_array(np.ones((6, 4), dtype), "weight")
        bias = numpy_helper.from_array(np.ones(4, dtype), "bias")
        graph = helper.make_graph(
            [helper.make_node("MatMul", ["x", "weight"], ["y"]), *behind],
            "product",
            [helper.make_tensor_value_info("x", kind, ["batch", 6])],
            [helper.make_tensor_value_info("y", kind, ["batch", 4])],
            [weight, bias],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])

    return make


@pytest.mark.parametrize(
    ("kind", "name"), [(TensorProto.FLOAT, "fp32"), (TensorProto.FLOAT16, "fp16")]
)
def test_the_numbers_that_it_computes_in(
    product: Callable[..., onnx.ModelProto], kind: int, name: str
) -> None:
    found = cost_of(product(kind))
    assert (found.opset, found.parameters, found.macs) == (18, 24, 24)
    assert found.precisions == (name,)


def test_a_bias_that_is_added_counts(product: Callable[..., onnx.ModelProto]) -> None:
    add = helper.make_node("Add", ["y", "bias"], ["z"])
    assert cost_of(product(TensorProto.FLOAT, add)).parameters == 28


def test_what_it_cannot_count_it_does_not_say(product: Callable[..., onnx.ModelProto]) -> None:
    other = helper.make_node("Einsum", ["y", "y"], ["z"], equation="ij,ij->i")
    assert cost_of(product(TensorProto.FLOAT, other)).macs is None
    model = product()
    model.graph.input[0].type.tensor_type.ClearField("shape")
    assert cost_of(model).macs is None
