"""A small job to train."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from tests.networks import converted, converted_once, images, net
from zoo.frameworks.pytorch.job import Job
from zoo.specs.recipe import Recipe

__all__ = ["converted", "converted_once", "images", "net"]


def _images(count: int, side: int = 16, channels: int = 3) -> tuple[Tensor, Tensor]:
    """Noise whose brightness tells the class: a small net learns it in a few steps."""
    draw = torch.Generator().manual_seed(5)
    labels = torch.arange(count) % 4
    noise = torch.randint(0, 60, (count, side, side, channels), generator=draw)
    return (noise + 48 * labels[:, None, None, None]).to(torch.uint8), labels


@pytest.fixture
def make_job() -> Callable[..., Job]:
    """A job on 256 small images of 4 classes; every part may be replaced."""

    def make(
        network: nn.Module | None = None, recipe: Recipe | None = None, **parts: object
    ) -> Job:
        images, labels = _images(256)
        torch.manual_seed(3)
        network = network or nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(8 * 16 * 16, 4),
        )
        values: dict[str, object] = {
            "images": images,
            "labels": labels,
            "indices": torch.arange(len(labels)),
            "mean": (0.5, 0.5, 0.5),
            "std": (0.25, 0.25, 0.25),
            "device": torch.device("cpu"),
        }
        return Job(network=network, recipe=recipe or SMALL, **(values | parts))  # type: ignore[arg-type]

    return make


SMALL = Recipe(
    epochs=2.5,
    quick_epochs=1,
    batch=32,
    lr=0.01,
    shift=2,
    cutout=4,
    average=0.9,
    label_smoothing=0.1,
)


@pytest.fixture
def small_recipe() -> Recipe:
    """The recipe of `make_job`: 20 steps, every kind of augmentation, averaged weights."""
    return SMALL


CountOps = Callable[[], AbstractContextManager[Counter[str]]]


class _Counting(TorchDispatchMode):
    """Counts the operations that torch is asked for, each of which launches a kernel or more."""

    def __init__(self, counts: Counter[str]) -> None:
        super().__init__()
        self.counts = counts

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        if not func.is_view:
            self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


@pytest.fixture
def count_ops() -> CountOps:
    """Count by name the operations of a block, but for those that only look at the same memory."""

    @contextmanager
    def counting() -> Iterator[Counter[str]]:
        counts: Counter[str] = Counter()
        with _Counting(counts):
            yield counts

    return counting
