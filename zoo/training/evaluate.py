"""Logits of a network over a whole split, plain and with test-time views."""

from contextlib import AbstractContextManager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.data.dataset import Images
from zoo.progress import Progress
from zoo.training.augment import BatchMaker
from zoo.training.hardware import PRECISIONS

EVALUATION_BATCH = 500


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Compute the block in `precision`; fp32 switches autocast off."""
    return torch.autocast(
        device.type, PRECISIONS[precision], enabled=precision != "fp32", cache_enabled=True
    )


@torch.inference_mode()
def logits_of(
    network: nn.Module,
    images: Images | Tensor,
    maker: BatchMaker,
    *,
    pictures: Tensor | None = None,
    precision: str = "fp32",
    views: str = "none",
    progress: Progress | None = None,
) -> Tensor:
    """Logits float32 [N, classes] on the CPU for images uint8 [N, H, W, C].

    pictures: int64 indices of the ones to look at; all unless told.
    views: `mirror` averages the logits of a picture and its mirror image.
    """
    network.eval()
    stored = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    wanted = torch.arange(len(stored)) if pictures is None else pictures
    parts = []
    with (progress or Progress()).task("evaluate", len(wanted)) as advance:
        for some in torch.split(wanted, EVALUATION_BATCH):
            batch = maker.plain(stored[some.to(stored.device)])
            with autocast(maker.device, precision):
                logits = network(batch).float()
                if views == "mirror":
                    logits = (logits + network(batch.flip(-1)).float()) / 2
            parts.append(logits)
            advance(len(batch))
    return torch.cat(parts).cpu()


def accuracy_of(logits: Tensor, labels: NDArray[np.int64] | Tensor) -> float:
    """Share of pictures whose largest logit is their label's."""
    return float((logits.argmax(1) == torch.as_tensor(labels)).float().mean())
