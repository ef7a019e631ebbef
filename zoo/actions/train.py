"""`train`: from a model's name to a finished run on disk, or on from where one was stopped."""

from dataclasses import replace
from pathlib import Path

import torch

from zoo.actions.cards import card_to_resume, new_card
from zoo.artifacts.artifact import EXPORTS
from zoo.data import Dataset
from zoo.drawing import plots
from zoo.errors import UsageError, ZooError, command
from zoo.files import sha256
from zoo.frameworks.pytorch.checkpoint import load_state, save_checkpoint
from zoo.frameworks.pytorch.estimate import Cost, measure_cost
from zoo.frameworks.pytorch.hooks import (
    Checkpointer,
    Display,
    HistoryFile,
    InterruptedRunError,
    StopRequest,
)
from zoo.frameworks.pytorch.loop import Hook, State, Trainer
from zoo.frameworks.pytorch.pace import PACE, Pace
from zoo.frameworks.pytorch.stage import Stage, stage_on_images
from zoo.machine import devices
from zoo.progress import Progress, clock_text
from zoo.runs.history import read_history, write_history
from zoo.runs.holding import refuse_held
from zoo.runs.options import DEFAULTS, TrainOptions
from zoo.runs.remains import RUNS, refuse_others
from zoo.runs.run import Run, RunCard, run_id
from zoo.specs.catalog import find_model
from zoo.transfer import finetune
from zoo.transfer.frozen_backbone import check_options, open_backbone, resolved
from zoo.transfer.heads import runtime_of, stage_on_latents

MEMORY_ADVICE = (
    "Compute each batch in parts with --sub-batches 4 (the same result but for batch statistics), "
    "or name a smaller --batch."
)


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
    pace: Pace = PACE,
) -> Run:
    """Train `model` and return its run; `TrainOptions` tells what may be chosen.

    run: the run's own folder instead of runs/<id>. resume: go on with an unfinished run.
    overwrite: replace a run that exists. data_dir: where local copies of datasets lie.
    exports: the published models, of which a transfer may take its backbone.
    hooks: called beside the loop, after the project's own.
    pace: how often it is saved, and how long it is measured first.
    """
    progress, asked = progress or Progress(), options or TrainOptions()
    spec = find_model(model)
    check_options(model, spec.frozen, asked)  # refused before anything is loaded
    devices.choose_device(asked.device)
    devices.settle()
    if resume and overwrite:
        raise UsageError("--resume and --overwrite contradict each other; name one of them.")
    if run is not None:  # said before any data is looked for
        refuse_held(run)
        _begins(Run(run), resume, overwrite)
    begun = Run(run).card().options if resume and run and Run(run).exists else DEFAULTS
    options = asked.filled(begun)
    if spec.frozen:
        options = resolved(options, exports)
        asked = replace(asked, backbone=options.backbone)
    data = options.load_data(data_dir, progress)
    target = Run(run or RUNS / run_id(model, data.name, data.view, options))
    with target.held():
        return _train(
            target, model, options, asked, data, resume, overwrite, exports, progress, hooks, pace
        )


def _train(
    target: Run,
    model: str,
    options: TrainOptions,
    asked: TrainOptions,
    data: Dataset,
    resume: bool,
    overwrite: bool,
    exports: Path,
    progress: Progress,
    hooks: tuple[Hook, ...],
    pace: Pace,
) -> Run:
    """`train`, while nobody else changes the run. asked: the options without defaults."""
    spec = find_model(model)
    target.sweep()
    fresh = _begins(target, resume, overwrite)
    frozen = None
    if fresh:
        frozen = open_backbone(options, data, exports, progress) if spec.frozen else None
        card = new_card(model, options, data, frozen, progress)
    else:
        card = card_to_resume(target, model, asked, data)
    if card.finished:
        target.finished_history(target.finished_card())
        if not target.curves.exists():
            plots.draw_curves(read_history(target.history), target.curves)
        progress.say(f"{target.folder}: already finished.")
        return target
    with devices.memory_errors(MEMORY_ADVICE), torch.random.fork_rng():
        state = load_state(target.state) if not fresh and target.state.exists() else None
        if not fresh and state is None:
            progress.say(f"{target.folder}: no checkpoint is there, starting from the beginning")
        stage = finetune.taken_up(card, data, state) if state else None
        if stage is None and spec.frozen:
            frozen = frozen or open_backbone(card.options, data, exports, progress)
            runtime = runtime_of(frozen, card, data, progress)
            if fresh:  # stored at once: whoever goes on with this run has to compute the same
                card = replace(card, latents_runtime=runtime.title)
                target.begin(card)
            stage = stage_on_latents(card, data, frozen, runtime, progress)
        stage = stage or stage_on_images(card, data)
        trainer = _fit(target, stage, state, state is None, progress, hooks, pace)
        if finetune.follows(stage):
            progress.say(f"{card.id}: the head is trained; now the whole network")
            stage = finetune.after(stage, trainer, target.card(), data)
            trainer = _fit(target, stage, None, False, progress, hooks, pace)
    _finish(target, trainer, stage, progress)
    return target


