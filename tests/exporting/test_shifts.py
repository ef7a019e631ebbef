"""What rounding weights moves, on average, and that the bias takes it back."""

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
from zoo.parity import distance

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE, MEAN, STD = 16, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Mirrored(nn.Module):
    """A filter a channel, and each image seen beside its mirror image: twice as many rows."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            nn.ReLU6(),
            nn.Conv2d(16, 16, 3, padding=1, groups=16),
            nn.ReLU6(),
            nn.Conv2d(16, 32, 1),
            nn.ReLU6(),
        )
        self.head = nn.Linear(32, 5)

    def forward(self, x: Tensor) -> Tensor:
        both = self.maps(torch.cat([x, x.flip(3)])).mean(dim=(2, 3))
        logits: Tensor = self.head(both.reshape(2, -1, 32).mean(dim=0))
        return logits


@pytest.fixture(scope="module")
def mirrored() -> onnx.ModelProto:
    torch.manual_seed(2)
    network = Mirrored().eval()
    with torch.no_grad():  # of the filters a channel, all weights but the largest are rounded down
        weight = network.maps[2].weight
        weight.copy_(torch.randint(-10, 20, weight.shape) + 0.45).mul_(0.01)
        weight[:, :, 1, 1] = 0.64
    return prepare(convert(network, (SIDE, SIDE, 3), MEAN, STD))


def test_it_is_the_mean_over_images_and_pixels_whatever_the_rows_of_a_layer(
    mirrored: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    """More images than are seen at once, and a last batch that is smaller."""
    rounded = quantize(mirrored, calibrate(mirrored, images))
    shifts = mean_shifts(mirrored, rounded, images)
    assert list(shifts) == layers(mirrored)
    by_name = {one.name: onnx.numpy_helper.to_array(one) for one in mirrored.graph.initializer}
    first = next(node for node in mirrored.graph.node if node.op_type == "Conv")
    weight = torch.tensor(by_name[first.input[1]])
    scale = weight.abs().amax(dim=(1, 2, 3), keepdim=True) / 64
    error = weight - (weight / scale).round() * scale
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    pixels = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    both = torch.cat([pixels, pixels.flip(3)])
    wanted = torch.conv2d(both, error, padding=1).mean(dim=(0, 2, 3))
    assert shifts[first.name] == pytest.approx(wanted.tolist(), rel=0.01, abs=1e-6)


def test_logits_are_no_longer_too_high_or_too_low_on_all_images(
    mirrored: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    seen, others = images[:150], images[150:]
    ranges = calibrate(mirrored, seen)
    shifts = mean_shifts(mirrored, quantize(mirrored, ranges), seen)
    wanted = answers(mirrored, others)
    plain, shifted = (
        answers(quantize(mirrored, ranges, (), given), others) - wanted for given in (None, shifts)
    )
    assert np.abs(shifted.mean(axis=0)).max() < 0.3 * np.abs(plain.mean(axis=0)).max()
    assert distance(shifted + wanted, wanted) < distance(plain + wanted, wanted)


def test_a_shift_moves_what_a_layer_gives_unless_it_is_left_in_float(
    mirrored: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    head = layers(mirrored)[-1]
    shift = (0.5, -0.25, 0.0, 0.125, 1.0)
    ranges = calibrate(mirrored, images) | {"logits": (-4.0, 4.0)}
    plain = answers(quantize(mirrored, ranges), images)
    moved = answers(quantize(mirrored, ranges, (), {head: shift}), images)
    step = 8 / 255
    np.testing.assert_allclose(moved - plain, np.tile(shift, (len(images), 1)), atol=1.01 * step)
    left = [quantize(mirrored, ranges, [head], given) for given in ({}, {head: shift})]
    assert left[0] == left[1]


def test_a_layer_that_had_no_bias_gets_one(
    mirrored: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    first = layers(mirrored)[0]
    ranges = calibrate(mirrored, images)
    inputs = [
        next(len(node.input) for node in model.graph.node if node.name == first)
        for model in (mirrored, quantize(mirrored, ranges, (), {first: (0.1,) * 16}))
    ]
    assert inputs == [2, 3]
