"""`train`: from a model's name to a finished run on disk, or on from where one was stopped."""

import math
import platform
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from zoo import data as datasets
from zoo import plots
from zoo.catalog import find_model
from zoo.data import Dataset
from zoo.errors import UsageError, ZooError
from zoo.history import write_history
from zoo.progress import Progress, clock_text
from zoo.training import hardware
from zoo.training.augment import BatchMaker
from zoo.training.checkpoint import load_checkpoint, save_checkpoint
from zoo.training.estimate import Cost, measure_cost
from zoo.training.hooks import Checkpointer, Display, HistoryFile, InterruptedRunError, StopRequest
from zoo.training.loop import Hook, Job, Trainer
from zoo.training.options import DEFAULTS, TrainOptions, fitted_recipe, held_out, refuse_changes
from zoo.training.run import RUNS, Run, RunCard, run_id
from zoo.training.seeds import seed_for

MEMORY_ADVICE = (
    "Compute each batch in parts with --sub-batches 4 (the same result but for batch statistics), "
    "or name a smaller --batch."
)
CALIBRATION_NUMBERS = 5000 * 32 * 32 * 3  # of pixels, so that large pictures do not fill the memory
VALIDATION_SEED = 0  # the same pictures are held out for every training seed, so that seeds compare


@runtime_checkable
class Calibrated(Protocol):
    """A network that sets a part of itself from the first pictures it is shown."""

    def calibrate(self, pixels: Tensor) -> None:
        """pixels: normalised, float [N, C, H, W]."""


def train(
    model: str,
    options: TrainOptions | None = None,
    *,
    run: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    data_dir: Path | None = None,
    progress: Progress | None = None,
    hooks: tuple[Hook, ...] = (),
) -> Run:
    """Train `model` and return its run; `TrainOptions` tells what may be chosen.

    run: the run's own folder instead of runs/<id>. resume: go on with an unfinished run.
    overwrite: replace a run that exists. data_dir: where local copies of datasets lie.
    hooks: called beside the loop, after the project's own.
    """
    progress, asked = progress or Progress(), options or TrainOptions()
    find_model(model)
    hardware.choose_device(asked.device)  # refused before anything is loaded
    hardware.settle()
    if resume and overwrite:
        raise UsageError("--resume and --overwrite contradict each other; name one of them.")
    begun = Run(run).card().options if resume and run and Run(run).exists else DEFAULTS
    options = asked.filled(begun)
    data = options.load_data(data_dir, progress)
    target = Run(run or RUNS / run_id(model, data.name, data.view, options))
    fresh = overwrite or not target.exists
    if fresh:
        card = _new_card(model, options, data, progress)
    elif resume:
        card = _card_to_resume(target, model, asked, data)
    else:
        raise UsageError(
            f"{target.folder} already holds a run. Go on with --resume, replace it with "
            "--overwrite, or name another folder with --run."
        )
    if card.finished:
        progress.say(f"{target.folder}: already finished.")
        return target
    with hardware.memory_errors(MEMORY_ADVICE), torch.random.fork_rng():
        trainer = Trainer(_job(card, data))
        _fit(target, card, trainer, fresh, progress, hooks)
    _finish(target, trainer, progress)
    return target


def _new_card(model: str, options: TrainOptions, data: Dataset, progress: Progress) -> RunCard:
    spec = find_model(model)
    recipe = fitted_recipe(spec.recipe, options, data)
    device = hardware.choose_device(options.device)
    precision, why = hardware.choose_precision(options.precision or "auto", device)
    progress.say(why)
    if precision == "fp16" and recipe.optimizer == "muon":
        raise UsageError(f"{model} does not train in fp16. Use --precision bf16 or fp32.")
    resolved = replace(
        options,
        epochs=recipe.epochs,
        batch=recipe.batch,
        lr=recipe.lr,
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
        mean=data.mean,
        std=tuple(spread or 1.0 for spread in data.std),  # a constant channel has none
        machine=hardware.describe(device),
        versions={"python": platform.python_version(), "torch": torch.__version__},
    )


