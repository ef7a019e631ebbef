"""Measure the arms of one subject: the work that an executor runs. It keeps no state.

A cell that fails is a finding, too, and the others are still measured.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.measuring.arm_process import ArmProcess, OutOfMemoryError
from bench.measuring.samples import Block, Samples
from bench.measuring.turns import take_turns_at_each
from bench.measuring.warm_process import WarmProcess
from bench.results.evaluate import evaluate
from bench.results.record import Record
from bench.results.rows import FAILED, OK, SKIPPED, Memory, Outcome, Pairing, Scored
from bench.runtimes import UnsupportedError
from bench.scenarios.registry import find_scenario
from bench.scenarios.scenario import Step
from bench.subjects.arm import Arm
from bench.subjects.images import Gallery, ImageFiles
from bench.sweep.columns import from_card, ran
from bench.sweep.matrix import Cell
from bench.sweep.measured import Measured
from bench.sweep.referee import Referee
from bench.sweep.required import amended, missing_accuracy
from bench.sweep.takes import Takes
from bench.sweep.task import PENDING, ArmEnded, Finding, Left, Predicted, Task
from zoo.errors import UnavailableError, ZooError
from zoo.progress import Progress

_FLOOR_CALLS = 2000


def measure_arms(task: Task, progress: Progress) -> Iterator[Finding]:
    """Measure what is left of each arm; its findings end with an `ArmEnded`."""
    task.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="task-", dir=task.folder) as folder:
        arms = _Arms(task, Path(folder), progress)
        for left in task.arms:
            yield from arms.measure(left)
            yield ArmEnded()


class _Arms:
    """The arms of a task, which share images and a reference."""

    def __init__(self, task: Task, folder: Path, progress: Progress) -> None:
        self._task = task
        self._settings = task.settings
        self._folder = folder
        self._progress = progress
        self._referee = Referee(task.settings, folder, progress)
        self._gallery = Gallery(task.folder, task.data_dir, progress, whole=task.settings.accuracy)
        # For third-party files, by name: the task's own, and the one that it is compared with.
        self._takes = {task.arms[0].arm.subject.name: task.takes} if task.takes else {}

    def measure(self, left: Left) -> Iterator[Finding]:
        """Measure everything that is left of an arm."""
        arm, measured = left.arm, [self._begun(cell) for cell in left.cells]
        problem = arm.subject.problem or self._task.problem
        if arm.skipped:
            yield from self._end(measured, SKIPPED, arm.skipped)
        elif problem:
            yield from self._end(measured, FAILED, problem)
        else:
            try:
                self._check_fault(arm)
                yield from self._cells(left, measured)
            except UnsupportedError as error:
                yield from self._end(measured, SKIPPED, str(error))
            except (ZooError, OSError) as error:
                yield from self._end(measured, FAILED, str(error))

    def _begun(self, cell: Cell) -> Measured:
        return Measured.begun(cell, self._settings, self._task.environment)

    def _end(self, measured: Sequence[Measured], status: str, reason: str) -> Iterator[Record]:
        """Report that nothing more is measured."""
        for one in measured:
            if not one.is_finished:
                yield one.ended(self._settings, self._task.environment, status, reason)

    def _check_fault(self, arm: Arm) -> None:
        """Refuse files known to give wrong answers here."""
        fault = arm.subject.fault(arm.runtime, arm.provider, self._task.on)
        if fault:
            raise UnavailableError(f"it would give wrong answers: {fault}")

    def _check_shapes(self, arm: Arm, reference: Arm) -> None:
        """Refuse two arms that do not take the same images."""
        shapes = [self._image_shape(one) for one in (reference, arm)]
        if shapes[0] != shapes[1]:
            told = " and ".join(" x ".join(map(str, shape)) for shape in shapes)
            raise ZooError(f"it takes images of another shape than the reference, {told}")

    def _cells(self, left: Left, measured: list[Measured]) -> Iterator[Finding]:
        """Measure cell by cell, and yield each as soon as it is timed.

        Cells are added if batch sizes are to be found. Accuracy comes last: its pass would affect
        the memory figures and count as an earlier batch size.
        """
        arm, settings = left.arm, self._settings
        scenario, steps = find_scenario(measured[0].cell.scenario), list(left.steps)
        images = self._gallery.of(arm.subject, self._image_shape(arm))
        scored = self._not_measured(arm, images)
        with WarmProcess(settings.order(arm), settings.timeout) as warm:
            # As in an uninterrupted sweep: cold costs are for the arm's first batch size.
            first = left.steps[0].batch if left.steps else measured[0].cell.batch
            path = images.batches(first, self._task.folder)  # before a process waits for it
            starts = warm.cold_starts(settings.preset.starts, path, first)
            while waiting := [one for one in measured if not one.is_finished]:
                together = waiting if arm.keeps_processes else waiting[:1]
                for one in together:
                    one.add(samples=Samples(starts=starts), scored=scored)
                for record in self._together(warm, together, images):
                    yield record
                    if scenario.searches and record.outcome.status == OK:
                        steps.append(_step(record))
                        if size := scenario.further(left.batches, steps):
                            measured.append(self._begun(replace(together[-1].cell, batch=size)))
            if scored.accuracy_reason == PENDING:
                yield from self._accuracy(warm, arm, measured, images)

    def _not_measured(self, arm: Arm, images: ImageFiles) -> Scored:
        """The accuracy columns until it is measured, or if it is not."""
        if arm.subject.no_accuracy:
            return from_card(arm, arm.subject.no_accuracy)
        if not self._settings.accuracy:
            return from_card(arm, self._settings.why_no_accuracy)
        if images.test is None:
            reason = images.reason or "no test set is available"
            if self._settings.measure_accuracy:
                raise ZooError(missing_accuracy(reason))
            return from_card(arm, reason)
        return Scored(accuracy_reason=PENDING)

    def _image_shape(self, arm: Arm) -> tuple[int, int, int]:
        if arm.subject.card:
            return arm.subject.card.image_shape
        name = arm.subject.name
        if name not in self._takes:
            with ArmProcess(self._settings.order(arm), self._settings.timeout) as opened:
                self._takes[name] = Takes.of(opened)
        return self._takes[name].image_shape

    def _together(
        self, warm: WarmProcess, together: Sequence[Measured], images: ImageFiles
    ) -> Iterator[Record]:
        """Measure cells of an arm one after the other, then their pairs in shared processes."""
        scenario, seconds = find_scenario(together[0].cell.scenario), []
        for one in together:
            began = time.monotonic()
            self._cell(warm, one, images)
            seconds.append(time.monotonic() - began)
        began = time.monotonic()
        right = [one for one in together if one.record.outcome.status == OK]
        if scenario.paired:
            self._pair(right, images)
            for one in right:
                _refuse_wrong(warm, one)
        shared = (time.monotonic() - began) / len(together)
        for one, own in zip(together, seconds, strict=True):
            yield one.finished(self._settings, self._task.environment, own + shared)

    def _cell(self, warm: WarmProcess, one: Measured, images: ImageFiles) -> None:
        """Measure one batch size; a failure is recorded, and the others are still measured."""
        scenario, batch = find_scenario(one.cell.scenario), one.cell.batch
        try:
            self._batch(warm.process(), one, images)
        except OutOfMemoryError as error:
            limit = scenario.searches and batch > 1
            reason = f"largest batch size reached: {error}" if limit else str(error)
            one.add(outcome=Outcome(SKIPPED if limit else FAILED, reason))
        except (ZooError, OSError) as error:
            one.add(outcome=Outcome(FAILED, str(error)))
        _refuse_wrong(warm, one)

    def _batch(self, opened: ArmProcess, one: Measured, images: ImageFiles) -> None:
        """Warm-up and measurement at one batch size."""
        arm, batch = one.cell.arm, one.cell.batch
        one.add(ran=ran(opened.facts["what_ran"], arm.provider, images.source))
        answers = self._folder / "answers.npy"
        path = images.batches(batch, self._task.folder)
        self._progress.now(f"measuring {one.title}")
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
        warm_up, found = scenario.measure(take_block, self._settings.preset.length)
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

    def _pair(self, measured: Sequence[Measured], images: ImageFiles) -> None:
        """An arm and its reference in turns, at the batch sizes of these cells that have one."""
        rivals = [(one, rival) for one in measured if (rival := one.cell.rival)]
        if not rivals:
            return
        cells, reference = [one for one, _ in rivals], rivals[0][1]
        arm, settings = cells[0].cell.arm, self._settings
        sizes = [one.cell.batch for one in cells]
        self._progress.now(f"pairing {cells[0].title} with the reference")
        name = f"{reference.runtime} {reference.provider} {reference.subject.precision}"
        pairing = Pairing(name, margin=settings.margin)
        if arm.against:
            other, digest = arm.against.name, arm.against.sha256
            pairing = replace(pairing, reference_subject=other, reference_sha256=digest)
        for one in cells:
            one.add(pairing=pairing)
        try:
            self._check_fault(reference)
            if arm.against:
                self._check_shapes(arm, reference)
            found = take_turns_at_each(
                settings.order(reference),
                settings.order(arm),
                [(images.batches(size, self._task.folder), size) for size in sizes],
                replace(settings.preset.pair_of(arm), timeout=settings.timeout),
            )
        except (ZooError, OSError) as error:
            if len(cells) > 1:  # one of them may be at fault, and not the others
                for one in cells:
                    self._pair([one], images)
            else:
                cells[0].add(samples=replace(cells[0].record.samples, unpaired=str(error)))
            return
        for one, turns in zip(cells, found, strict=True):
            samples = one.record.samples
            wrong = (samples.wrong or 0) + turns.wrong
            one.add(samples=replace(samples, turns=turns.instances, wrong=wrong))

    def _accuracy(
        self, warm: WarmProcess, arm: Arm, measured: Sequence[Measured], images: ImageFiles
    ) -> Iterator[Finding]:
        """Measure accuracy on the whole test set, through the timed session."""
        timed = [one for one in measured if one.record.outcome.status == OK]
        if not timed:
            return
        batches = [one.cell.batch for one in timed]
        try:
            scored = self._referee.accuracy(timed[0].record.asked.arm, warm, arm, images, batches)
        except (ZooError, OSError) as error:
            scored = dict.fromkeys(batches, from_card(arm, f"measuring it failed: {error}"))
        if predicted := self._referee.take_predicted():
            yield Predicted(predicted)
        for one in timed:
            yield amended(one.hash, scored[one.cell.batch], self._settings)


def _refuse_wrong(warm: WarmProcess, one: Measured) -> None:
    """Fail a cell whose timed calls differed; after any failure the next cell has a new process."""
    if wrong := one.record.samples.wrong:
        reason = f"{wrong} timed calls gave different logits than before"
        one.add(outcome=Outcome(FAILED, reason))
    if one.record.outcome.status != OK:
        warm.drop()


def _step(record: Record) -> Step:
    return Step(record.asked.batch, evaluate(record).images_per_second or 0.0)
