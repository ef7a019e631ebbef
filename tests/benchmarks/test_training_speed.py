"""How fast the loop trains, as ratios of two arms that take turns in one process.

    tox -e bench

Random images in the shape of CIFAR-10.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from zoo.frameworks.pytorch.evaluate import autocast
from zoo.frameworks.pytorch.job import Job
from zoo.frameworks.pytorch.loop import Trainer
from zoo.frameworks.pytorch.optim import make_optimizer
from zoo.machine import devices
from zoo.models import cnn
from zoo.specs.catalog import MODELS, find_model

ALONE = [name for name, spec in MODELS.items() if spec.framework == "pytorch" and not spec.way]
COUNT, BATCH = 8192, 512
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
CPU = torch.device("cpu")
TURN_SECONDS = 2.0

Arm = Callable[[], float]  # runs for a while and returns images per second
Compare = Callable[[Arm, Arm, str], None]


@pytest.fixture(scope="module", autouse=True)
def _memory() -> None:
    devices.keep_freed_memory()


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    return images, draw.integers(0, 10, COUNT)


class PilImages(Dataset[tuple[torch.Tensor, int]]):
    """What torchvision's own datasets do: an array in memory, a PIL image at a time."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        self.images, self.labels = images, labels
        self.transform = transforms.Compose(
            [
                transforms.RandomCrop(32, padding=4, padding_mode="reflect"),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(Image.fromarray(self.images[index])), int(self.labels[index])


def usual_loop(network: nn.Module, images: tuple[np.ndarray, np.ndarray], precision: str) -> Arm:
    """One epoch through a DataLoader with 2 workers, kept alive between epochs."""
    loader = DataLoader(
        PilImages(*images), BATCH, shuffle=True, num_workers=2, persistent_workers=True
    )
    recipe = find_model("cnn").recipe
    optimizer = make_optimizer(network, recipe)

    def epoch() -> float:
        network.train()
        started = time.perf_counter()
        for pixels, labels in loader:
            with autocast(CPU, precision):
                logits = network(pixels.contiguous(memory_format=torch.channels_last))
            cross_entropy(logits.float(), labels, label_smoothing=0.1).backward()
            optimizer.step()
            optimizer.zero_grad()
        return COUNT / (time.perf_counter() - started)

    return epoch


def trainer_of(name: str, network: nn.Module, images: np.ndarray, precision: str) -> Trainer:
    recipe = find_model(name).recipe
    return Trainer(
        Job(
            network=network,
            recipe=replace(recipe, epochs=10_000),
            images=torch.from_numpy(images),
            labels=torch.arange(COUNT) % 10,
            indices=torch.arange(COUNT),
            mean=MEAN,
            std=STD,
            device=CPU,
            precision=precision,
        )
    )


def our_loop(trainer: Trainer, steps: int | None = None) -> Arm:
    """Some steps (by default an epoch) of the zoo's loop, with the recipe's augmentation."""
    steps = steps or trainer.steps_per_epoch

    def run() -> float:
        plan = trainer.plan(0)
        started = time.perf_counter()
        for position in range(steps):
            trainer.train_step(plan, position)
        return steps * trainer.job.recipe.batch / (time.perf_counter() - started)

    return run


def steps_for(trainer: Trainer, seconds: float) -> int:
    """Steps that take about so long, at least two and at most an epoch."""
    images_per_second = our_loop(trainer, 2)()
    steps = math.ceil(seconds * images_per_second / trainer.job.recipe.batch)
    return min(max(2, steps), trainer.steps_per_epoch)


def constant_batch(trainer: Trainer, steps: int) -> Arm:
    """The same trainer fed one batch that is ready: what the network itself costs."""
    batch = trainer.maker.augmented(trainer.plan(0), 0, trainer.job.recipe.batch)
    ours = our_loop(trainer, steps)

    def run() -> float:
        made = trainer.maker.augmented
        trainer.maker.augmented = lambda plan, start, stop: batch  # type: ignore[method-assign]
        try:
            return ours()
        finally:
            trainer.maker.augmented = made  # type: ignore[method-assign]

    return run


def small_cnn() -> nn.Module:
    return cnn.net((32, 32, 3), 10, (16, 32)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def precision_here() -> str:
    return devices.choose_precision("auto", CPU)[0]


def test_a_small_cnn_against_the_usual_loop(
    compare: Compare, images: tuple[np.ndarray, np.ndarray]
) -> None:
    precision = precision_here()
    ours = our_loop(trainer_of("cnn", small_cnn(), images[0], precision))
    compare(ours, usual_loop(small_cnn(), images, precision), "2x")


def test_the_default_cnn_against_the_usual_loop_in_fp32(
    compare: Compare, images: tuple[np.ndarray, np.ndarray]
) -> None:
    network, twin = (find_model("cnn").build((32, 32, 3), 10) for _ in range(2))
    ours = our_loop(trainer_of("cnn", network, images[0], precision_here()))
    compare(ours, usual_loop(twin, images, "fp32"), "none, reported")


@pytest.mark.parametrize("name", ALONE)
def test_augmentation_against_one_constant_batch(
    compare: Compare, images: tuple[np.ndarray, np.ndarray], name: str
) -> None:
    network = find_model(name).build((32, 32, 3), 10)
    trainer = trainer_of(name, network, images[0], precision_here())
    steps = steps_for(trainer, TURN_SECONDS)
    floor = "0.90x" if name == "speednet" else "0.85x"
    compare(our_loop(trainer, steps), constant_batch(trainer, steps), floor)