def _card_to_resume(target: Run, model: str, asked: TrainOptions, data: Dataset) -> RunCard:
    """The run's card, with the device and precision that were asked for now."""
    card = target.card()
    if model != card.model:
        raise UsageError(f"{target.folder} is a run of {card.model}, not of {model}.")
    card.check_data(data)
    if asked.validate is not None:
        asked = replace(asked, validate=held_out(asked.validate, len(data.train)))
    refuse_changes(asked, card.options)
    device = hardware.choose_device(asked.device or card.options.device)
    precision = asked.precision
    if precision in (None, "auto", card.options.precision):
        precision = card.options.precision
        hardware.require_native(precision or "", device)
    else:
        precision, _ = hardware.choose_precision(precision or "", device)
    return replace(card, options=replace(card.options, device=device.type, precision=precision))


def _fit(
    target: Run,
    card: RunCard,
    trainer: Trainer,
    fresh: bool,
    progress: Progress,
    hooks: tuple[Hook, ...],
) -> None:
    """Train to the end of the schedule, from the start or from the run's checkpoint."""
    if not fresh and target.state.exists():
        _take_up(trainer, target)
        progress.say(f"{target.folder}: going on after step {trainer.step}/{trainer.steps}")
    cost = measure_cost(trainer)
    progress.say(f"{card.id}: {cost.line()}")
    if fresh:
        target.clear()
    target.sweep()
    target.write_card(_with_cost(card, cost))
    checkpointer, stop = Checkpointer(target), StopRequest()
    with progress.task(card.id, trainer.steps - trainer.step) as advance, stop.listening():
        own = (Display(progress, advance), HistoryFile(target), checkpointer, stop)
        trainer.hooks = (*own, *hooks)
        try:
            trainer.fit()
        except InterruptedRunError:
            checkpointer.save(trainer)
            raise InterruptedRunError(
                f"interrupted after step {trainer.step}/{trainer.steps}, with everything kept. "
                f"Go on with: python cli.py train {card.model} --resume --run {target.folder}"
            ) from None


def _take_up(trainer: Trainer, target: Run) -> None:
    state = load_checkpoint(target.state)
    try:
        trainer.restore(state)
    except (RuntimeError, KeyError, TypeError) as error:
        raise ZooError(
            f"{target.state} is no checkpoint of this training, or the model has changed since. "
            "Start again with --overwrite."
        ) from error


def _with_cost(card: RunCard, cost: Cost) -> RunCard:
    return replace(card, parameters=cost.parameters, macs=cost.macs, train_flop=cost.flop)


def _job(card: RunCard, data: Dataset) -> Job:
    options = card.options
    device = hardware.choose_device(options.device)
    seed = options.seed or 0
    labels = torch.from_numpy(data.train.labels)
    pictures, validation = torch.arange(len(labels)), None
    if options.validate:
        held = datasets.hold_out(data.train.labels, int(options.validate), VALIDATION_SEED)
        pictures, validation = (torch.from_numpy(part) for part in held)
    torch.manual_seed(seed_for(seed, "weights"))
    network = find_model(card.model).build(card.image_shape, len(card.class_names))
    if isinstance(network, Calibrated):
        network.calibrate(_first_look(data, pictures, card))
    return Job(
        network=network,
        recipe=card.recipe,
        images=torch.from_numpy(data.train.images),
        labels=labels,
        pictures=pictures,
        mean=card.mean,
        std=card.std,
        device=device,
        validation=validation,
        precision=options.precision or "fp32",
        seed=seed,
        sub_batches=options.sub_batches or 1,
        compile=bool(options.compile),
    )


def _first_look(data: Dataset, pictures: Tensor, card: RunCard) -> Tensor:
    """Normalised training pictures [N, C, H, W], for networks that start from their statistics."""
    count = max(1, CALIBRATION_NUMBERS // math.prod(data.image_shape))
    images = torch.from_numpy(data.train.images[pictures[:count].numpy()])
    return BatchMaker(images, card.mean, card.std, card.recipe, torch.device("cpu")).plain(images)


def _finish(target: Run, trainer: Trainer, progress: Progress) -> None:
    """Weights, then the card that says so, then the checkpoint goes: safe to be killed between."""
    card = target.card()
    seconds = sum(row.seconds for row in trainer.rows)
    write_history(target.history, trainer.rows)
    plots.draw_curves(trainer.rows, target.curves)
    save_checkpoint(target.weights, trainer.kept.state_dict(), {"id": card.id})
    target.write_card(replace(card, finished=True, seconds=seconds))
    target.state.unlink(missing_ok=True)
    progress.say(f"{target.folder}: trained in {clock_text(seconds)}")
