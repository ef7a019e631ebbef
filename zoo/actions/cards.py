"""The card that a training begins with: made from what was asked, or of the run that goes on."""

import platform
from dataclasses import replace

import torch

from zoo.data import Dataset
from zoo.errors import UsageError
from zoo.machine import devices
from zoo.progress import Progress
from zoo.runs.options import TrainOptions, fitted_recipe, held_out, refuse_changes
from zoo.runs.run import Run, RunCard, run_id
from zoo.specs.catalog import find_model
from zoo.specs.design import Design
from zoo.transfer.finetune import head_options
from zoo.transfer.frozen_backbone import FrozenBackbone
from zoo.transfer.network import FINETUNING, normalisation


def new_card(
    model: str,
    options: TrainOptions,
    data: Dataset,
    frozen: FrozenBackbone | None,
    progress: Progress,
) -> RunCard:
    """The card of a run that is to begin. The head of a design is chosen later, on latents."""
    recipe = fitted_recipe(find_model(model).recipe, head_options(options), data)
    device = devices.choose_device(options.device)
    mean, std, design = data.mean, data.std, None
    precision, why = devices.choose_precision(options.precision or "auto", device)
    finetuned_in, last = "", recipe
    if frozen is not None:
        mean, std = normalisation(frozen.backbone, data.image_shape[2])
        if options.flip_average:  # of a network that sees mirror images anyway
            recipe = replace(recipe, views="none")
        design = Design(frozen.backbone, "", bool(options.flip_average))
        if options.finetune:
            finetuned_in, last = precision, fitted_recipe(FINETUNING, options, data)
            design = replace(design, finetuning=last)
        precision = options.precision or "auto"  # of the latents, chosen by measuring
    if frozen is None or finetuned_in:
        progress.say(why)
    if precision == "fp16" and recipe.optimizer == "muon":
        raise UsageError(f"{model} does not train in fp16. Use --precision bf16 or fp32.")
    resolved = replace(
        options,
        epochs=last.epochs,
        batch=last.batch,
        lr=last.lr,
        validate=held_out(options.validate or 0, len(data.train)),
        device=device.type,
        precision=precision,
    )
    return RunCard(
        id=run_id(model, data.name, data.view, options),
        model=model,
        options=resolved,
        recipe=recipe,
        dataset=data.name,
        fingerprint=data.fingerprint,
        view=data.view,
        class_names=data.class_names,
        image_shape=data.image_shape,
        mean=mean,
        std=tuple(spread or 1.0 for spread in std),  # a constant channel has none
        machine=devices.describe(device),
        versions={"python": platform.python_version(), "torch": torch.__version__},
        design=design,
        finetuned_in=finetuned_in,
    )


def card_to_resume(target: Run, model: str, asked: TrainOptions, data: Dataset) -> RunCard:
    """The run's card, with the device and precision that were asked for now."""
    card = target.card()
    if model != card.model:
        raise UsageError(f"{target.folder} is a run of {card.model}, not of {model}.")
    card.check_data(data)
    if asked.validate is not None:
        asked = replace(asked, validate=held_out(asked.validate, len(data.train)))
    if card.latents_runtime:
        _refuse_other_latents(asked, card)
        asked = replace(asked, latents_runtime=None)
    refuse_changes(asked, card.options)
    device = devices.choose_device(asked.device or card.options.device)
    begun = card.options.precision or ""
    if not card.latents_runtime:
        precision = _precision(asked.precision, begun, device)
    else:
        precision = begun if card.finetuned_in else asked.precision or begun
    finetuned_in = card.finetuned_in and _precision(asked.precision, card.finetuned_in, device)
    options = replace(card.options, device=device.type, precision=precision)
    return replace(card, options=options, finetuned_in=finetuned_in)


def _refuse_other_latents(asked: TrainOptions, card: RunCard) -> None:
    """What computes the latents stays: those of another runtime or precision are other numbers."""
    runtime, precision = card.latents_runtime.split()
    stays = {"latents-runtime": (asked.latents_runtime, runtime)}
    if not card.finetuned_in:  # else --precision is about the finetuning
        stays["precision"] = (asked.precision, precision)
    for flag, (now, then) in stays.items():
        if now not in (None, "auto", then):
            raise UsageError(
                f"the latents of this run are computed by {card.latents_runtime}, as it was "
                f"begun, so --resume cannot take --{flag} {now}. Leave it out, or start again "
                "with --overwrite."
            )


def _precision(asked: str | None, begun: str, device: torch.device) -> str:
    """The format that a run was begun in, unless another is asked for."""
    if asked in (None, "auto", begun):
        devices.require_native(begun, device)
        return begun
    return devices.choose_precision(asked or "", device)[0]
