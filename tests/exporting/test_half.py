"""fp16: all of a graph, or all but its first layers."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from tests.networks import answers
from zoo.exporting.half import to_half
from zoo.exporting.quantize import layers
from zoo.frameworks.pytorch.convert import convert
from zoo.graphs.fusable import fusable
from zoo.ort.signature import BARE
from zoo.parity import distance

pytestmark = pytest.mark.usefixtures("one_thread")
FLOAT, FLOAT16 = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16


@pytest.fixture(scope="module")
def branched() -> onnx.ModelProto:
    """A sum across layers, so that several tensors go over, and limits that all layers share."""
    torch.manual_seed(5)

    class Branched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3, padding=1)
            self.second = nn.Conv2d(8, 8, 3, padding=1)
            self.third = nn.Conv2d(8, 8, 3, padding=1)
            self.head = nn.Linear(8, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = nn.functional.relu6(self.first(x))
            y = nn.functional.relu6(self.second(x))
            y = x + nn.functional.relu6(self.third(y))
            logits: torch.Tensor = self.head(y.mean(dim=(2, 3)))
            return logits

    network = Branched().eval()
    return ir.to_proto(fusable(convert(network, (16, 16, 3), (0.5,) * 3, (0.2,) * 3)))


@pytest.mark.parametrize("count", [0, 1])
def test_a_float_input_is_cast_before_it_is_used(count: int) -> None:
    """The converter puts that cast last, which the checker refuses."""
    torch.manual_seed(5)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 5))
    bare = ir.to_proto(convert(network.eval(), (8, 8, 3), (0.5,) * 3, (0.2,) * 3, BARE))
    half = to_half(bare, layers(bare)[:count])
    onnx.checker.check_model(half, full_check=True)
    assert kinds(half) == [FLOAT] * count + [FLOAT16] * (2 - count)


def kinds(model: onnx.ModelProto) -> list[int]:
    """Of the layers' weights."""
    types = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    nodes = {node.name: node for node in model.graph.node}
    return [types[nodes[name].input[1]] for name in layers(model)]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_first_layers_stay_in_fp32(
    branched: onnx.ModelProto, images: NDArray[np.uint8], count: int
) -> None:
    half = to_half(branched, layers(branched)[:count])
    onnx.checker.check_model(half, full_check=True)
    assert kinds(half) == [FLOAT] * count + [FLOAT16] * (4 - count)
    for value in (*half.graph.input, *half.graph.output):
        assert value in (*branched.graph.input, *branched.graph.output)
    names = [tensor.name for tensor in half.graph.initializer]
    assert len(names) == len(set(names))
    away = distance(answers(half, images), answers(branched, images))
    assert 0 < away < 0.01


def test_answers_come_nearer_when_the_layer_that_loses_stays_in_fp32(
    branched: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    """Large weights that cancel on images of one colour, as long as none of them is rounded."""
    flat = np.broadcast_to(images.mean(axis=(1, 2), keepdims=True), images.shape)
    images = flat.astype(np.uint8)
    model = onnx.ModelProto()
    model.CopyFrom(branched)
    weight = next(tensor for tensor in model.graph.initializer if tensor.name == "first.weight")
    numbers = onnx.numpy_helper.to_array(weight) + np.float32(50.3)
    numbers[:, :, 1, 1] -= np.float32(9 * 50.3)
    weight.CopyFrom(onnx.numpy_helper.from_array(numbers, weight.name))
    wanted = answers(model, images)
    whole, but_one = (
        distance(answers(to_half(model, given), images), wanted) for given in ([], ["Conv_0"])
    )
    assert but_one < 0.1 * whole


def test_only_the_first_layers_can_stay(branched: onnx.ModelProto) -> None:
    with pytest.raises(AssertionError, match="Conv_1: not the first layers"):
        to_half(branched, ["Conv_1"])


def test_the_model_itself_is_left_alone(branched: onnx.ModelProto) -> None:
    before = branched.SerializeToString(deterministic=True)
    to_half(branched, ["Conv_0"])
    assert branched.SerializeToString(deterministic=True) == before
