"""A finished network: what it says of images, in fp32, and how it is turned into ONNX."""

import onnx
import onnx_ir as ir
import torch
from torch import nn

from zoo.data.dataset import Images
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.convert import convert
from zoo.frameworks.pytorch.evaluate import logits_of
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedNetwork(Trained):
    """A network from normalised pixels to logits, on a device."""

    def __init__(self, network: nn.Module, card: RunCard, device: torch.device) -> None:
        self.network = network
        self.card = card
        self.device = device

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        return self._shown(self.network, images, "none", progress)

    def views(self, images: Images, progress: Progress | None = None) -> Values | None:
        views = self.card.schedule.views
        return None if views == "none" else self._shown(self.network, images, views, progress)

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        card, network = self.card, self.on_cpu(self.network)
        graph = convert(network, card.image_shape, card.mean, card.std, form, opset)
        return ir.to_proto(graph)

    def _shown(
        self, network: nn.Module, images: Images, views: str, progress: Progress | None = None
    ) -> Values:
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        stored, card = torch.from_numpy(images), self.card
        maker = BatchMaker(stored, card.mean, card.std, card.schedule, self.device)
        found: Values = logits_of(network, stored, maker, views=views, progress=progress).numpy()
        return found

    @staticmethod
    def on_cpu(network: nn.Module) -> nn.Module:
        """It, as it was made."""
        plain: nn.Module = network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return plain
