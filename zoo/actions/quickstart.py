"""`quickstart`: train, test, export and verify on embedded data, in a separate folder."""

from dataclasses import dataclass, replace
from pathlib import Path

from zoo.actions.export import export
from zoo.actions.test import Findings, test
from zoo.actions.train import train
from zoo.actions.verify import Check, verify
from zoo.artifacts.artifact import Artifact
from zoo.errors import UsageError, ZooError
from zoo.files import check_writable, sweep, write_json
from zoo.marks import MARK, is_ours
from zoo.progress import Progress
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run

_OPTIONS = TrainOptions(data="digits", validate=0.1)
# The models, in order, and how they are trained.
TRAININGS = {"mlp": replace(_OPTIONS, epochs=15), "cnn": replace(_OPTIONS, epochs=12)}
MARKER = "quickstart.json"  # in the folder of one


@dataclass(frozen=True)
class Quickstart:
    """What the quickstart made, and the checks of its artifact."""

    run: Run
    findings: Findings
    artifact: Artifact
    checks: list[Check]


def claim(folder: Path) -> None:
    """Mark a folder as that of a quickstart; refuse one that holds anything else."""
    check_writable(folder)
    sweep(folder / MARKER)
    if is_ours(folder / MARKER, ("made_by",)):
        return
    if folder.is_dir() and (found := next(folder.iterdir(), None)):
        raise UsageError(
            f"{folder} holds {found.name} but no {MARKER}, so it was not made by quickstart and is "
            "not replaced. Name another --folder, or move this one away."
        )
    write_json(folder / MARKER, {"made_by": f"{MARK} quickstart"})


def quickstart(
    folder: Path = Path("quickstart"),
    progress: Progress | None = None,
    model: str = "cnn",
    options: TrainOptions | None = None,
) -> Quickstart:
    """Train, test, export and verify a model on the embedded digits.

    The files of an earlier quickstart in the folder are replaced; a folder with anything else in it
    is refused. options: replace those in `TRAININGS`.
    """
    progress = progress or Progress()
    claim(folder)
    options = options or TRAININGS[model]
    run = train(model, options, run=folder / f"{model}-digits", overwrite=True, progress=progress)
    findings = test(model, run=run.folder, progress=progress)
    exports = folder / "exports"
    artifact = export(model, run=run.folder, exports=exports, progress=progress)
    checks = verify(artifact.id, exports=exports, progress=progress)
    failed = [check for check in checks if check.status == "failed"]
    if failed:
        words = "; ".join(f"{check.target}, {check.name}: {check.text}" for check in failed)
        raise ZooError(f"the artifact failed verification: {words}")
    return Quickstart(run, findings, artifact, checks)
