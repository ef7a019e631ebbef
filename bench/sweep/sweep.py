"""`bench`: measure every cell of a matrix, one after the other; a cell that fails is a row too."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.measuring.arm_process import ArmProcess, OutOfMemoryError
from bench.measuring.environment import Environment
from bench.measuring.stopping import measure
from bench.measuring.turns import take_turns
from bench.measuring.warm_process import WarmProcess
from bench.results.evaluate import add_break_even, evaluate
from bench.results.journal import Journal
from bench.results.rows import FAILED, LATENCY, OK, SKIPPED, THROUGHPUT, Row
from bench.results.samples import Block, Samples
from bench.runtimes import UnsupportedError
from bench.subjects.arm import Arm
from bench.subjects.images import Gallery, ImageFiles
from bench.sweep.columns import asked, from_card, ran
from bench.sweep.matrix import Cell, Doubling, Settings
from bench.sweep.preflight import Takes, check_arms
from bench.sweep.referee import Referee
from bench.sweep.required import demand_accuracy, missing_accuracy
from zoo.errors import UnavailableError, ZooError
from zoo.ort.faults import Here
from zoo.ort.providers import DISTRIBUTIONS
from zoo.progress import Progress

_PENDING = "not measured yet"
_FLOOR_CALLS = 2000


@dataclass
class Measured:
    """A row on its way, with what it is computed from."""

    cell: Cell
    row: Row
    samples: Samples = field(default_factory=Samples)


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
        engines = {name: environment.packages.get(name) for name in (*DISTRIBUTIONS, "torch")}
        self._where = f"{environment.machine} {engines}"
        self.progress = progress
        self.data_dir = data_dir
        self._references: dict[tuple[str, int, int], Row] = {}
        self._takes: dict[str, Takes] = {}
        self._done = {
            row.cell
            for row in journal.rows
            if row.status != FAILED and row.accuracy_reason != _PENDING
        }

    def preflight(self, arms: Sequence[Arm]) -> None:
        """Refuse what cannot be measured (`UsageError`), before anything is."""
        left = [arm for arm in arms if self._open(arm)]
        self._takes = check_arms(left, self.settings, self.data_dir, self.progress)

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
        self._remember(arm)
        measured = self._open(arm)
        if not measured:
            return
        if arm.skipped:
            self._end(measured, SKIPPED, arm.skipped)
        else:
            try:
                self._check_fault(arm)
                self._measure(arm, measured)
            except UnsupportedError as error:
                self._end(measured, SKIPPED, str(error))
            except (ZooError, OSError) as error:
                self._end(measured, FAILED, str(error))
        for one in measured:
            yield one.row

    def _check_fault(self, arm: Arm) -> None:
        """Refuse what is known to give wrong answers here."""
        fault = arm.subject.fault(arm.runtime, arm.provider, self.on)
        if fault:
            raise UnavailableError(f"it would be answered wrongly: {fault}")

    def _cells(self, arm: Arm) -> list[Measured]:
        """All of an arm; of those whose number is to be found, the first."""
        takes = self._takes.get(arm.subject.name)
        fixed = takes.fixed_batch if takes else None
        batches = (fixed,) if fixed else self.settings.batches
        cells = [Cell(arm, batch) for batch in batches]
        return [self._new(cell) for cell in cells or [Cell(arm, 1, THROUGHPUT)]]

    def _open(self, arm: Arm) -> list[Measured]:
        """Those that an earlier sitting has not finished."""
        return [one for one in self._cells(arm) if one.row.cell not in self._done]

    def _remember(self, arm: Arm) -> None:
        """Rows of an earlier sitting are references too."""
        keys = {one.row.cell for one in self._cells(arm)} & self._done
        for row in self.journal.rows if arm.is_reference else ():
            if row.cell in keys:
                self._references[row.subject, row.threads, row.batch] = row

    def _end(self, measured: Sequence[Measured], status: str, reason: str) -> None:
        """Rows that will not be measured any more."""
        for one in measured:
            if not one.row.when:
                one.row.status, one.row.reason = status, reason
                self._finish(one, 0.0)

    def _measure(self, arm: Arm, measured: list[Measured]) -> None:
        """Fill the rows of an arm, each of them kept as soon as it is timed.

        More rows are added where batch sizes are to be found. Accuracy comes last: its pass would
        count as memory, and as a batch size that came before.
        """
        images = self._gallery.of(arm.subject, self._image_shape(arm))
        facts = self._card_facts(arm, images)
        sizes = None if measured[0].cell.scenario == LATENCY else Doubling()
        with WarmProcess(self.settings.order(arm), self.settings.timeout) as warm:
            first = measured[0].cell.batch
            path = images.batches(first, self._folder)  # before a process waits for it
            starts = warm.cold_starts(self.settings.preset.starts, path, first)
            for one in measured:  # which grows meanwhile, where sizes are to be found
                began = time.monotonic()
                one.samples.starts = starts
                one.row = replace(one.row, **facts)
                self._cell(warm, one, images)
                self._finish(one, time.monotonic() - began)
                if sizes is not None and one.row.status == OK:
                    sizes.add(one.row.images_per_second or 0.0)
                    if sizes.next is not None:
                        measured.append(self._new(replace(one.cell, batch=sizes.next)))
            if facts.get("accuracy_reason") == _PENDING:
                self._accuracy(warm, arm, measured, images)

    def _card_facts(self, arm: Arm, images: ImageFiles) -> dict[str, Any]:
        """The columns of accuracy until it is measured, or if it is not."""
        facts: dict[str, Any] = {"inputs": images.source}
        if not self.settings.accuracy:
            return facts | from_card(arm, self.settings.why_no_accuracy)
        if images.test is None:
            reason = images.reason or "there is no test set"
            if self.settings.measure_accuracy:
                raise ZooError(missing_accuracy(reason))
            return facts | from_card(arm, reason)
        return facts | {"accuracy_reason": _PENDING}

    def _image_shape(self, arm: Arm) -> tuple[int, int, int]:
        card = arm.subject.card
        if card:
            return card.image_shape
        if arm.subject.name in self._takes:
            return self._takes[arm.subject.name].image_shape
        with ArmProcess(self.settings.order(arm), self.settings.timeout) as opened:
            return Takes.of(opened).image_shape

    def _cell(self, warm: WarmProcess, one: Measured, images: ImageFiles) -> None:
        """One batch size; what fails is in the row, and condemns no other."""
        try:
            self._batch(warm.process(), one, images)
        except OutOfMemoryError as error:
            limit = one.cell.scenario == THROUGHPUT and one.cell.batch > 1
            one.row.status = SKIPPED if limit else FAILED
            one.row.reason = f"the limit of batch sizes: {error}" if limit else str(error)
        except (ZooError, OSError) as error:
            one.row.status, one.row.reason = FAILED, str(error)
        else:
            if one.row.wrong_answers == 0 and one.cell.scenario == LATENCY:
                self._pair(one, images)
        if one.row.wrong_answers:
            one.row.status = FAILED
            one.row.reason = f"{one.row.wrong_answers} timed calls gave other logits than before"
        if one.row.status != OK:
            warm.drop()

    def _batch(self, opened: ArmProcess, one: Measured, images: ImageFiles) -> None:
        """Warm-up and measurement at one batch size."""
        batch = one.cell.batch
        one.row = row = replace(one.row, **ran(opened.facts["what_ran"], one.cell.arm.provider))
        answers = self._folder / "answers.npy"
        path = images.batches(batch, self._folder)
        self.progress.say(f"measuring {_title(row)}")
        began = opened.ask("batch", images=str(path), size=batch, answers=str(answers))
        self._referee.check(one.cell.arm, batch, np.load(answers), path)
        row.wrong_answers = 0

        def take_block(seconds: float, least: int) -> Block:
            given = opened.ask("block", seconds=seconds, least=least)
            row.wrong_answers = (row.wrong_answers or 0) + given["wrong"]
            return Block(**given["block"])

        warm_up, found = measure(take_block, self.settings.preset.length)
        row.steady, row.rerun = warm_up.steady, found.rerun
        one.samples.blocks = found.blocks
        one.samples.floor_ns = opened.ask("floor", count=_FLOOR_CALLS)["ns"]
        memory = opened.ask("memory")
        row.peak_rss_mib, row.vram_mib = memory["peak_rss_mib"], memory["vram_mib"]
        evaluate(row, one.samples)
        if not began["known"] and row.p50_ms:
            row.new_shape_ms = max(0.0, began["first_ns"] / 1e6 - row.p50_ms)

    def _accuracy(
        self, warm: WarmProcess, arm: Arm, measured: Sequence[Measured], images: ImageFiles
    ) -> None:
        """Over the whole test set, through the session that was timed."""
        timed = [one for one in measured if one.row.status == OK]
        if not timed:
            return
        batches = [one.cell.batch for one in timed]
        try:
            columns = self._referee.accuracy(timed[0].row.arm, warm, arm, images, batches)
        except (ZooError, OSError) as error:
            columns = dict.fromkeys(batches, from_card(arm, f"measuring it failed: {error}"))
        for one in timed:
            one.row = replace(one.row, **{"accuracy_reason": None, **columns[one.cell.batch]})
            if self.settings.measure_accuracy:
                demand_accuracy(one.row)
            evaluate(one.row, one.samples, self._reference_row(one))
            self.journal.update(one.row)

    def _pair(self, one: Measured, images: ImageFiles) -> None:
        """This arm and the reference in turns."""
        row, settings = one.row, self.settings
        if one.cell.arm.is_reference:
            return
        reference = one.cell.arm.reference()
        self.progress.say(f"pairing {_title(row)} with the reference")
        row.reference = f"{reference.runtime} {reference.provider} {reference.subject.precision}"
        row.margin = settings.margin
        try:
            self._check_fault(reference)
            turns = take_turns(
                settings.order(reference),
                settings.order(one.cell.arm),
                images.batches(row.batch, self._folder),
                row.batch,
                replace(settings.preset.pair, timeout=settings.timeout),
            )
        except (ZooError, OSError) as error:
            one.samples.unpaired = str(error)
            return
        row.wrong_answers = (row.wrong_answers or 0) + turns.wrong
        one.samples.turns = turns.instances

    def _new(self, cell: Cell) -> Measured:
        machine = self.environment.machine
        return Measured(cell, asked(cell, self.settings, machine, self._where))

    def _finish(self, one: Measured, seconds: float) -> None:
        """Keep the row."""
        row = one.row
        if row.status == OK:
            evaluate(row, one.samples, self._reference_row(one))
        if one.cell.arm.is_reference:
            self._references[row.subject, row.threads, row.batch] = row
        row.seconds = round(seconds, 1)
        row.when = datetime.now(UTC).isoformat(timespec="seconds")
        add_break_even([*self.journal.rows, row])
        self.journal.add(row, one.samples)

    def _reference_row(self, one: Measured) -> Row | None:
        return self._references.get((one.row.subject, one.row.threads, one.row.batch))


def _title(row: Row) -> str:
    return f"{row.subject} {row.precision}, {row.runtime} on {row.provider}, batch {row.batch}"
