"""Files that this project's export did not make: plain `torch.onnx.export`, onnxruntime's tools."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn

from zoo.data import load
from zoo.ort.given import Given

MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.3, 0.35)
TOLD = Given(MEAN, STD, "digits")
SIDE = 32


class Small(nn.Module):
    """A network for digits, fitted in a moment: random features, a head that suits them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 5, 2), nn.ReLU(), nn.AvgPool2d(3, 2), nn.Flatten()
        )
        self.head = nn.Linear(576, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits of normalised images [N, 3, H, W]."""
        return self.head(self.features(images))


def normalised(images: np.ndarray, given: Given = TOLD) -> Tensor:
    """Images uint8 [N, H, W, C] as the network takes them."""
    pixels = torch.from_numpy(np.array(images)).float().permute(0, 3, 1, 2) / 255
    shape = (1, 3, 1, 1)
    return (pixels - torch.tensor(given.mean).view(shape)) / torch.tensor(given.std).view(shape)


def fitted() -> Small:
    """The network with the head that suits its features best."""
    network, train = Small().eval(), load("digits").train
    with torch.no_grad():
        features = network.features(normalised(train.images))
        wide = torch.cat([features, torch.ones(len(features), 1)], 1).double()
        wanted = 10 * nn.functional.one_hot(torch.from_numpy(np.array(train.labels)), 10).double()
        gram = wide.T @ wide + 1e-3 * torch.eye(wide.shape[1]).double()
        found = torch.linalg.solve(gram, wide.T @ wanted).float()
        network.head.weight.copy_(found[:-1].T)
        network.head.bias.copy_(found[-1])
    return network


class Adapted(nn.Module):
    """A network behind another input and output. nhwc: channels come last; out: see `forward`."""

    def __init__(self, network: nn.Module, *, nhwc: bool = False, out: str = "logits") -> None:
        super().__init__()
        self.network, self.nhwc, self.out = network, nhwc, out

    def forward(self, images: Tensor) -> Any:
        """Logits, their softmax, a map of one place, or the features beside the logits."""
        images = images.permute(0, 3, 1, 2) if self.nhwc else images
        logits = self.network(images)
        if self.out == "softmax":
            return logits.softmax(1)
        if self.out == "map":
            return logits[:, :, None, None]
        return (self.network.features(images), logits) if self.out == "two" else logits


@dataclass(frozen=True)
class Form:
    """One way in which such a file is written."""

    name: str
    nhwc: bool = False
    out: str = "logits"
    fixed: bool = False  # its batch, to 1
    half: bool = False
    free: bool = False  # its sides
    quantised: bool = False
    external: bool = False
    given: Given = TOLD


FORMS = (
    Form("nchw"),
    Form("nhwc", nhwc=True),
    Form("softmax", out="softmax"),
    Form("map", out="map"),
    Form("two", out="two"),
    Form("named", out="two", given=Given(MEAN, STD, "digits", output="scores")),
    Form("fixed", fixed=True),
    Form("fp16", half=True),
    Form("free", free=True, given=Given(MEAN, STD, "digits", size=(SIDE, SIDE))),
    Form("quantised", quantised=True),
    Form("external", external=True),
    Form("torchvision"),
    Form("zoo"),
)


def write(form: Form, network: nn.Module, path: Path) -> Path:
    """Export the network in that form; the only output is called `scores`, which says nothing."""
    image = torch.zeros(2 if not form.fixed else 1, 3, SIDE, SIDE)
    image = image.permute(0, 2, 3, 1).contiguous() if form.nhwc else image
    model = Adapted(network, nhwc=form.nhwc, out=form.out).eval()
    if form.half:
        model, image = Adapted(to_half(network), nhwc=form.nhwc, out=form.out).eval(), image.half()
    free = {} if form.fixed else {0: "n"} | ({2: "h", 3: "w"} if form.free else {})
    names = ["inner", "scores"] if form.out == "two" else ["scores"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own exporter deprecates parts of itself
        torch.onnx.export(
            model,
            (image,),
            str(path),
            input_names=["x"],
            output_names=names,
            dynamic_axes={"x": free, **{name: {0: "n"} for name in names}} if free else None,
            opset_version=17,
            dynamo=False,
        )
    if form.quantised:
        quantize_dynamic(path, path, weight_type=QuantType.QUInt8)
    if form.external:
        onnx.save(
            onnx.load(path), path, save_as_external_data=True, location="weights", size_threshold=0
        )
    return path


def to_half(network: nn.Module) -> nn.Module:
    """A copy in half precision."""
    half = Small().eval()
    half.load_state_dict(network.state_dict())
    return half.half()