def _begins(target: Run, resume: bool, overwrite: bool) -> bool:
    """Whether a training begins here, and does not go on; what stands in its way is refused."""
    if overwrite or not target.exists:
        refuse_others(target.folder, overwrite)
        return True
    if not resume:
        if target.card().finished:
            target.finished_history(target.finished_card())
        raise UsageError(
            f"{target.folder} already holds a run. Go on with --resume, replace it with "
            "--overwrite, or name another folder with --run."
        )
    return False


def _fit(
    target: Run,
    stage: Stage,
    state: State | None,
    begins: bool,
    progress: Progress,
    hooks: tuple[Hook, ...],
    pace: Pace,
) -> Trainer:
    """Train to the end of a stage, from its start or from a checkpoint's state.

    begins: the training does, so what an earlier one left goes.
    """
    card, trainer = stage.card, Trainer(stage.job)
    if state is not None:
        _take_up(trainer, state, target)
        progress.say(f"{target.folder}: going on after step {trainer.step}/{trainer.steps}")
    cost = measure_cost(trainer, pace)
    progress.say(f"{card.id}: {cost.line()}")
    if begins:
        target.begin(_with_cost(stage, cost))
    else:
        target.write_card(_with_cost(stage, cost))
    checkpointer, stop = Checkpointer(target, pace.checkpoint_seconds), StopRequest()
    with progress.task(card.id, trainer.steps - trainer.step) as advance, stop.listening():
        own = (Display(progress, advance), HistoryFile(target), checkpointer, stop)
        trainer.hooks = (*own, *hooks)
        try:
            trainer.fit()
        except InterruptedRunError:
            checkpointer.save(trainer)
            raise InterruptedRunError(
                f"interrupted after step {trainer.step}/{trainer.steps}, with everything kept. "
                f"Go on with: {command('train', card.model, '--resume', '--run', target.folder)}"
            ) from None
    return trainer


def _take_up(trainer: Trainer, state: State, target: Run) -> None:
    try:
        trainer.restore(state)
    except (RuntimeError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise ZooError(
            f"{target.state} is no checkpoint of this training, or the model has changed since. "
            "Start again with --overwrite."
        ) from error


def _with_cost(stage: Stage, cost: Cost) -> RunCard:
    card, flop = stage.card, cost.flop + stage.job.past.flop
    if card.design is not None:  # its whole network was counted
        return replace(card, train_flop=flop)
    return replace(card, parameters=cost.parameters, macs=cost.macs, train_flop=flop)


def _finish(target: Run, trainer: Trainer, stage: Stage, progress: Progress) -> None:
    """Weights, then the card that says so, then the checkpoint goes: safe to be killed between."""
    card = target.card()
    seconds = sum(row.seconds for row in trainer.history)
    write_history(target.history, trainer.history)
    plots.draw_curves(trainer.history, target.curves)
    save_checkpoint(target.weights, stage.whole(trainer.kept).state_dict(), {"id": card.id})
    finished = replace(card, finished=True, seconds=seconds, weights=sha256(target.weights))
    target.write_card(finished)
    target.state.unlink(missing_ok=True)
    progress.say(f"{target.folder}: trained in {clock_text(seconds)}")
