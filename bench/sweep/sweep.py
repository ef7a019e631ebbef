"""`bench`: have every cell of a matrix measured, and store the results.

An executor does the measuring (`bench.sweep.arms`); this module knows what an earlier sweep has
finished and which cells are left, and writes the rows and all files beside them.
"""

import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measuring.environment import Environment
from bench.results.journal import Journal
from bench.results.predictions import read_predictions, write_predictions
from bench.results.record import Amendment, Record
from bench.results.rows import FAILED, OK, Row
from bench.scenarios.scenario import Step
from bench.subjects.arm import Arm
from bench.sweep.arms import measure_arms
from bench.sweep.columns import from_card
from bench.sweep.matrix import Cell, Settings, cells_of
from bench.sweep.measured import Measured, hash_of
from bench.sweep.preflight import Found, check_arms
from bench.sweep.required import amended
from bench.sweep.task import PENDING, ArmEnded, Left, Predicted, Task
from zoo.machine.executor import Executor, InThisProcess, TaskError
from zoo.ort.faults import Here
from zoo.progress import Progress


class Sweep:
    """Gives tasks to the executor, and their findings to the journal."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        environment: Environment,
        data_dir: Path | None,
        progress: Progress,
        on: Here | None = None,
        executor: Executor | None = None,
    ) -> None:
        self.settings = settings
        self.on = on or Here.found()
        self.journal = journal
        self.environment = environment
        self.progress = progress
        self.data_dir = data_dir
        self.executor = executor or InThisProcess()
        self._found = Found()
        self._done = {
            row.cell: row
            for row in journal.rows
            if row.status != FAILED and row.accuracy_reason != PENDING
        }
        self._predicted: dict[str, NDArray[np.int64]] = {}

    def preflight(self, arms: Sequence[Arm]) -> None:
        """Refuse early what cannot be measured (`UsageError`)."""
        left = [arm for arm in arms if self._left(arm, self._done).cells]
        self._found = check_arms(left, self.settings, self.data_dir, self.progress)

    def run(self, arms: Sequence[Arm]) -> Iterator[Row]:
        """Measure all remaining cells, and yield their rows arm by arm."""
        self._predicted = _predictions(self.journal)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            for _, own in groupby(arms, key=lambda arm: arm.subject.name):
                left = [self._left(arm, self._done) for arm in own]
                if any(one.cells for one in left):
                    yield from self._run(self._task(left, Path(folder)))

    def _task(self, left: Sequence[Left], folder: Path) -> Task:
        name = left[0].arm.subject.name
        return Task(
            arms=tuple(one for one in left if one.cells),
            settings=self.settings,
            environment=self.environment,
            on=self.on,
            folder=folder,
            data_dir=self.data_dir,
            takes=self._found.takes.get(name),
            problem=self._found.problems.get(name, ""),
        )

    def _run(self, task: Task) -> Iterator[Row]:
        """The rows of a task. If it ends early, its remaining cells have failed."""
        waiting = list(task.arms)
        kept: list[str] = []  # the cells of the first one that waits
        try:
            with closing(self.executor.run(measure_arms, task, self.progress)) as found:
                for one in found:
                    if isinstance(one, ArmEnded):
                        yield from self._rows(kept)
                        waiting, kept = waiting[1:], []
                    elif isinstance(one, Predicted):
                        self._predicted |= one.classes
                        write_predictions(self.journal.path, self._predicted)
                    elif isinstance(one, Record):
                        kept.append(self.journal.add(one).cell)
                    else:
                        self._amend(one)
        except TaskError as error:
            for left in waiting:
                self._end(left.arm, kept, str(error))
                yield from self._rows(kept)
                kept = []

    def _rows(self, cells: Sequence[str]) -> list[Row]:
        """The current rows: a later one may change what an earlier one says."""
        rows = {row.cell: row for row in self.journal.rows}
        return [rows[cell] for cell in cells]

    def _amend(self, found: Amendment) -> None:
        self.journal.amend(found.cell, found.outcome, found.scored)

    def _end(self, arm: Arm, kept: list[str], reason: str) -> None:
        """End an arm: add the reason to its cells, and rows for those that had none."""
        rows = self._rows(kept)
        for row in rows:
            if row.accuracy_reason == PENDING and row.status == OK:
                scored = from_card(arm, f"measuring it failed: {reason}")
                self._amend(amended(row.cell, scored, self.settings))
        for cell in self._left(arm, self._done | {row.cell: row for row in rows}).cells:
            one = Measured.begun(cell, self.settings, self.environment)
            record = one.ended(self.settings, self.environment, FAILED, reason)
            kept.append(self.journal.add(record).cell)

    def _left(self, arm: Arm, done: Mapping[str, Row]) -> Left:
        """What is left to measure of an arm; if batch sizes are to be found, after those found."""
        takes = self._found.takes.get(arm.subject.name)
        fixed = takes.fixed_batch if takes else None
        batches = (fixed,) if fixed else self.settings.batches
        scenario, cells = self.settings.scenario_at(batches), cells_of(arm, self.settings, batches)
        left: list[Cell] = []
        steps: list[Step] = []
        while cells:
            cell = cells.pop(0)
            row = done.get(hash_of(cell, self.settings, self.environment))
            if row is None:
                left.append(cell)
            elif row.status == OK:
                steps.append(Step(row.batch, row.images_per_second or 0.0))
                if not cells and not left and (size := scenario.further(batches, steps)):
                    cells.append(Cell(arm, size, scenario.name))
        return Left(arm, batches, tuple(left), tuple(steps))


def _predictions(journal: Journal) -> dict[str, NDArray[np.int64]]:
    """The predictions of an earlier sweep; a damaged file is replaced with the next accuracy."""
    try:
        return read_predictions(journal.path) if journal.rows else {}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return {}
