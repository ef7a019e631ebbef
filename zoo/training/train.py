"""`train`: from a model's name to a finished run on disk, or on from where one was stopped."""

import math
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from zoo import plots
from zoo.artifacts import EXPORTS
from zoo.catalog import find_model
from zoo.data import Dataset
from zoo.errors import UsageError, ZooError
from zoo.history import write_history
from zoo.models.calibrated import Calibrated
from zoo.models.transfer import Design, normalisation
from zoo.progress import Progress, clock_text
from zoo.training import frozen, hardware
from zoo.training.augment import BatchMaker
from zoo.training.base import Base, check_options, open_base, resolved
from zoo.training.checkpoint import load_checkpoint, save_checkpoint
from zoo.training.estimate import Cost, count_macs, measure_cost
from zoo.training.hooks import Checkpointer, Display, HistoryFile, InterruptedRunError, StopRequest
from zoo.training.loop import Hook, Job, Trainer
from zoo.training.options import (
    DEFAULTS,
    TrainOptions,
    fitted_recipe,
    held_out,
    refuse_changes,
    split_of,
)
from zoo.training.run import RUNS, Run, RunCard, run_id
from zoo.training.seeds import seed_for

MEMORY_ADVICE = (
    "Compute each batch in parts with --sub-batches 4 (the same result but for batch statistics), "
    "or name a smaller --batch."
)
CALIBRATION_NUMBERS = 5000 * 32 * 32 * 3  # of pixels, so that large pictures do not fill the memory


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
    exports: Path = EXPORTS,
) -> Run:
    """Train `model` and return its run; `TrainOptions` tells what may be chosen.

    run: the run's own folder instead of runs/<id>. resume: go on with an unfinished run.
    overwrite: replace a run that exists. data_dir: where local copies of datasets lie.
    exports: the published models, of which a transfer may take its backbone.
    hooks: called beside the loop, after the project's own.
    """
    progress, asked = progress or Progress(), options or TrainOptions()
    spec = find_model(model)
    check_options(model, spec.frozen, asked)  # refused before anything is loaded
    hardware.choose_device(asked.device)
    hardware.settle()
    if resume and overwrite:
        raise UsageError("--resume and --overwrite contradict each other; name one of them.")
    begun = Run(run).card().options if resume and run and Run(run).exists else DEFAULTS
    options = asked.filled(begun)
    if spec.frozen:
        options = resolved(options, exports)
        asked = replace(asked, backbone=options.backbone)
    data = options.load_data(data_dir, progress)
    target = Run(run or RUNS / run_id(model, data.name, data.view, options))
    fresh = overwrite or not target.exists
    base = None
    if fresh:
        base = open_base(options, data, exports, progress) if spec.frozen else None
        card = _new_card(model, options, data, base, progress)
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
        if spec.frozen:
            base = base or open_base(card.options, data, exports, progress)
            work = _frozen_work(card, data, base, fresh, progress)
        else:
            work = Work(card, _job(card, data), lambda network: network)
        trainer = Trainer(work.job)
        _fit(target, work, trainer, fresh, progress, hooks)
    _finish(target, trainer, work, progress)
    return target


@dataclass(frozen=True)
class Work:
    """What is trained, and how that becomes the network that is kept.

    whole: from the trained network to the one that takes pixels; flop: spent before the training.
    """

    card: RunCard
    job: Job
    whole: Callable[[nn.Module], nn.Module]
    flop: float = 0.0


def _frozen_work(card: RunCard, data: Dataset, base: Base, fresh: bool, progress: Progress) -> Work:
    """The training of a head on latents, which are computed here where the cache has none."""
    latents = frozen.latents_of(base, card, data, progress)
    if fresh:
        head, recipe = frozen.choose_head(card, data, latents, progress)
        design = Design(base.backbone, head, bool(card.options.flip_average))
        engine = f"{latents.engine.name} {latents.engine.precision}"
        card = replace(card, recipe=recipe, design=design, engine=engine)
    if card.design is None or card.design.backbone != base.backbone:
        raise ZooError(
            f"{card.id} stands on other weights of {base.backbone.name} than are found now. "
            "Bring those back, or start again with --overwrite."
        )
    split = split_of(data.train.labels, card.options)
    job = frozen.head_job(card, data, latents, card.design.head, *split)
    network = frozen.whole(base, card, latents, job.network)
    card = replace(
        card,
        parameters=sum(weight.numel() for weight in network.parameters()),
        macs=count_macs(network, card.image_shape),
    )
    return Work(
        card,
        job,
        lambda head: frozen.whole(base, card, latents, head),
        flop=2.0 * card.macs * len(data.train),
    )


def _new_card(
    model: str, options: TrainOptions, data: Dataset, base: Base | None, progress: Progress
) -> RunCard:
    spec = find_model(model)
    recipe = fitted_recipe(spec.recipe, options, data)
    device = hardware.choose_device(options.device)
    mean, std = data.mean, data.std
    if base is None:
        precision, why = hardware.choose_precision(options.precision or "auto", device)
        progress.say(why)
    else:  # of the latents, chosen by measuring; the head is trained in fp32
        precision = options.precision or "auto"
        mean, std = normalisation(base.backbone, data.image_shape[2])
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
        mean=mean,
        std=tuple(spread or 1.0 for spread in std),  # a constant channel has none
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
    work: Work,
    trainer: Trainer,
    fresh: bool,
    progress: Progress,
    hooks: tuple[Hook, ...],
) -> None:
    """Train to the end of the schedule, from the start or from the run's checkpoint."""
    card = work.card
    if not fresh and target.state.exists():
        _take_up(trainer, target)
        progress.say(f"{target.folder}: going on after step {trainer.step}/{trainer.steps}")
    cost = measure_cost(trainer)
    progress.say(f"{card.id}: {cost.line()}")
    if fresh:
        target.clear()
    target.sweep()
    target.write_card(_with_cost(work, cost))
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


def _with_cost(work: Work, cost: Cost) -> RunCard:
    card, flop = work.card, cost.flop + work.flop
    if card.design is not None:  # its whole network was counted
        return replace(card, train_flop=flop)
    return replace(card, parameters=cost.parameters, macs=cost.macs, train_flop=flop)


def _job(card: RunCard, data: Dataset) -> Job:
    options = card.options
    device = hardware.choose_device(options.device)
    seed = options.seed or 0
    labels = torch.from_numpy(data.train.labels)
    pictures, validation = split_of(data.train.labels, options)
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


def _finish(target: Run, trainer: Trainer, work: Work, progress: Progress) -> None:
    """Weights, then the card that says so, then the checkpoint goes: safe to be killed between."""
    card = target.card()
    seconds = sum(row.seconds for row in trainer.rows)
    write_history(target.history, trainer.rows)
    plots.draw_curves(trainer.rows, target.curves)
    save_checkpoint(target.weights, work.whole(trainer.kept).state_dict(), {"id": card.id})
    target.write_card(replace(card, finished=True, seconds=seconds))
    target.state.unlink(missing_ok=True)
    progress.say(f"{target.folder}: trained in {clock_text(seconds)}")
