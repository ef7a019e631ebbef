"""Logits of a network over a whole split, plain and with test-time views."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from zoo.frameworks.pytorch.vectors import Maker
from zoo.machine.devices import PRECISIONS
from zoo.models.resize import Resize
from zoo.progress import Progress

EVALUATION_NUMBERS = 500 * 64 * 64 * 3  # pixels at once, over all images
EVALUATION_BATCH = 500  # images at once, however small they are


def autocast(device: torch.device, precision: str) -> AbstractContextManager[None]:
    """Compute the block in `precision`; fp32 switches autocast off."""
    return torch.autocast(
        device.type, PRECISIONS[precision], enabled=precision != "fp32", cache_enabled=True
    )


@torch.inference_mode()
def logits_of(
    network: nn.Module,
    images: NDArray[Any] | Tensor,
    maker: Maker,
    *,
    indices: Tensor | None = None,
    precision: str = "fp32",
    progress: Progress | None = None,
) -> Tensor:
    """Logits float32 [N, classes] on the CPU for images uint8 [N, H, W, C], or latents [N, D].

    indices: int64 indices of the ones to look at; default: all.
    """
    stored = torch.from_numpy(images) if isinstance(images, np.ndarray) else images
    wanted = torch.arange(len(stored)) if indices is None else indices
    parts = []
    for batch in _batches(network, stored, wanted, maker, progress):
        with autocast(maker.device, precision):
            parts.append(_plain(network, batch))
    return torch.cat(parts).cpu()


@torch.inference_mode()
def logits_and_views(
    network: nn.Module,
    images: NDArray[Any],
    maker: Maker,
    views: str,
    progress: Progress | None = None,
) -> tuple[Tensor, Tensor]:
    """`logits_of` all images, and the same with test-time views, of which the image is one.

    views: `mirror` averages the logits of an image and its mirror image; `six` those and the same
    of the image moved by a pixel up left and down right, at half the weight.
    """
    stored = torch.from_numpy(images)
    plain, viewed = [], []
    for batch in _batches(network, stored, torch.arange(len(stored)), maker, progress):
        plain.append(_plain(network, batch))
        viewed.append(_VIEWS[views](network, batch, plain[-1]))
    return torch.cat(plain).cpu(), torch.cat(viewed).cpu()


def _batches(
    network: nn.Module, stored: Tensor, wanted: Tensor, maker: Maker, progress: Progress | None
) -> Iterator[Tensor]:
    """The images at `wanted` as a network in evaluation mode takes them, some at a time."""
    network.eval()
    with (progress or Progress()).task("evaluate", len(wanted)) as advance:
        for some in torch.split(wanted, _at_once(network, stored[0].numel())):
            yield maker.plain(stored[some.to(stored.device)])
            advance(len(some))


def _at_once(network: nn.Module, numbers: int) -> int:
    """How many images of so many `numbers` to process at once; a network may first enlarge them."""
    resizes = [module for module in network.modules() if isinstance(module, Resize)]
    grown = numbers * max([1.0, *(resize.growth for resize in resizes)])
    return max(1, min(EVALUATION_BATCH, int(EVALUATION_NUMBERS / grown)))


def accuracy_of(logits: Tensor, labels: NDArray[np.int64] | Tensor) -> float:
    """Share of images whose largest logit is their label's."""
    return float((logits.argmax(1) == torch.as_tensor(labels)).float().mean())


def _plain(network: nn.Module, batch: Tensor) -> Tensor:
    logits: Tensor = network(batch).float()
    return logits


def _mirror(network: nn.Module, batch: Tensor, plain: Tensor) -> Tensor:
    """plain: what the network says of the batch as it is."""
    return (plain + _plain(network, batch.flip(-1))) / 2


def _six(network: nn.Module, batch: Tensor, plain: Tensor) -> Tensor:
    padded = pad(batch, (1, 1, 1, 1), mode="reflect")
    up_left, down_right = (
        _mirror(network, moved, _plain(network, moved))
        for moved in (padded[:, :, 2:, 2:], padded[:, :, :-2, :-2])
    )
    return (_mirror(network, batch, plain) + (up_left + down_right) / 2) / 2


_VIEWS = {"mirror": _mirror, "six": _six}
