"""How a transfer trains: a head on the latents of a frozen backbone, then optionally all of it."""

from dataclasses import replace
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from zoo.data.dataset import Images
from zoo.errors import UsageError
from zoo.frameworks.framework import Values
from zoo.frameworks.pytorch.loop import State, Trainer
from zoo.frameworks.pytorch.stage import Stage
from zoo.frameworks.pytorch.trained import TrainedNetwork
from zoo.frameworks.pytorch.way import Way, completed, precision_now
from zoo.machine import devices
from zoo.runs.options import TrainOptions, fitted_recipe
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec
from zoo.specs.design import Design
from zoo.transfer import finetune
from zoo.transfer.frozen_backbone import FrozenBackbone, check_options, open_backbone, resolved
from zoo.transfer.heads import runtime_of, stage_on_latents
from zoo.transfer.network import FINETUNING, Transfer, normalisation


class OnBackbone(Way):
    """Latents, a head on them, and finetuning where it is asked for."""

    def __init__(self) -> None:
        self._frozen: FrozenBackbone | None = None  # once it is opened

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        check_options(options)

    def resolved(
        self, spec: ModelSpec, options: TrainOptions, exports: Path | None
    ) -> TrainOptions:
        return resolved(options, exports)

    def begun(self, training: Training) -> RunCard:
        """The head of its design is chosen later, on latents."""
        card, data, options = training.card, training.data, training.card.options
        frozen = self._opened(training)
        recipe = fitted_recipe(training.spec.recipe, finetune.head_options(options), data)
        device = devices.choose_device(options.device)
        precision, why = devices.choose_precision(options.precision or "auto", device)
        mean, std = normalisation(frozen.backbone, data.image_shape[2])
        if options.flip_average:  # for a network that is trained on mirror images anyway
            recipe = replace(recipe, views="none")
        design = Design(frozen.backbone, "", bool(options.flip_average))
        finetuned_in, last = "", recipe
        if options.finetune:
            finetuned_in, last = precision, fitted_recipe(FINETUNING, options, data)
            design = replace(design, finetuning=last)
            training.progress.say(why)
        latents_in = options.precision or "auto"  # chosen by measuring
        card = completed(card, recipe, last, device, latents_in)
        std = tuple(spread or 1.0 for spread in std)
        return replace(card, mean=mean, std=std, design=design, finetuned_in=finetuned_in)

    def resumed(self, card: RunCard, asked: TrainOptions) -> RunCard:
        """What computes the latents stays as it was at the start."""
        if not card.latents_runtime:
            if asked.latents_runtime not in (None, card.options.latents_runtime):
                raise UsageError(
                    "it is unknown what computed the latents of this run, so --resume cannot take "
                    f"--latents-runtime {asked.latents_runtime}. Leave it out."
                )
            return super().resumed(card, asked)
        _refuse_other_latents(asked, card)
        device = devices.choose_device(asked.device or card.options.device)
        begun, finetuned_in = card.options.precision or "", card.finetuned_in
        precision = begun if finetuned_in else asked.precision or begun
        if finetuned_in:
            finetuned_in = precision_now(asked.precision, finetuned_in, device)
        options = replace(card.options, device=device.type, precision=precision)
        return replace(card, options=options, finetuned_in=finetuned_in)

    def stage(self, training: Training, state: State | None) -> Stage:
        card, data, progress = training.card, training.data, training.progress
        taken_up = None if state is None else finetune.taken_up(card, data, state)
        if taken_up is not None:
            return taken_up
        frozen = self._opened(training)
        runtime = runtime_of(frozen, card, data, progress)
        if training.fresh:  # stored at once: a resumed run must compute the same
            training.keep(replace(card, latents_runtime=runtime.title))
        return stage_on_latents(training.card, data, frozen, runtime, progress)

    def after(self, stage: Stage, trainer: Trainer, training: Training) -> Stage | None:
        if not finetune.follows(stage):
            return None
        training.progress.say(f"{training.card.id}: the head is trained; now the whole network")
        return finetune.after(stage, trainer, training.card, training.data)

    def trained(self, network: nn.Module, card: RunCard, device: torch.device) -> TrainedNetwork:
        if not isinstance(network, Transfer):
            raise AssertionError("no transfer")
        return TrainedTransfer(network, card, device)

    def _opened(self, training: Training) -> FrozenBackbone:
        if self._frozen is None:
            self._frozen = open_backbone(
                training.card.options, training.data, training.exports, training.progress
            )
        return self._frozen


class TrainedTransfer(TrainedNetwork):
    """A network whose head may be had alone."""

    network: Transfer

    def latents(self, images: Images) -> Values:
        return self._shown(_Latents(self.network), images)

    def head(self, opset: int) -> onnx.ModelProto:
        # Here, for it takes long to import and only an export needs it.
        import onnx_ir as ir

        from zoo.frameworks.pytorch.convert import convert_head

        network = self.on_cpu(self.network)
        if not isinstance(network, Transfer):
            raise AssertionError("another network")
        first = next(module for module in network.head.modules() if isinstance(module, nn.Linear))
        return ir.to_proto(convert_head(network.head, first.in_features, opset))


class _Latents(nn.Module):
    """What the head of a transfer gets, as a network of its own."""

    def __init__(self, transfer: Transfer) -> None:
        super().__init__()
        self.transfer = transfer

    def forward(self, x: Tensor) -> Tensor:
        return self.transfer.latents(x)


def _refuse_other_latents(asked: TrainOptions, card: RunCard) -> None:
    """What computes the latents stays: those of another runtime or precision are other numbers."""
    runtime, precision = card.latents_runtime.split()
    stays = {"latents-runtime": (asked.latents_runtime, runtime)}
    if not card.finetuned_in:  # else --precision is about the finetuning
        stays["precision"] = (asked.precision, precision)
    for flag, (now, then) in stays.items():
        if now not in (None, "auto", then):
            raise UsageError(
                f"the latents of this run are computed by {card.latents_runtime}, as at its "
                f"start, so --resume cannot take --{flag} {now}. Leave it out, or start again "
                "with --overwrite."
            )
