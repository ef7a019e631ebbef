"""`train`: from a model's name to a finished run on disk; also resumes a stopped run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.actions.cards import card_to_resume, check_options, new_card
from zoo.drawing import plots
from zoo.errors import UsageError
from zoo.files import sha256
from zoo.frameworks.registry import find_framework
from zoo.progress import Progress, clock_text
from zoo.runs.checkpoint import Arrays, save_checkpoint
from zoo.runs.history import read_history, write_history
from zoo.runs.holding import refuse_held
from zoo.runs.naming import run_id
from zoo.runs.options import COMMON, DEFAULTS, TrainOptions
from zoo.runs.pace import PACE, Pace
from zoo.runs.remains import RUNS, refuse_others
from zoo.runs.run import Run
from zoo.runs.training import Training
from zoo.specs.catalog import find_model


def train(
    model: str,
    options: TrainOptions | None = None,
    *,
    run: Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
    data_dir: Path | None = None,
    progress: Progress | None = None,
    hooks: tuple[Any, ...] = (),
    exports: Path | None = None,
    pace: Pace = PACE,
) -> Run:
    """Train `model` and return its run; `TrainOptions` lists the choices.

    run: the folder of the run; default runs/<id>. resume: continue an unfinished run. overwrite:
    replace an existing run. data_dir: where local copies of datasets are. exports: folder of
    published models, from which a transfer may take its backbone. hooks: called by the framework's
    loop; for PyTorch, `zoo.frameworks.pytorch.loop.Hook`. pace: how often checkpoints are saved,
    and how long the estimate at the start may take.
    """
    progress, asked = progress or Progress(), options or TrainOptions()
    spec = find_model(model)
    framework = find_framework(spec.framework)
    check_options(spec, framework, asked)  # refused before anything is loaded
    if resume and overwrite:
        raise UsageError("--resume and --overwrite contradict each other; name one of them.")
    if run is not None:  # said before any data is looked for
        refuse_held(run)
        _begins(Run(run), resume, overwrite)
    begun = DEFAULTS.only(COMMON | framework.options)
    if resume and run and Run(run).exists:
        begun = Run(run).card().options
    options = framework.resolved(spec, asked.filled(begun), exports)
    asked = options.only(asked.said())
    data = options.load_data(data_dir, progress)
    target = Run(run or RUNS / run_id(model, data.name, data.view, options))
    with target.held():
        target.sweep()
        fresh = _begins(target, resume, overwrite)
        card = (
            new_card(spec, options, data, framework)
            if fresh
            else card_to_resume(target, spec, asked, data, framework)
        )
        if card.finished:
            _say_finished(target, progress)
            return target
        training = Training(
            spec, target, card, data, progress, exports, fresh, pace=pace, hooks=hooks
        )
        if not fresh:
            training.take_up()
        if not fresh and training.state is None:
            progress.say(f"{target.folder}: there is no checkpoint; starting from the beginning")
        _finish(training, framework.train(training))
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
            f"{target.folder} already holds a run. Continue with --resume, replace it with "
            "--overwrite, or name another folder with --run."
        )
    return False


def _say_finished(target: Run, progress: Progress) -> None:
    target.finished_history(target.finished_card())
    if not target.curves.exists():
        plots.draw_curves(read_history(target.history), target.curves)
    progress.say(f"{target.folder}: already finished.")


def _finish(training: Training, weights: Arrays) -> None:
    """Weights, then the card that says so, then the checkpoint goes: safe to be killed between."""
    target, rows = training.run, training.history
    seconds = sum(row.seconds for row in rows)
    write_history(target.history, rows)
    plots.draw_curves(rows, target.curves)
    save_checkpoint(target.weights, weights, {"id": training.card.id})
    finished = replace(
        training.card, finished=True, seconds=seconds, weights=sha256(target.weights)
    )
    training.keep(finished)
    target.state.unlink(missing_ok=True)
    training.progress.say(f"{target.folder}: trained in {clock_text(seconds)}")
