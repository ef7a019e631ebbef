"""The ids of runs, and which run a name means."""

from pathlib import Path

from zoo.errors import ZooError, command
from zoo.runs.options import DEFAULTS, TrainOptions
from zoo.runs.remains import RUNS, is_run
from zoo.runs.run import Run
from zoo.specs.catalog import find_model, meant_by, which_is_meant
from zoo.specs.design import DEFAULT, DEFAULT_KERAS, POOLED


def run_id(model: str, dataset: str, view: str, options: TrainOptions) -> str:
    """`cnn-cifar10`, with the view, `quick`, the seed and Keras's backend if not the default.

    The id of a transfer also has its backbone unless it is the default one, and whether it was
    finetuned.
    """
    backbone = "" if options.backbone in (None, DEFAULT, DEFAULT_KERAS) else str(options.backbone)
    usual = options.keras_backend in (None, DEFAULTS.keras_backend)
    computed = "" if usual else str(options.keras_backend)
    quick = "quick" if options.quick else ""
    seed = f"s{options.seed}" if options.seed else ""
    layer = "" if options.backbone_layer in (None, POOLED) else str(options.backbone_layer)
    grid = f"{options.backbone_grid}x{options.backbone_grid}" if options.backbone_grid else ""
    init = options.backbone_init or ""
    finetuned = "finetuned" if options.finetune else ""
    parts = [model, dataset, backbone, layer, grid, init, finetuned, computed, view, quick, seed]
    return "-".join(part for part in parts if part)


def find_run(name: str, folder: Path | None = None, root: Path = RUNS) -> Run:
    """The run meant by a model's name or a run's id, or the run in `folder` if given."""
    if folder is not None:
        run = Run(folder)
        run.card()
        return run
    known = known_run(name, root)
    if known is not None:
        return known
    find_model(name)
    raise ZooError(
        f"there is no run of {name} in {root}/. Train it first: {command('train', name)}"
    )


def known_run(name: str, root: Path = RUNS, told: str | None = None) -> Run | None:
    """The run meant by a model's name or a run's id, or None where there is none.

    told: the options that select one of several.
    """
    chosen = meant_by(name, _models(root), "runs", told or f"--run {root}/{{}}")
    return None if chosen is None else Run(root / chosen)


def which_run(name: str, found: Run, root: Path = RUNS) -> str:
    """One line that says which run a model's name was taken for; "" if it is unambiguous."""
    return which_is_meant(name, found.folder.name, _models(root), "other runs")


def _models(root: Path) -> dict[str, str]:
    return {run.folder.name: _model_of(run) for run in list_runs(root)}


def _model_of(run: Run) -> str:
    """The model of a run; nothing if it cannot be read, so that the others are still listed."""
    try:
        return run.card().model
    except ZooError:
        return ""


def list_runs(root: Path = RUNS) -> list[Run]:
    """The runs in a folder, by name, including those that have lost their run.json."""
    found = (Run(folder) for folder in root.glob("*"))
    return sorted(
        (run for run in found if run.exists or is_run(run.folder)), key=lambda run: run.folder.name
    )
