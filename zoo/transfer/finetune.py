"""Finetuning: the second stage of a transfer, in which the whole network is trained on images.

The head is trained first, on latents, so that no random head tears at what the backbone knows.
"""

from dataclasses import replace

from torch import Tensor

from zoo.data import Dataset
from zoo.frameworks.pytorch.job import Past
from zoo.frameworks.pytorch.loop import State, Trainer
from zoo.frameworks.pytorch.stage import Stage, job_on_images
from zoo.models.filling import fill
from zoo.records import read
from zoo.runs.options import TrainOptions
from zoo.runs.run import RunCard
from zoo.transfer.network import build


def head_options(options: TrainOptions) -> TrainOptions:
    """What the head's recipe is told: --epochs, --batch and --lr are about the last stage."""
    return replace(options, epochs=None, batch=None, lr=None) if options.finetune else options


def follows(stage: Stage) -> bool:
    """Whether the network is yet to be finetuned after this."""
    return bool(stage.card.options.finetune) and not stage.job.past.rows


def after(head: Stage, trainer: Trainer, card: RunCard, data: Dataset) -> Stage:
    """The stage that follows the head's, from what `trainer` has made of that.

    card: as it stands on disk, with the cost of the head.
    """
    past = Past(tuple(trainer.history), card.train_flop)
    return _stage(card, data, past, head.whole(trainer.kept).state_dict())


def taken_up(card: RunCard, data: Dataset, state: State) -> Stage | None:
    """The stage that this checkpoint was saved in, if it is the second; no latents are needed.

    Its weights are for the trainer to restore.
    """
    past: Past = read(Past, state[1].get("past", {}), "the stage before")
    return _stage(card, data, past) if past.rows else None


def _stage(
    card: RunCard, data: Dataset, past: Past, weights: dict[str, Tensor] | None = None
) -> Stage:
    if card.design is None or card.design.finetuning is None:
        raise AssertionError("a network that is not to be finetuned")
    network = build(card.design, card.image_shape, len(card.class_names))
    if weights is not None:
        fill(network, weights)
    network.requires_grad_(True)
    job = job_on_images(network, card, data)
    recipe, precision = card.design.finetuning, card.finetuned_in
    return Stage(card, replace(job, recipe=recipe, precision=precision, past=past))
