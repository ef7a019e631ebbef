"""A transfer's training: latents from the cache, a head chosen on validation, the loop as ever."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data import Dataset, hold_out
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.frameworks.pytorch.estimate import count_macs
from zoo.frameworks.pytorch.loop import Job, Past, Trainer
from zoo.frameworks.pytorch.seeds import seed_for
from zoo.frameworks.pytorch.work import Work
from zoo.machine import devices
from zoo.progress import Progress
from zoo.runs.options import VALIDATION_SEED, split_of
from zoo.runs.run import RunCard
from zoo.specs.design import HEADS, Backbone, head_words
from zoo.specs.recipe import Recipe
from zoo.transfer.base import Base
from zoo.transfer.engines import BATCH, choose_engine, engines_for
from zoo.transfer.latents import Engine, Features, Subject, finished, latents
from zoo.transfer.network import Standard, Transfer, make_head

HELD_OUT = 0.1  # of the training images, to choose the head on
DECAYS = (0.05, 2.0)  # weight decays that are tried
SMALLEST_STD = 0.1  # of a number, as a share of the root mean square of all
_ROWS = 8192  # at once, for statistics of more latents than fit into memory


@dataclass(frozen=True)
class Latents:
    """Of the training images, float32 [N, width], with the mean and std of each number."""

    values: Features
    mean: tuple[float, ...]
    std: tuple[float, ...]


def work_on_latents(
    card: RunCard, data: Dataset, base: Base, engine: Engine, progress: Progress
) -> Work:
    """The training of a head on latents, which are computed here where the cache has none."""
    if card.design is None or card.design.backbone != base.backbone:
        raise ZooError(
            f"{card.id} stands on other weights of {base.backbone.name} than are found now. "
            "Bring those back, or start again with --overwrite."
        )
    latents = latents_of(base, card, data, engine, progress)
    head = card.design.head
    if not head:
        head, recipe = choose_head(card, data, latents, progress)
        card = replace(card, recipe=recipe, design=replace(card.design, head=head))
    split = split_of(data.train.labels, card.options)
    job = head_job(card, data, latents, head, *split)
    network = whole(base, card, latents, job.network)
    card = replace(
        card,
        parameters=sum(weight.numel() for weight in network.parameters()),
        macs=count_macs(network, card.image_shape),
    )
    job = replace(job, past=Past(flop=2.0 * card.macs * len(data.train)))
    return Work(card, job, lambda head: whole(base, card, latents, head))


def engine_of(base: Base, card: RunCard, data: Dataset, progress: Progress) -> Engine:
    """What computes the latents: what the run was begun with, else what is chosen now."""
    options, device = card.options, devices.choose_device(card.options.device)
    subject, images = _subject_of(base, card, data), data.train.images
    if not card.engine:
        precision = options.precision or "auto"
        offered = engines_for(base, data.image_shape, device, precision, options.latents_runtime)
        return choose_engine(offered, subject, images, progress)
    runtime, precision = card.engine.split()
    (engine,) = engines_for(base, data.image_shape, device, precision, runtime)
    slow = precision == "bf16" and not devices.native_bf16(device)
    if slow and options.precision != "bf16" and finished(subject, images, engine) < len(images):
        raise ZooError(
            f"the latents of {card.id} are computed by {card.engine}, as the run was begun, and "
            f"this {device.type} does not compute in bf16 natively. Go on where it does, or very "
            "slowly here with --precision bf16, or start again with --overwrite."
        )
    return engine


def latents_of(
    base: Base, card: RunCard, data: Dataset, engine: Engine, progress: Progress
) -> Latents:
    """The latents of all training images, from the cache where they are."""
    subject, images = _subject_of(base, card, data), data.train.images
    try:
        values = latents(subject, images, engine, batch=BATCH, progress=progress)
    except UnavailableError as error:
        raise UnavailableError(
            f"the latents of {card.id} are computed by {engine.title}, as the run was begun, which "
            f"cannot run here: {error}. Repair that, or start again with --overwrite and another "
            "--latents-runtime."
        ) from error
    return Latents(values, *_statistics(values))


def _subject_of(base: Base, card: RunCard, data: Dataset) -> Subject:
    return subject_of(base.backbone, data, "train", bool(card.options.flip_average))


def subject_of(backbone: Backbone, data: Dataset, split: str, flip_average: bool) -> Subject:
    """What latents of a split are of."""
    height, width = backbone.size
    return Subject(
        dataset=data.name,
        fingerprint=data.fingerprint,
        view=data.view,
        split=split,
        backbone=backbone.name,
        weights=backbone.weights,
        preprocessing=f"{backbone.model} {backbone.layer} {height}x{width} "
        f"{backbone.interpolation}, mean {backbone.mean}, std {backbone.std}",
        flip_average=flip_average,
    )


def _statistics(values: Features) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std of each number, the std not below a share of what is usual.

    A number that hardly varies would be blown up, and with it the rounding that runtimes differ by.
    """
    starts = range(0, len(values), _ROWS)
    mean = sum(values[at : at + _ROWS].sum(axis=0, dtype=np.float64) for at in starts) / len(values)
    variance = sum(np.square(values[at : at + _ROWS] - mean).sum(axis=0) for at in starts) / len(
        values
    )
    usual = float(np.sqrt(variance.mean())) or 1.0
    std = np.maximum(np.sqrt(variance), SMALLEST_STD * usual)
    return tuple(mean.tolist()), tuple(std.tolist())


