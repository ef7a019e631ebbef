"""Train the head of a transfer: latents from the cache, a head chosen on validation images."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data import Dataset, hold_out
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.frameworks.pytorch.estimate import count_macs
from zoo.frameworks.pytorch.job import Job, Past
from zoo.frameworks.pytorch.loop import Trainer
from zoo.frameworks.pytorch.stage import Stage, tensors_of
from zoo.machine import devices
from zoo.progress import Progress
from zoo.runs.options import VALIDATION_SEED, split_of
from zoo.runs.run import RunCard
from zoo.runs.seeds import seed_for
from zoo.specs.design import HEADS, Backbone, head_words
from zoo.specs.recipe import Recipe
from zoo.transfer.frozen_backbone import FrozenBackbone
from zoo.transfer.latents import Features, LatentsKey, Runtime, finished, latents
from zoo.transfer.network import Standard, Transfer, make_head
from zoo.transfer.runtimes import BATCH, choose_runtime, runtimes_for

HELD_OUT = 0.1  # share of the training images, to choose the head on
DECAYS = (0.05, 2.0)  # weight decays that are tried
SMALLEST_STD = 0.1  # of one latent, as a share of the root mean square of all
_ROWS = 8192  # at once, for statistics of more latents than fit into memory


@dataclass(frozen=True)
class Latents:
    """Those of the training images."""

    values: Features  # float32 [N, width]
    mean: tuple[float, ...]  # of each number
    std: tuple[float, ...]


def stage_on_latents(
    card: RunCard, data: Dataset, frozen: FrozenBackbone, runtime: Runtime, progress: Progress
) -> Stage:
    """The training of a head on latents, which are computed here where the cache has none."""
    if card.design is None or card.design.backbone != frozen.backbone:
        raise ZooError(
            f"{card.id} was trained on other weights of {frozen.backbone.name} than those found "
            "now. "
            "Restore those, or start again with --overwrite."
        )
    latents = latents_of(frozen, card, data, runtime, progress)
    head = card.design.head
    if not head:
        head, recipe = choose_head(card, data, latents, progress)
        card = replace(card, recipe=recipe, design=replace(card.design, head=head))
    split = tensors_of(split_of(data.train.labels, card.options))
    job = head_job(card, data, latents, head, *split)
    network = whole(frozen, card, latents, job.network)
    card = replace(
        card,
        parameters=sum(weight.numel() for weight in network.parameters()),
        macs=count_macs(network, card.image_shape),
    )
    job = replace(job, past=Past(flop=2.0 * card.macs * len(data.train)))
    return Stage(card, job, lambda head: whole(frozen, card, latents, head))


def runtime_of(frozen: FrozenBackbone, card: RunCard, data: Dataset, progress: Progress) -> Runtime:
    """What computes the latents: what the run was begun with, else what is chosen now."""
    options, device = card.options, devices.choose_device(card.options.device)
    key, images = _key_of(frozen, card, data), data.train.images
    if not card.latents_runtime:
        precision = options.precision or "auto"
        offered = runtimes_for(frozen, data.image_shape, device, precision, options.latents_runtime)
        return choose_runtime(offered, key, images, progress)
    name, precision = card.latents_runtime.split()
    (runtime,) = runtimes_for(frozen, data.image_shape, device, precision, name)
    slow = precision == "bf16" and not devices.native_bf16(device)
    if slow and options.precision != "bf16" and finished(key, images, runtime) < len(images):
        raise ZooError(
            f"the latents of {card.id} are computed by {card.latents_runtime}, as at the "
            f"start, and this {device.type} does not compute in bf16 natively. Continue on a "
            "machine that does, or here with --precision bf16 (very slow), or start again with "
            "--overwrite."
        )
    return runtime


def latents_of(
    frozen: FrozenBackbone, card: RunCard, data: Dataset, runtime: Runtime, progress: Progress
) -> Latents:
    """The latents of all training images, from the cache where they are."""
    key, images = _key_of(frozen, card, data), data.train.images
    try:
        values = latents(key, images, runtime, batch=BATCH, progress=progress)
    except UnavailableError as error:
        raise UnavailableError(
            f"the latents of {card.id} are computed by {runtime.title}, as when the run "
            "started, "
            f"which cannot run here: {error}. Fix that, or start again with --overwrite and "
            "another --latents-runtime."
        ) from error
    return Latents(values, *_statistics(values))


def _key_of(frozen: FrozenBackbone, card: RunCard, data: Dataset) -> LatentsKey:
    return key_of(frozen.backbone, data, "train", bool(card.options.flip_average))


def key_of(backbone: Backbone, data: Dataset, split: str, flip_average: bool) -> LatentsKey:
    """What latents of a split are of."""
    height, width = backbone.size
    grid = f" on a grid of {backbone.grid}" if backbone.grid else ""
    return LatentsKey(
        dataset=data.name,
        fingerprint=data.fingerprint,
        view=data.view,
        split=split,
        backbone=backbone.name,
        weights=backbone.weights,
        preprocessing=f"{backbone.model} {backbone.layer}{grid} {height}x{width} "
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
        (kind, replace(card.schedule, weight_decay=decay)) for kind in kinds for decay in DECAYS
    ]
    if validation is None:
        try:
            count = round(HELD_OUT * len(labels))
            indices, validation = hold_out(labels, count, VALIDATION_SEED)
        except UsageError as error:
            progress.say(f"{card.id}: the default head is used, because {error}")
            return trials[-1]
    accuracies = []
    for kind, recipe in trials:
        trial = replace(card, recipe=recipe)
        split = tensors_of((indices, validation))
        trainer = Trainer(head_job(trial, data, latents, kind, *split))
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
        recipe=card.schedule,
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
        cuda_graph=bool(options.cuda_graph),
    )


def whole(frozen: FrozenBackbone, card: RunCard, latents: Latents, head: nn.Module) -> Transfer:
    """The network from pixels on, with a head that was trained on standardised latents."""
    standard = Standard(torch.tensor(latents.mean), torch.tensor(latents.std))
    whole_head = nn.Sequential(standard, copy.deepcopy(head).cpu())
    flip_average = bool(card.options.flip_average)
    return Transfer(
        frozen.backbone, frozen.trunk, card.image_shape, whole_head, flip_average
    ).eval()
