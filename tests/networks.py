"""A small network with every part that an export folds or rewrites."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.actions.trained import load_trained
from zoo.frameworks.pytorch.convert import convert
from zoo.frameworks.pytorch.trained import TrainedNetwork
from zoo.ort.session import open_session
from zoo.runs.run import Run

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
SIDE, CLASSES = 16, 5


class Net(nn.Module):
    """Normalisations before and behind convolutions, a pooling and a flattening."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.conv2 = nn.Conv2d(8, 8, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(8)
        self.norm3 = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(8 * 64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm2(torch.max_pool2d(self.conv2(torch.relu(self.norm1(self.conv1(x)))), 2))
        logits: Tensor = self.head(self.drop(self.norm3(torch.relu(x)).flatten(1)))
        return logits


def make_net(images: NDArray[np.uint8]) -> nn.Module:
    """Random, with batch statistics that are not those of the start, in evaluation mode.

    Its classes come up about equally often, so that a fault shows in them.
    """
    torch.manual_seed(7)
    net = Net()
    with torch.no_grad():
        for norm in (net.norm1, net.norm2, net.norm3):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.5, 0.5)
            norm.running_mean.uniform_(-0.5, 0.5)
            norm.running_var.uniform_(0.5, 2)
        net.eval()
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        logits = net((pixels / 255 - 0.4) / 0.25)
        net.head.weight.div_(logits.std(0)[:, None])
        net.head.bias.copy_(-(logits.mean(0) - net.head.bias) / logits.std(0))
    return net


@pytest.fixture
def net(images: NDArray[np.uint8]) -> nn.Module:
    """The same one each time, to be spoiled by a test."""
    return make_net(images)


@pytest.fixture(scope="session")
def images() -> NDArray[np.uint8]:
    """300 images uint8 [N, 16, 16, 3] of flat colours with noise."""
    draw = np.random.default_rng(3)
    colours = draw.integers(0, 200, (300, 1, 1, 3))
    return (colours + draw.integers(0, 56, (300, SIDE, SIDE, 3))).astype(np.uint8)


@pytest.fixture(scope="session")
def converted_once(images: NDArray[np.uint8]) -> ir.Model:
    """Converting takes seconds, most of them spent on nothing that depends on the net."""
    return convert(make_net(images), (SIDE, SIDE, 3), MEAN, STD)


@pytest.fixture
def converted(converted_once: ir.Model) -> ir.Model:
    """The net as an ONNX graph that takes pixels; a copy, to be spoiled by a test."""
    return converted_once.clone()


def answers(model: onnx.ModelProto, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The logits that a file gives for images."""
    return np.asarray(open_session(model.SerializeToString()).run({"image": images})[0])


def network_of(run: Run) -> nn.Module:
    """What a finished run of a PyTorch model has trained."""
    trained = load_trained(run, run.card())
    assert isinstance(trained, TrainedNetwork)
    return trained.network
