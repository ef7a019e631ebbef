"""How fast latents of Inception v3 are computed, as a ratio to the plain loop.

    tox -e bench -- -k latents

The plain loop is what one writes first: torch, fp32, eager, images resized and normalised a batch
at a time. 32x32 images shown at 299x299. Random weights with batch statistics of digits, and
trained ones where the variable ZOO_INCEPTION names their file, the runtime for CIFAR-10's images.
"""

import os
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision
from torch.nn.functional import interpolate

from zoo.data import load
from zoo.data.dataset import Images
from zoo.machine import devices
from zoo.progress import PlainProgress, Progress
from zoo.runs.options import TrainOptions
from zoo.transfer.frozen_backbone import open_backbone
from zoo.transfer.latents import Runtime
from zoo.transfer.runtimes import fastest, runtimes_for

BATCH = 16
TURN_SECONDS = 2.0
TRAINED = os.environ.get("ZOO_INCEPTION")
CPU = torch.device("cpu")

Arm = Callable[[], float]  # runs for a while and returns images per second
Compare = Callable[[Arm, Arm, str], None]


@pytest.fixture(scope="module", autouse=True)
def _memory() -> None:
    devices.settle()


def turn(answer: Callable[[Images], object]) -> Arm:
    images = np.random.default_rng(0).integers(0, 256, (BATCH, 32, 32, 3)).astype(np.uint8)

    def run() -> float:
        calls, started = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < TURN_SECONDS:
            answer(images)
            calls += 1
        return calls * BATCH / elapsed

    return run


def plain_loop() -> Callable[[Images], object]:
    network = torchvision.models.inception_v3(weights=None, init_weights=False).eval()
    network.fc = torch.nn.Identity()
    mean, std = (torch.full((3, 1, 1), 0.5) for _ in range(2))

    @torch.no_grad()
    def answer(images: Images) -> object:
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        return network(interpolate((pixels - mean) / std, (299, 299), mode="bilinear"))

    return answer


def runtimes(precision: str, weights: str | None = None) -> tuple[list[Runtime], Images]:
    """Those that may compute the latents of Inception, and some images to choose by."""
    data = load("cifar10" if weights else "digits")
    init = None if weights else "random"
    options = TrainOptions(backbone="inception_v3", weights=weights, backbone_init=init)
    frozen = open_backbone(options, data, None, Progress())
    return runtimes_for(frozen, data.image_shape, CPU, precision), data.train.images[:BATCH]


def test_latents_of_inception_against_the_plain_loop(compare: Compare) -> None:
    """The runtime is the one that training takes."""
    runtime = fastest(*runtimes("auto"), Progress())
    compare(turn(runtime.run), turn(plain_loop()), "1.5")


@pytest.mark.skipif(not TRAINED, reason="ZOO_INCEPTION names no weights of Inception v3")
def test_latents_of_trained_inception_against_the_plain_loop(compare: Compare) -> None:
    """As above, with weights whose latents tell images apart."""
    runtime = fastest(*runtimes("auto", TRAINED), PlainProgress())
    compare(turn(runtime.run), turn(plain_loop()), "1.5")


@pytest.mark.skipif(not devices.native_bf16(CPU), reason="this CPU does not compute in bf16")
def test_latents_of_inception_in_bf16_against_the_plain_loop(compare: Compare) -> None:
    """What --precision bf16 takes; without it, only where the latents are then those of fp32."""
    (runtime,), _ = runtimes("bf16")
    compare(turn(runtime.run), turn(plain_loop()), "1.5")