def choose_head(
    card: RunCard, data: Dataset, latents: Latents, progress: Progress
) -> tuple[str, Recipe]:
    """The kind of head and its recipe: the best by images that are held out of the training ones.

    Those of --validate, where it was given; else a tenth, which the head that is kept is then
    trained on as well.
    """
    labels = data.train.labels
    indices, validation = split_of(labels, card.options)
    kinds = HEADS if card.options.head is None else (card.options.head,)
    trials = [
        (kind, replace(card.recipe, weight_decay=decay)) for kind in kinds for decay in DECAYS
    ]
    if validation is None:
        try:
            held = hold_out(labels, round(HELD_OUT * len(labels)), VALIDATION_SEED)
        except UsageError as error:
            progress.say(f"{card.id}: the head is taken without a choice, as {error}")
            return trials[-1]
        indices, validation = (torch.from_numpy(part) for part in held)
    accuracies = []
    for kind, recipe in trials:
        trial = replace(card, recipe=recipe)
        trainer = Trainer(head_job(trial, data, latents, kind, indices, validation))
        trainer.fit()
        accuracy = trainer.rows[-1].validation_accuracy or 0.0
        accuracies.append(accuracy)
        progress.say(
            f"{card.id}: {head_words(kind)}, weight decay {recipe.weight_decay:g}: "
            f"{accuracy:.2%} of {len(validation)} held out"
        )
    kind, recipe = trials[int(np.argmax(accuracies))]
    progress.say(f"{card.id}: taking the {head_words(kind)}, weight decay {recipe.weight_decay:g}")
    return kind, recipe


def head_job(
    card: RunCard,
    data: Dataset,
    latents: Latents,
    kind: str,
    indices: Tensor,
    validation: Tensor | None,
) -> Job:
    """The training of a head on these images' latents, by the card's recipe."""
    options = card.options
    seed = options.seed or 0
    torch.manual_seed(seed_for(seed, "weights"))
    return Job(
        network=make_head(kind, latents.values.shape[1], len(card.class_names)),
        recipe=card.recipe,
        images=torch.from_numpy(latents.values),
        labels=torch.from_numpy(data.train.labels),
        indices=indices,
        mean=latents.mean,
        std=latents.std,
        device=devices.choose_device(options.device),
        validation=validation,
        precision="fp32",
        seed=seed,
        sub_batches=options.sub_batches or 1,
        compile=bool(options.compile),
    )


def whole(base: Base, card: RunCard, latents: Latents, head: nn.Module) -> Transfer:
    """The network from pixels on, with a head that was trained on standardised latents."""
    standard = Standard(torch.tensor(latents.mean), torch.tensor(latents.std))
    whole_head = nn.Sequential(standard, copy.deepcopy(head).cpu())
    flip_average = bool(card.options.flip_average)
    return Transfer(base.backbone, base.trunk, card.image_shape, whole_head, flip_average).eval()
