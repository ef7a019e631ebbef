"""PyTorch as a framework: options, the stages of a training, weights on disk, what doctor says."""

from dataclasses import fields, replace
from pathlib import Path

import torch

from zoo.frameworks.framework import Framework
from zoo.frameworks.pytorch.captured import check_options
from zoo.frameworks.pytorch.doctor import findings
from zoo.frameworks.pytorch.estimate import measure_cost
from zoo.frameworks.pytorch.hooks import Reporter, kept
from zoo.frameworks.pytorch.loop import Position, State, Trainer
from zoo.frameworks.pytorch.stage import Stage
from zoo.frameworks.pytorch.trained import TrainedNetwork
from zoo.frameworks.pytorch.way import way_of
from zoo.machine import devices
from zoo.machine.finding import Finding
from zoo.machine.memory import memory_errors
from zoo.models.filling import fill
from zoo.records import read
from zoo.runs.checkpoint import Arrays
from zoo.runs.cost import Cost
from zoo.runs.options import TrainOptions
from zoo.runs.run import RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import ModelSpec, find_model

MEMORY_ADVICE = (
    "Compute each batch in parts with --sub-batches 4 (the same result except for batch "
    "statistics), or name a smaller --batch."
)


class PyTorch(Framework):
    """Networks of `nn.Module`, each trained in its way (`zoo.frameworks.pytorch.way`)."""

    options = frozenset(field.name for field in fields(TrainOptions)) - {"keras_backend"}
    devices = ("cpu", "cuda")

    def check(self, spec: ModelSpec, options: TrainOptions) -> None:
        way_of(spec).check(spec, options)
        devices.choose_device(options.device)
        check_options(options)

    def resolved(
        self, spec: ModelSpec, options: TrainOptions, exports: Path | None
    ) -> TrainOptions:
        return way_of(spec).resolved(spec, options, exports)

    def resumed(self, card: RunCard, asked: TrainOptions) -> RunCard:
        card = way_of(find_model(card.model)).resumed(card, asked)
        begun = card.options.cuda_graph if card.options.device == "cuda" else False
        wanted = begun if asked.cuda_graph is None else asked.cuda_graph
        options = replace(card.options, cuda_graph=wanted)
        check_options(options)
        return replace(card, options=options)

    def train(self, training: Training) -> Arrays:
        devices.settle()
        way = way_of(training.spec)
        with memory_errors(MEMORY_ADVICE), torch.random.fork_rng():
            if training.fresh:
                training.card = way.begun(training)
            state = state_of(training)
            following: Stage | None = way.stage(training, state)
            while following is not None:
                stage = following
                trainer = _fit(training, stage, state)
                following, state = way.after(stage, trainer, training), None
            return kept((stage.whole(trainer.kept).state_dict(), {}))[0]

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> TrainedNetwork:
        devices.settle()
        spec = find_model(card.model)
        network = spec.build(card.image_shape, len(card.class_names), card.design)
        try:
            fill(network, {name: torch.from_numpy(array) for name, array in weights.items()})
        except RuntimeError as error:
            raise ValueError(str(error)) from error
        return way_of(spec).trained(network, card, devices.choose_device(device))

    def versions(self) -> dict[str, str]:
        return {"torch": torch.__version__}

    def findings(self) -> list[Finding]:
        return findings()


def state_of(training: Training) -> State | None:
    """A stored state as tensors."""
    if training.state is None:
        return None
    arrays, position = training.state
    try:
        read(Position, position, "the state")
        return {name: torch.from_numpy(array) for name, array in arrays.items()}, position
    except (ValueError, TypeError) as error:
        raise training.unfit(f" ({error})") from error


def _fit(training: Training, stage: Stage, state: State | None) -> Trainer:
    """Train to the end of a stage, from its start or from a checkpoint's state."""
    trainer = Trainer(stage.job)
    if state is not None:
        try:
            trainer.restore(state)
        except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise training.unfit() from error
    training.history = trainer.history
    cost = measure_cost(trainer, training.pace)
    training.tell_cost(cost, _with_cost(stage, cost))
    trainer.hooks = (Reporter(training), *training.hooks)
    epochs = stage.job.past.epochs + stage.job.recipe.epochs
    with training.running(trainer.steps, lambda: kept(trainer.state()), trainer.step, epochs):
        trainer.fit()
    replays = trainer.captured is not None and trainer.captured.replays
    training.card = replace(training.card, captured=replays)
    return trainer


def _with_cost(stage: Stage, cost: Cost) -> RunCard:
    card, flop = stage.card, cost.flop + stage.job.past.flop
    if card.design is not None:  # its whole network was counted
        return replace(card, train_flop=flop)
    return replace(card, parameters=cost.parameters, macs=cost.macs, train_flop=flop)
