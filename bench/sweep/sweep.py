"""`bench`: measure every cell of a matrix, one after the other; a cell that fails is a row too."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.measuring.arm_process import ArmProcess, OutOfMemoryError
from bench.measuring.environment import Environment
from bench.measuring.harness import harness
from bench.measuring.samples import Block, Samples
from bench.measuring.turns import take_turns
from bench.measuring.warm_process import WarmProcess
from bench.results.journal import Journal
from bench.results.record import Record
from bench.results.rows import (
    FAILED,
    OK,
    SKIPPED,
    Memory,
    Outcome,
    Pairing,
    Provenance,
    Row,
    Scored,
)
from bench.runtimes import UnsupportedError
from bench.runtimes.registry import packages_of
from bench.scenarios.registry import find_scenario
from bench.scenarios.scenario import Step
from bench.subjects.arm import REFERENCE, Arm
from bench.subjects.images import Gallery, ImageFiles
from bench.sweep.columns import asked, from_card, model_of, ran
from bench.sweep.matrix import Cell, Settings, cells_of
from bench.sweep.preflight import Found, Takes, check_arms
from bench.sweep.referee import Referee
from bench.sweep.required import demanded, missing_accuracy
from zoo.errors import UnavailableError, ZooError
from zoo.ort.faults import Here
from zoo.progress import Progress

_PENDING = "not measured yet"
_FLOOR_CALLS = 2000


@dataclass
class Measured:
    """A cell on its way to its row."""

    cell: Cell
    hash: str  # of the cell, see `Cell.hash`
    record: Record
    kept: bool = False

    def add(self, **groups: Any) -> None:
        """What one part has found out."""
        self.record = replace(self.record, **groups)


class Sweep:
    """Measures arms and hands finished rows to the journal."""

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        environment: Environment,
        data_dir: Path | None,
        progress: Progress,
        on: Here | None = None,
    ) -> None:
        self.settings = settings
        self.on = on or Here.found()
        self.journal = journal
        self.environment = environment
        self.progress = progress
        self.data_dir = data_dir
        self._found = Found()
        self._done = {
            row.cell
            for row in journal.rows
            if row.status != FAILED and row.accuracy_reason != _PENDING
        }

    def preflight(self, arms: Sequence[Arm]) -> None:
        """Refuse what cannot be measured (`UsageError`), before anything is."""
        left = [arm for arm in arms if self._open(arm)]
        self._found = check_arms(left, self.settings, self.data_dir, self.progress)

    def run(self, arms: Sequence[Arm]) -> Iterator[Row]:
        """Measure all cells that were not measured before."""
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            self._folder = Path(folder)
            self._referee = Referee(self.settings, self.journal, self._folder, self.progress)
            self._gallery = Gallery(
                self._folder, self.data_dir, self.progress, whole=self.settings.accuracy
            )
            for arm in arms:
                yield from self._arm(arm)

    def _arm(self, arm: Arm) -> Iterator[Row]:
        measured = self._open(arm)
        if not measured:
            return
        problem = arm.subject.problem or self._found.problems.get(arm.subject.name)
        if arm.skipped:
            self._end(measured, SKIPPED, arm.skipped)
        elif problem:
            self._end(measured, FAILED, problem)
        else:
            try:
                self._check_fault(arm)
                self._measure(arm, measured)
            except UnsupportedError as error:
                self._end(measured, SKIPPED, str(error))
            except (ZooError, OSError) as error:
                self._end(measured, FAILED, str(error))
        now = {row.cell: row for row in self.journal.rows}
        for one in measured:
            yield now[one.hash]

    def _check_fault(self, arm: Arm) -> None:
        """Refuse what is known to give wrong answers here."""
        fault = arm.subject.fault(arm.runtime, arm.provider, self.on)
        if fault:
            raise UnavailableError(f"it would give wrong answers: {fault}")

    def _check_shapes(self, arm: Arm, reference: Arm) -> None:
        """Refuse two that cannot be shown the same images."""
        shapes = [self._image_shape(one) for one in (reference, arm)]
        if shapes[0] != shapes[1]:
            told = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
            raise ZooError(f"the two take images of different shapes, {told}")

    def _cells(self, arm: Arm) -> list[Measured]:
        """All of an arm; of those whose number is to be found, the first."""
        return [self._new(cell) for cell in cells_of(arm, self.settings, self._batches(arm))]

    def _batches(self, arm: Arm) -> Sequence[int]:
        """The batch sizes asked for, none where they are to be found."""
        takes = self._found.takes.get(arm.subject.name)
        return (takes.fixed_batch,) if takes and takes.fixed_batch else self.settings.batches

    def _open(self, arm: Arm) -> list[Measured]:
        """Those that an earlier sweep has not finished."""
        return [one for one in self._cells(arm) if one.hash not in self._done]

    def _end(self, measured: Sequence[Measured], status: str, reason: str) -> None:
        """Rows that will not be measured any more."""
        for one in measured:
            if not one.kept:
                one.add(outcome=Outcome(status, reason))
                self._finish(one, 0.0)

    def _measure(self, arm: Arm, measured: list[Measured]) -> None:
        """Fill the rows of an arm, each of them kept as soon as it is timed.

        More rows are added where batch sizes are to be found. Accuracy comes last: its pass would
        count as memory, and as a batch size that came before.
        """
        images = self._gallery.of(arm.subject, self._image_shape(arm))
        scored = self._not_measured(arm, images)
        scenario, steps = find_scenario(measured[0].cell.scenario), list[Step]()
        with WarmProcess(self.settings.order(arm), self.settings.timeout) as warm:
            first = measured[0].cell.batch
            path = images.batches(first, self._folder)  # before a process waits for it
            starts = warm.cold_starts(self.settings.preset.starts, path, first)
            for one in measured:  # which grows meanwhile, where sizes are to be found
                began = time.monotonic()
                one.add(samples=Samples(starts=starts), scored=scored)
                self._cell(warm, one, images)
                row = self._finish(one, time.monotonic() - began)
                if scenario.searches and row.status == OK:
                    steps.append(Step(row.batch, row.images_per_second or 0.0))
                    if size := scenario.further(self._batches(arm), steps):
                        measured.append(self._new(replace(one.cell, batch=size)))
            if scored.accuracy_reason == _PENDING:
                self._accuracy(warm, arm, measured, images)

    def _not_measured(self, arm: Arm, images: ImageFiles) -> Scored:
        """What is said of accuracy until it is measured, or if it is not."""
        if arm.subject.no_accuracy:
            return from_card(arm, arm.subject.no_accuracy)
        if not self.settings.accuracy:
            return from_card(arm, self.settings.why_no_accuracy)
        if images.test is None:
            reason = images.reason or "there is no test set"
            if self.settings.measure_accuracy:
                raise ZooError(missing_accuracy(reason))
            return from_card(arm, reason)
        return Scored(accuracy_reason=_PENDING)

    def _image_shape(self, arm: Arm) -> tuple[int, int, int]:
        card = arm.subject.card
        if card:
            return card.image_shape
        if arm.subject.name in self._found.takes:
            return self._found.takes[arm.subject.name].image_shape
        with ArmProcess(self.settings.order(arm), self.settings.timeout) as opened:
            return Takes.of(opened).image_shape

    def _cell(self, warm: WarmProcess, one: Measured, images: ImageFiles) -> None:
        """One batch size; what fails is in the row, and condemns no other."""
        try:
            self._batch(warm.process(), one, images)
        except OutOfMemoryError as error:
            limit = find_scenario(one.cell.scenario).searches and one.cell.batch > 1
            reason = f"the limit of batch sizes: {error}" if limit else str(error)
            one.add(outcome=Outcome(SKIPPED if limit else FAILED, reason))
        except (ZooError, OSError) as error:
            one.add(outcome=Outcome(FAILED, str(error)))
        else:
            if not one.record.samples.wrong and find_scenario(one.cell.scenario).paired:
                self._pair(one, images)
        if wrong := one.record.samples.wrong:
            reason = f"{wrong} timed calls gave other logits than before"
            one.add(outcome=Outcome(FAILED, reason))
        if one.record.outcome.status != OK:
            warm.drop()

    def _batch(self, opened: ArmProcess, one: Measured, images: ImageFiles) -> None:
        """Warm-up and measurement at one batch size."""
        arm, batch = one.cell.arm, one.cell.batch
        one.add(ran=ran(opened.facts["what_ran"], arm.provider, images.source))
        answers = self._folder / "answers.npy"
        path = images.batches(batch, self._folder)
        self.progress.now(f"measuring {_title(one)}")
        began = opened.ask("batch", images=str(path), size=batch, answers=str(answers))
        computed_in = one.record.ran.computed_in
        self._referee.check(arm, batch, np.load(answers), path, computed_in)
        wrong = 0

        def take_block(seconds: float, least: int) -> Block:
            nonlocal wrong
            given = opened.ask("block", seconds=seconds, least=least)
            wrong += given["wrong"]
            return Block(**given["block"])

        scenario = find_scenario(one.cell.scenario)
        warm_up, found = scenario.measure(take_block, self.settings.preset.length)
        timed = replace(
            one.record.samples,
            blocks=found.blocks,
            steady=warm_up.steady,
            rerun=found.rerun,
            wrong=wrong,
            new_shape_ns=None if began["known"] else began["first_ns"],
            floor_ns=opened.ask("floor", count=_FLOOR_CALLS)["ns"],
        )
        memory = opened.ask("memory")
        one.add(samples=timed, memory=Memory(memory["peak_rss_mib"], memory["vram_mib"]))

    def _accuracy(
        self, warm: WarmProcess, arm: Arm, measured: Sequence[Measured], images: ImageFiles
    ) -> None:
        """Over the whole test set, through the session that was timed."""
        timed = [one for one in measured if one.record.outcome.status == OK]
        if not timed:
            return
        batches = [one.cell.batch for one in timed]
        try:
            scored = self._referee.accuracy(timed[0].record.asked.arm, warm, arm, images, batches)
        except (ZooError, OSError) as error:
            scored = dict.fromkeys(batches, from_card(arm, f"measuring it failed: {error}"))
        for one in timed:
            found = scored[one.cell.batch]
            outcome = demanded(found) if self.settings.measure_accuracy else Outcome()
            self.journal.amend(one.hash, outcome, found)

    def _pair(self, one: Measured, images: ImageFiles) -> None:
        """This arm and the reference in turns."""
        arm, batch, settings = one.cell.arm, one.cell.batch, self.settings
        reference = arm.rival
        if reference is None:
            return
        self.progress.now(f"pairing {_title(one)} with the reference")
        name = f"{reference.runtime} {reference.provider} {reference.subject.precision}"
        pairing = Pairing(name, margin=settings.margin)
        if arm.against:
            other, digest = arm.against.name, arm.against.sha256
            pairing = replace(pairing, reference_subject=other, reference_sha256=digest)
        one.add(pairing=pairing)
        samples = one.record.samples
        try:
            self._check_fault(reference)
            if arm.against:
                self._check_shapes(arm, reference)
            turns = take_turns(
                settings.order(reference),
                settings.order(arm),
                images.batches(batch, self._folder),
                batch,
                replace(settings.preset.pair, timeout=settings.timeout),
            )
        except (ZooError, OSError) as error:
            one.add(samples=replace(samples, unpaired=str(error)))
            return
        wrong = (samples.wrong or 0) + turns.wrong
        one.add(samples=replace(samples, turns=turns.instances, wrong=wrong))

    def _new(self, cell: Cell) -> Measured:
        known = self.environment.packages
        versions = {name: known.get(name) for name in packages_of(cell.arm.runtime, REFERENCE)}
        where = f"{self.environment.machine} {versions}"
        record = Record(asked(cell), model=model_of(cell.arm))
        return Measured(cell, cell.hash(self.settings, where), record)

    def _finish(self, one: Measured, seconds: float) -> Row:
        """Keep what was measured of the cell."""
        one.add(
            provenance=Provenance(
                preset=self.settings.preset.name,
                when=datetime.now(UTC).isoformat(timespec="seconds"),
                seconds=round(seconds, 1),
                machine=self.environment.machine,
                harness=harness(one.cell.arm.runtime),
                break_even_runtime=self.settings.break_even,
                cell=one.hash,
            )
        )
        one.kept = True
        return self.journal.add(one.record)


def _title(one: Measured) -> str:
    asked = one.record.asked
    where = f"{asked.runtime} on {asked.provider}, batch {asked.batch}"
    return f"{asked.subject} {asked.precision}, {where}"
