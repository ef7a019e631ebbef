"""The input and output of an executor: the arms of one subject, and what was found about them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measuring.environment import Environment
from bench.results.record import Amendment, Record
from bench.scenarios.scenario import Step
from bench.subjects.arm import Arm
from bench.sweep.matrix import Cell, Settings
from bench.sweep.takes import Takes
from zoo.ort.faults import Here

PENDING = "not measured yet"  # why a row has no accuracy while its arm is measured


@dataclass(frozen=True)
class Left:
    """What is left to measure of an arm."""

    arm: Arm
    batches: tuple[int, ...]  # the requested ones, none if they are to be found
    cells: tuple[Cell, ...]  # those known by now
    steps: tuple[Step, ...]  # what an earlier sweep has measured


@dataclass(frozen=True)
class Task:
    """Everything needed to measure the arms of one subject; immutable."""

    arms: tuple[Left, ...]  # the reference first, where it is measured itself
    settings: Settings
    environment: Environment  # of the machine that measures
    on: Here  # what computes, and may be known to compute wrongly
    folder: Path  # for files that other tasks may use as well
    data_dir: Path | None
    takes: Takes | None = None  # of a third-party file
    problem: str = ""  # why the subject cannot be measured at all


@dataclass(frozen=True)
class Predicted:
    """The predicted class of each test image, by `Row.predictions`; and the labels."""

    classes: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class ArmEnded:
    """There are no more findings of this arm; the next arm follows."""


Finding = Record | Amendment | Predicted | ArmEnded
