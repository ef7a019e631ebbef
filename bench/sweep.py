"""`bench`: measure every cell of a matrix, one after the other; a cell that fails is a row too."""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from bench import matrix
from bench.accuracy import Logits, accuracy_of, difference
from bench.arm import Arm, ArmError
from bench.environment import Environment
from bench.evaluate import add_break_even, evaluate
from bench.matrix import Cell, Doubling, Settings
from bench.measure import measure
from bench.pictures import Gallery, Pictures
from bench.results import (
    FAILED,
    LATENCY,
    OK,
    SKIPPED,
    THROUGHPUT,
    Block,
    Journal,
    Row,
    Samples,
    read_predictions,
    write_predictions,
)
from bench.runtimes import Order, UnsupportedError
from bench.schedule import take_turns
from zoo.errors import UsageError, ZooError
from zoo.intervals import Accuracy
from zoo.progress import Progress
from zoo.providers import DISTRIBUTIONS, short_name

_ACCURACY_BATCH = 64
_FLOOR_CALLS = 2000
_SAME = 1e-3  # of (1 + the largest logit): how far another fp32 engine's answers may be
_TURNED = 1e-3  # share of the pictures whose class may turn on another CPU, which rounds otherwise
_SPREAD = 1.5  # how much farther than at the gate an fp16 or int8 file may be on this machine


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
    ) -> None:
        self.settings = settings
        self.journal = journal
        self.environment = environment
        engines = {name: environment.packages.get(name) for name in (*DISTRIBUTIONS, "torch")}
        self._where = f"{environment.machine} {engines}"
        self.progress = progress
        self.data_dir = data_dir
        self._predicted = read_predictions(journal.path) if journal.rows else {}
        self._logits: dict[tuple[str, int], Logits] = {}
        self._answers: dict[tuple[str, int, int], Logits] = {}
        self._references: dict[tuple[str, int, int], Row] = {}
        self._takes: dict[str, tuple[tuple[int, int, int], int | None]] = {}
        self._done = {row.cell for row in journal.rows if row.status != FAILED}

    def look(self, arms: Sequence[matrix.Arm]) -> None:
        """Open each file of other origin once: what it does not say is asked for (`UsageError`)."""
        foreign = (arm.subject for arm in arms if not arm.subject.card and self._open(arm))
        for subject in dict.fromkeys(foreign):
            order = Order(model=str(subject.path), mean=subject.mean, std=subject.std)
            try:
                with Arm(order, self.settings.timeout) as opened:
                    height, width, channels = opened.facts["image_shape"]
                    takes = (height, width, channels), opened.facts["fixed_batch"]
                    self._takes[subject.name] = takes
            except UsageError:
                raise
            except ZooError:  # then each of its rows says why
                continue

    def run(self, arms: Sequence[matrix.Arm]) -> Iterator[Row]:
        """Measure all cells that were not measured before."""
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            self._folder = Path(folder)
            self._gallery = Gallery(self._folder, self.data_dir, self.progress)
            for _, group in groupby(arms, key=lambda arm: arm.subject.name):
                of_subject = list(group)
                for arm in of_subject:
                    yield from self._arm(arm, self._reference_of(arm, of_subject))

    def _reference_of(self, arm: matrix.Arm, others: Sequence[matrix.Arm]) -> matrix.Arm | None:
        """The reference with the same threads, where it is another arm and part of the sweep."""
        found = [one for one in others if one.is_reference and one.threads == arm.threads]
        return found[0] if found and found[0] != arm else None

    def _arm(self, arm: matrix.Arm, reference: matrix.Arm | None) -> Iterator[Row]:
        self._remember(arm)
        measured = self._open(arm)
        if not measured:
            return
        _, fixed = self._takes.get(arm.subject.name, (None, None))
        began = time.monotonic()
        for one in measured:
            reason = arm.skipped
            if fixed not in (None, one.cell.batch):
                reason = reason or f"the file takes batches of {fixed} only: --batch {fixed}"
            if reason:
                one.row.status, one.row.reason = SKIPPED, reason
        skipped = [one for one in measured if one.row.status == SKIPPED]
        measured = [one for one in measured if one.row.status != SKIPPED]
        if measured:
            self._measure(arm, measured, reference)
        measured = [*skipped, *measured]
        took = (time.monotonic() - began) / len(measured)
        for one in measured:
            self._finish(one, took)
            yield one.row

    def _cells(self, arm: matrix.Arm) -> list[Measured]:
        """All of an arm."""
        cells = [Cell(arm, batch) for batch in self.settings.batches]
        return [self._new(cell) for cell in cells or [Cell(arm, 1, THROUGHPUT)]]

    def _open(self, arm: matrix.Arm) -> list[Measured]:
        """Those that an earlier sitting has not finished."""
        return [one for one in self._cells(arm) if one.row.cell not in self._done]

    def _remember(self, arm: matrix.Arm) -> None:
        """Rows of an earlier sitting are references too."""
        keys = {one.row.cell for one in self._cells(arm)} & self._done
        for row in self.journal.rows if arm.is_reference else ():
            if row.cell in keys:
                self._references[row.subject, row.threads, row.batch] = row

    def _measure(
        self, arm: matrix.Arm, measured: list[Measured], reference: matrix.Arm | None
    ) -> None:
        """Fill the rows of an arm; more are added where batch sizes are to be found."""
        try:
            pictures = self._gallery.of(arm.subject, self._image_shape(arm))
            if reference:
                self._recall(reference, measured, pictures)
            self._solo(arm, measured, pictures)
        except ZooError as error:
            status = SKIPPED if isinstance(error, UnsupportedError) else FAILED
            for one in measured:
                if not one.samples.blocks:
                    one.row.status, one.row.reason = status, str(error)
            return
        for one in measured:
            if reference and one.row.status == OK and one.cell.scenario == LATENCY:
                self._pair(reference, one, pictures)

    def _image_shape(self, arm: matrix.Arm) -> tuple[int, int, int]:
        card = arm.subject.card
        if card:
            return card.image_shape
        if arm.subject.name in self._takes:
            return self._takes[arm.subject.name][0]
        with Arm(arm.order(self.settings), self.settings.timeout) as opened:
            height, width, channels = opened.facts["image_shape"]
            return height, width, channels

    def _recall(self, reference: matrix.Arm, measured: list[Measured], pictures: Pictures) -> None:
        """Ask a reference that was measured in an earlier sitting for its answers again."""
        key = (reference.subject.name, reference.threads)
        sizes = [one.cell.batch for one in measured]
        lacking = [
            size
            for size in sizes
            if (*key, size) in self._references and (*key, size) not in self._answers
        ]
        if not lacking:
            return
        order, out = reference.order(self.settings), self._folder / "recalled.npy"
        with suppress(ZooError), Arm(order, self.settings.timeout) as opened:
            for size in lacking:
                path = pictures.batches(size, self._folder)
                opened.ask("batch", pictures=str(path), size=size, answers=str(out))
                self._answers[(*key, size)] = np.load(out)
            if self.settings.accuracy and pictures.test and key not in self._logits:
                batch = opened.facts["fixed_batch"] or _ACCURACY_BATCH
                opened.ask("predict", pictures=str(pictures.test), size=batch, logits=str(out))
                self._logits[key] = np.load(out)

    def _solo(self, arm: matrix.Arm, measured: list[Measured], pictures: Pictures) -> None:
        """One process by itself: cold costs, accuracy, then each batch size."""
        order, timeout = arm.order(self.settings), self.settings.timeout
        starts = []
        for left in reversed(range(self.settings.preset.starts)):
            with Arm(order, timeout) as opened:
                starts.append(self._start(opened, measured[0].cell.batch, pictures))
                if left:
                    continue
                facts = {
                    **_ran(opened.facts["what_ran"], arm.provider),
                    **self._accuracy(opened, arm, pictures),
                    "inputs": pictures.source,
                }
                if self.settings.batches:
                    for one in measured:
                        self._batch(opened, one, pictures, starts, facts)
                else:
                    self._doubling(opened, measured, pictures, starts, facts)

    def _doubling(
        self,
        opened: Arm,
        measured: list[Measured],
        pictures: Pictures,
        starts: list[dict[str, int]],
        facts: dict[str, Any],
    ) -> None:
        """Ever larger batches, until that no longer pays or the memory ends."""
        sizes = Doubling()
        while True:
            one = measured[-1]
            try:
                self._batch(opened, one, pictures, starts, facts)
            except ZooError as error:
                if len(measured) == 1:
                    raise
                one.row.status, one.row.reason = SKIPPED, f"the limit of batch sizes: {error}"
                return
            sizes.add(one.row.images_per_second or 0.0)
            if sizes.next is None:
                return
            measured.append(self._new(replace(one.cell, batch=sizes.next)))

    def _size(self, opened: Arm, batch: int) -> int:
        fixed = opened.facts["fixed_batch"]
        if fixed not in (None, batch):
            raise UsageError(f"the file takes batches of {fixed} only: --batch {fixed}")
        return batch

    def _start(self, opened: Arm, size: int, pictures: Pictures) -> dict[str, int]:
        path = pictures.batches(size, self._folder)
        answer = opened.ask("batch", pictures=str(path), size=size)
        return {
            "cold": answer["answered_at"] - opened.started_at,
            "load": opened.facts["load_ns"],
            "first": answer["first_ns"],
        }

    def _batch(
        self,
        opened: Arm,
        one: Measured,
        pictures: Pictures,
        starts: list[dict[str, int]],
        facts: dict[str, Any],
    ) -> None:
        """Warm-up and measurement at one batch size."""
        batch = self._size(opened, one.cell.batch)
        one.samples.starts = starts
        one.row = row = replace(one.row, **facts)
        answers = self._folder / "answers.npy"
        path = pictures.batches(batch, self._folder)
        self.progress.say(f"measuring {_title(row)}")
        began = opened.ask("batch", pictures=str(path), size=batch, answers=str(answers))
        self._check_answers(one, np.load(answers))
        row.wrong_answers = 0

        def ask(seconds: float, least: int) -> Block:
            given = opened.ask("block", seconds=seconds, least=least)
            row.wrong_answers = (row.wrong_answers or 0) + given["wrong"]
            return Block(**given["block"])

        warm_up, kept = measure(ask, self.settings.preset.length)
        row.steady, row.rerun = warm_up.steady, kept.rerun
        one.samples.blocks = kept.blocks
        one.samples.floor_ns = opened.ask("floor", count=_FLOOR_CALLS)["ns"]
        memory = opened.ask("memory")
        row.peak_rss_mib, row.vram_mib = memory["peak_rss_mib"], memory["vram_mib"]
        evaluate(row, one.samples)
        if not began["known"] and row.p50_ms:
            row.new_shape_ms = max(0.0, began["first_ns"] / 1e6 - row.p50_ms)

    def _check_answers(self, one: Measured, answers: Logits) -> None:
        """The timed calls must give what the reference gave for the same pictures."""
        arm = one.cell.arm
        key = (arm.subject.name, arm.threads, one.cell.batch)
        if arm.is_reference:
            self._answers[key] = answers
        expected = self._answers.get(key)
        if expected is None:
            return
        if answers.shape != expected.shape:
            classes = f"{answers.shape[1]} classes, the reference {expected.shape[1]}"
            raise ArmError(f"its logits are wrong: they are of {classes}")
        apart = float(np.abs(answers - expected).max(initial=0))
        bound = _SAME * (1 + float(np.abs(expected).max(initial=0)))
        card = arm.subject.card
        if card and arm.subject.precision != "fp32":
            seen = card.precisions[arm.subject.precision].max_difference
            bound += _SPREAD * max(seen.values())
        if not apart <= bound:
            raise ArmError(
                f"its logits are wrong: {apart:.3g} away from the reference's, allowed {bound:.3g}"
            )

    def _accuracy(self, opened: Arm, arm: matrix.Arm, pictures: Pictures) -> dict[str, Any]:
        """Columns: over the whole test set, through the session that is timed; else the card's."""
        if not self.settings.accuracy:
            return _from_card(arm, f"preset {self.settings.preset.name}: not measured")
        if pictures.test is None or pictures.labels is None:
            return _from_card(arm, pictures.reason or "there is no test set")
        out = self._folder / "logits.npy"
        label = f"accuracy of {arm.subject.name} {arm.subject.precision}, {arm.runtime}"
        with self.progress.task(label, len(pictures.labels)) as advance:
            opened.ask(
                "predict",
                pictures=str(pictures.test),
                size=opened.facts["fixed_batch"] or _ACCURACY_BATCH,
                logits=str(out),
                on_progress=advance,
            )
        logits = np.load(out)
        classes = len(pictures.class_names)
        if logits.shape[1] != classes:
            told = f"it gives {logits.shape[1]} classes, {arm.subject.dataset} has {classes}"
            return _from_card(arm, told)
        key = (arm.subject.name, arm.threads)
        if arm.is_reference:
            self._logits[key] = logits
        found = accuracy_of(logits, pictures.labels)
        columns = {**_accuracy_columns(found), "accuracy_source": "measured"}
        said = _of_card(arm)
        if said and abs(said.correct - found.correct) > _TURNED * found.images:
            columns["accuracy_reason"] = f"the card says {said.correct:,} of {said.images:,}"
        if key in self._logits:
            apart = difference(logits, self._logits[key], pictures.labels)
            columns |= {
                "agreement": apart.agreement,
                "mcnemar_p": apart.mcnemar_p,
                "max_difference": apart.largest,
            }
        self._predicted[self._new(Cell(arm, 1)).row.arm] = logits.argmax(axis=1)
        self._predicted[f"labels|{arm.subject.dataset}"] = pictures.labels
        write_predictions(self.journal.path, self._predicted)
        return columns

    def _pair(self, reference: matrix.Arm, one: Measured, pictures: Pictures) -> None:
        """This arm and the reference in turns."""
        row, settings = one.row, self.settings
        self.progress.say(f"pairing {_title(row)} with the reference")
        row.reference = f"{reference.runtime} {reference.provider} {reference.subject.precision}"
        row.margin = settings.margin
        try:
            turns = take_turns(
                reference.order(settings),
                one.cell.arm.order(settings),
                pictures.batches(row.batch, self._folder),
                row.batch,
                settings.preset.pair,
            )
        except ZooError as error:
            row.warnings = f"it could not be paired with the reference: {error}"
            return
        row.wrong_answers = (row.wrong_answers or 0) + turns.wrong
        one.samples.turns = turns.instances

    def _new(self, cell: Cell) -> Measured:
        arm, subject, card = cell.arm, cell.arm.subject, cell.arm.subject.card
        row = Row(
            subject=subject.name,
            precision=subject.precision,
            runtime=arm.runtime,
            provider=arm.provider,
            boundary=arm.boundary,
            threads=arm.threads,
            batch=cell.batch,
            scenario=cell.scenario,
            dataset=subject.dataset,
            file_bytes=subject.bytes or None,
            sha256=subject.sha256 or None,
            preset=self.settings.preset.name,
            machine=self.environment.machine,
            cell=cell.hash(self.settings, self._where),
        )
        if card:
            row = replace(
                row,
                model=card.model,
                family=card.family,
                parameters=card.parameters,
                macs=card.macs,
            )
        return Measured(cell, row)

    def _finish(self, one: Measured, seconds: float) -> None:
        row = one.row
        key = (row.subject, row.threads, row.batch)
        if row.status == OK:
            pairing_failed = row.warnings if not one.samples.turns and row.reference else None
            evaluate(row, one.samples, self._references.get(key))
            if pairing_failed:
                row.warnings = "; ".join(filter(None, (row.warnings, pairing_failed)))
        if one.cell.arm.is_reference:
            self._references[key] = row
        row.seconds = round(seconds, 1)
        row.when = datetime.now(UTC).isoformat(timespec="seconds")
        add_break_even([*self.journal.rows, row])
        self.journal.add(row, one.samples)


