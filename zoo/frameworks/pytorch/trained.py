"""A trained network: its logits in fp32, and its conversion to ONNX."""

import onnx
import torch
from torch import nn

from zoo.data.dataset import Images
from zoo.frameworks.framework import Trained, Values
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.evaluate import logits_and_views, logits_of
from zoo.progress import Progress
from zoo.runs.run import RunCard


class TrainedNetwork(Trained):
    """A network from normalised pixels to logits, on a device."""

    def __init__(self, network: nn.Module, card: RunCard, device: torch.device) -> None:
        self.network = network
        self.card = card
        self.device = device

    def logits(self, images: Images, progress: Progress | None = None) -> Values:
        return self._shown(self.network, images, progress)

    def with_views(
        self, images: Images, progress: Progress | None = None
    ) -> tuple[Values, Values | None]:
        views = self.card.schedule.views
        if views == "none":
            return self.logits(images, progress), None
        maker = self._ready(self.network, images)
        plain, viewed = logits_and_views(self.network, images, maker, views, progress)
        return plain.numpy(), viewed.numpy()

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        # Here, for it takes long to import and only an export needs it.
        import onnx_ir as ir

        from zoo.frameworks.pytorch.convert import convert

        card, network = self.card, self.on_cpu(self.network)
        graph = convert(network, card.image_shape, card.mean, card.std, form, opset)
        return ir.to_proto(graph)

    def _shown(
        self, network: nn.Module, images: Images, progress: Progress | None = None
    ) -> Values:
        maker = self._ready(network, images)
        found: Values = logits_of(network, images, maker, progress=progress).numpy()
        return found

    def _ready(self, network: nn.Module, images: Images) -> BatchMaker:
        """A maker of image batches; moves the network to its device."""
        network.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        card = self.card
        return BatchMaker(torch.from_numpy(images), card.mean, card.std, card.schedule, self.device)

    @staticmethod
    def on_cpu(network: nn.Module) -> nn.Module:
        """The network, on the CPU."""
        plain: nn.Module = network.to("cpu", memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        return plain
