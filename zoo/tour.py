"""`quickstart`: the whole road on the embedded data, in a folder of its own."""

from dataclasses import dataclass
from pathlib import Path

from zoo.progress import Progress
from zoo.training.examine import Findings, test
from zoo.training.options import TrainOptions
from zoo.training.run import Run
from zoo.training.train import train

MODEL = "cnn"
OPTIONS = TrainOptions(data="digits", validate=0.1, epochs=12)


@dataclass(frozen=True)
class Quickstart:
    """What the quickstart made."""

    run: Run
    findings: Findings


def quickstart(folder: Path = Path("quickstart"), progress: Progress | None = None) -> Quickstart:
    """Train and test `cnn` on the embedded digits; what an earlier quickstart left is replaced."""
    progress = progress or Progress()
    run = train(MODEL, OPTIONS, run=folder / f"{MODEL}-digits", overwrite=True, progress=progress)
    return Quickstart(run, test(MODEL, run=run.folder, progress=progress))