def _ran(told: dict[str, Any], provider: str) -> dict[str, Any]:
    """The columns of what an engine says of itself."""
    nodes: dict[str, int] = told["nodes"]
    there = sum(n for name, n in nodes.items() if short_name(name) == short_name(provider))
    return {
        "engine": told["engine"],
        "tf32": told["tf32"],
        "conv_search": told["conv_search"],
        "elsewhere": "; ".join(told["elsewhere"]) or None,
        "nodes": sum(nodes.values()) or None,
        "placed_share": there / sum(nodes.values()) if nodes else None,
    }


def _from_card(arm: matrix.Arm, reason: str) -> dict[str, Any]:
    said = _of_card(arm)
    if said is None:
        return {"accuracy_reason": reason}
    return {**_accuracy_columns(said), "accuracy_source": "card", "accuracy_reason": reason}


def _of_card(arm: matrix.Arm) -> Accuracy | None:
    """The accuracy that the file's card says it has."""
    card = arm.subject.card
    return card.precisions[arm.subject.precision].accuracy if card else None


def _accuracy_columns(found: Accuracy) -> dict[str, Any]:
    return {
        "accuracy": found.share,
        "accuracy_low": found.low,
        "accuracy_high": found.high,
        "correct": found.correct,
        "images": found.images,
    }


def _title(row: Row) -> str:
    return f"{row.subject} {row.precision}, {row.runtime} on {row.provider}, batch {row.batch}"
