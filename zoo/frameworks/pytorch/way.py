"""How a PyTorch model is trained: on images, unless the catalog names another way."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from zoo.errors import UsageError
from zoo.frameworks.pytorch.loop import State, Trainer
from zoo.frameworks.pytorch.stage import Stage, stage_on_images
from zoo.frameworks.pytorch.trained import TrainedNetwork
from zoo.machine import devices
from zoo.runs.options import OF_TRANSFER, TrainOptions, fitted_recipe, flag
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec
from zoo.specs.recipe import Recipe


class Way:
    """Train from scratch, on images; the base class of other ways. One is made for each command."""

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        """Refuse invalid combinations of options, before anything is loaded."""
        others = [name for name in options.said() if name in OF_TRANSFER]
        if others:
            raise UsageError(f"{flag(others[0])} is for transfer, not for {spec.name}.")

    def resolved(
        self, spec: ModelSpec, options: TrainOptions, exports: Path | None
    ) -> TrainOptions:
        """The options with full names where they name other models."""
        return options

    def begun(self, training: Training) -> RunCard:
        """The complete card of a new run."""
        options = training.card.options
        recipe = fitted_recipe(training.spec.recipe, options, training.data)
        device = devices.choose_device(options.device)
        precision, why = devices.choose_precision(options.precision or "auto", device)
        training.progress.say(why)
        return completed(training.card, recipe, recipe, device, precision)

    def resumed(self, card: RunCard, asked: TrainOptions) -> RunCard:
        """The card of a resumed run, with the device and precision requested now."""
        device = devices.choose_device(asked.device or card.options.device)
        precision = precision_now(asked.precision, card.options.precision or "", device)
        return replace(card, options=replace(card.options, device=device.type, precision=precision))

    def stage(self, training: Training, state: State | None) -> Stage:
        """The first stage, or the one that this state was saved in."""
        return stage_on_images(training.card, training.data)

    def after(self, stage: Stage, trainer: Trainer, training: Training) -> Stage | None:
        """The next stage, from the result of this one in `trainer`; None if it was the last.

        training.card is on disk, with the cost so far.
        """
        return None

    def trained(self, network: nn.Module, card: RunCard, device: torch.device) -> TrainedNetwork:
        """The trained network, as it is tested and exported."""
        return TrainedNetwork(network, card, device)


def way_of(spec: ModelSpec) -> Way:
    """A new instance of the model's way."""
    if not spec.way:
        return Way()
    module, _, kind = spec.way.partition(":")
    way: Way = getattr(import_module(module), kind)()
    return way


def completed(
    card: RunCard, recipe: Recipe, last: Recipe, device: torch.device, precision: str
) -> RunCard:
    """The card with all defaults filled in. last: the recipe of the last stage."""
    if precision == "fp16" and recipe.optimizer == "muon":
        raise UsageError(f"{card.model} does not train in fp16. Use --precision bf16 or fp32.")
    options = replace(
        card.options,
        epochs=last.epochs,
        batch=last.batch,
        lr=last.lr,
        device=device.type,
        precision=precision,
    )
    return replace(card, recipe=recipe, options=options, machine=devices.describe(device))


def precision_now(asked: str | None, begun: str, device: torch.device) -> str:
    """The number format that the run was started in, unless another is requested."""
    if asked in (None, "auto", begun):
        devices.require_native(begun, device)
        return begun
    return devices.choose_precision(asked or "", device)[0]
