"""A stage of training: a job for the loop, and how its network becomes the final one."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from zoo.data import Dataset
from zoo.frameworks.pytorch.augment import BatchMaker
from zoo.frameworks.pytorch.job import Job
from zoo.machine import devices
from zoo.models.calibrated import Calibrated
from zoo.runs.options import split_of
from zoo.runs.run import RunCard
from zoo.runs.seeds import seed_for
from zoo.specs.catalog import find_model

Indices = NDArray[np.int64]
CALIBRATION_NUMBERS = 5000 * 32 * 32 * 3  # pixels, so that large images do not fill the memory


def _itself(network: nn.Module) -> nn.Module:
    return network


@dataclass(frozen=True)
class Stage:
    """A stage of a training; most have one."""

    card: RunCard
    job: Job
    # From the trained network to the one that takes pixels.
    whole: Callable[[nn.Module], nn.Module] = _itself


def stage_on_images(card: RunCard, data: Dataset) -> Stage:
    """A complete network, trained from scratch."""
    torch.manual_seed(seed_for(card.options.seed or 0, "weights"))
    network = find_model(card.model).build(card.image_shape, len(card.class_names))
    job = job_on_images(network, card, data)
    if isinstance(network, Calibrated):
        network.calibrate(_first_look(data, job.indices, card))
    return Stage(card, job)


def job_on_images(network: nn.Module, card: RunCard, data: Dataset) -> Job:
    """The training of a network that takes pixels, by the card's recipe."""
    options = card.options
    indices, validation = tensors_of(split_of(data.train.labels, options))
    return Job(
        network=network,
        recipe=card.schedule,
        images=torch.from_numpy(data.train.images),
        labels=torch.from_numpy(data.train.labels),
        indices=indices,
        mean=card.mean,
        std=card.std,
        device=devices.choose_device(options.device),
        validation=validation,
        precision=options.precision or "fp32",
        seed=options.seed or 0,
        sub_batches=options.sub_batches or 1,
        compile=bool(options.compile),
        cuda_graph=bool(options.cuda_graph),
    )


def tensors_of(split: tuple[Indices, Indices | None]) -> tuple[Tensor, Tensor | None]:
    """Indices to train on, and those to hold out, if any, as the loop takes them."""
    images, validation = split
    return torch.from_numpy(images), None if validation is None else torch.from_numpy(validation)


def _first_look(data: Dataset, indices: Tensor, card: RunCard) -> Tensor:
    """Normalised training images [N, C, H, W], for networks initialised from their statistics."""
    count = max(1, CALIBRATION_NUMBERS // math.prod(data.image_shape))
    images = torch.from_numpy(data.train.images[indices[:count].numpy()])
    return BatchMaker(images, card.mean, card.std, card.schedule, torch.device("cpu")).plain(images)
