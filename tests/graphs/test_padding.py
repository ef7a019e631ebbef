"""Layers of int8 files are padded to widths that every kernel adds up right; no sum changes."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tests.networks import answers
from zoo.exporting.quantize import calibrate, layers, prepare, quantize
from zoo.exporting.shifts import mean_shifts
from zoo.frameworks.pytorch.convert import convert
from zoo.graphs.padding import pad, stay_in_float
from zoo.graphs.products import integer_products

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE, MEAN, STD = 16, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Narrow(nn.Module):
    """24 channels into a convolution, 20 into a linear layer behind another, 18 classes."""

    def __init__(self, kernel: int = 5) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(3, 24, kernel, padding=kernel // 2, bias=False),
            nn.GELU(),
            nn.MaxPool2d(2),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Linear(32, 20), nn.ReLU(), nn.Linear(20, 18))

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.maps(x).mean(dim=(2, 3)))
        return logits


class Branching(nn.Module):
    """Channels that are added to others, joined with others, and seen in groups."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 24, 3, padding=1)
        self.second = nn.Conv2d(24, 24, 3, padding=1)
        self.grouped = nn.Conv2d(48, 48, 3, padding=1, groups=2)
        self.single = nn.Conv2d(48, 48, 3, padding=1, groups=48)
        self.head = nn.Linear(48, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        x = x + torch.relu(self.second(x))
        x = torch.relu(self.grouped(torch.cat([x, x.flip(3)], 1)))
        logits: Tensor = self.head(torch.relu(self.single(x)).mean(dim=(2, 3)))
        return logits


def prepared_of(make: Callable[[], nn.Module]) -> onnx.ModelProto:
    torch.manual_seed(4)
    return prepare(convert(make().eval(), (SIDE, SIDE, 3), MEAN, STD))


@pytest.fixture(scope="module")
def narrow() -> onnx.ModelProto:
    return prepared_of(Narrow)


@pytest.fixture(scope="module")
def branching() -> onnx.ModelProto:
    return prepared_of(Branching)


def shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Of the weights of each layer."""
    sides = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.name in layers(model)]
    return {node.name: sides[node.input[1]] for node in nodes}


def test_the_layer_behind_takes_no_notice_of_what_is_added(
    narrow: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    assert stay_in_float(narrow) == ()
    padded = pad(narrow, ())
    onnx.checker.check_model(padded, full_check=True)
    assert shapes(padded) == {
        "Conv_0": [32, 3, 5, 5],
        "Conv_1": [32, 32, 3, 3],
        "Gemm_0": [32, 32],
        "Gemm_1": [32, 32],
    }
    np.testing.assert_allclose(answers(padded, images), answers(narrow, images), atol=1e-5)


def test_what_is_behind_the_last_layer_is_cut_off(
    narrow: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    padded = pad(narrow, ())
    last = padded.graph.node[-1]
    assert (last.op_type, list(last.output)) == ("Slice", ["logits"])
    assert answers(padded, images).shape == (len(images), 18)


def test_layers_in_float_are_left_as_they_are_but_for_inputs(narrow: onnx.ModelProto) -> None:
    assert shapes(pad(narrow, ["Conv_0", "Gemm_1"])) == shapes(narrow) | {
        "Gemm_0": [32, 32],
        "Gemm_1": [18, 32],
    }
    assert pad(narrow, layers(narrow)) == narrow


def test_channels_that_meet_others_are_cut_off_at_once(
    branching: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    padded = pad(branching, stay_in_float(branching))
    onnx.checker.check_model(padded, full_check=True)
    assert [node.op_type for node in padded.graph.node].count("Slice") >= 2
    assert shapes(padded) == shapes(branching) | {"Conv_0": [32, 3, 3, 3], "Conv_1": [32, 24, 3, 3]}
    wanted = answers(branching, images)
    np.testing.assert_allclose(answers(padded, images), wanted, atol=1e-5)


def test_groups_of_an_uneven_width_stay_in_float(
    branching: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    """Not those of one channel, which are no wider than a tile."""
    assert stay_in_float(branching) == ("Conv_2",)
    products = {
        product.node: product.width
        for product in integer_products(quantize(branching, calibrate(branching, images)))
    }
    assert products == {"Conv_0": 32, "Conv_1": 32, "Conv_3": 1, "Gemm_0": 5}


def test_a_layer_stays_in_float_where_padding_is_more_work_than_it_is_itself(
    images: NDArray[np.uint8],
) -> None:
    """24 filters of 3 weights on 256 pixels, against 8 x 9 more for 32 filters on 64 pixels."""
    prepared = prepared_of(lambda: Narrow(1))
    assert stay_in_float(prepared) == ("Conv_0",)
    ranges = calibrate(prepared, images)
    (first,) = [node for node in quantize(prepared, ranges).graph.node if node.name == "Conv_0"]
    assert first.input[1] in {tensor.name for tensor in prepared.graph.initializer}


@pytest.mark.parametrize("name", ["narrow", "branching"])
def test_no_integer_product_of_a_file_is_uneven_and_answers_are_those_without_padding(
    name: str,
    request: pytest.FixtureRequest,
    images: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared = request.getfixturevalue(name)
    ranges = calibrate(prepared, images)
    shifts = mean_shifts(prepared, quantize(prepared, ranges), images)
    assert [len(shift) for shift in shifts.values()] == [
        shape[0] for layer, shape in shapes(prepared).items() if layer in shifts
    ]
    padded = quantize(prepared, ranges, (), shifts)
    onnx.checker.check_model(padded, full_check=True)
    assert [product for product in integer_products(padded) if product.uneven] == []
    monkeypatch.setattr("zoo.exporting.quantize.pad", lambda model, in_float: model)
    plain = quantize(prepared, ranges, (), shifts)
    assert any(product.uneven for product in integer_products(plain))
    assert mean_shifts(prepared, plain, images).keys() == shifts.keys()
    low, high = ranges["logits"]  # a step more or less where a cut keeps two nodes apart
    found, wanted = answers(padded, images), answers(plain, images)
    np.testing.assert_allclose(found, wanted, atol=1.01 * (high - low) / 255)
    assert (found == wanted).mean() > 0.8
