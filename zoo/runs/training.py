"""A training run as a framework sees it: its data, and how it is saved, shown and stopped.

Every framework's training runs are shown, saved, stopped and resumed in the same way: that is done
here, so that a framework only trains.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from types import FrameType
from typing import Any

from zoo.data import Dataset
from zoo.errors import ZooError, command
from zoo.progress import Advance, Progress, clock_text
from zoo.records import read
from zoo.runs.checkpoint import State, load_checkpoint, save_checkpoint
from zoo.runs.cost import Cost
from zoo.runs.history import EpochRow, write_history
from zoo.runs.pace import PACE, Pace
from zoo.runs.run import Run, RunCard
from zoo.specs.catalog import ModelSpec

_LINES = 10  # about so many epochs of a training are told to everybody
_HISTORY = "history"  # in the JSON of a checkpoint


class InterruptedRunError(ZooError):
    """Stopped by the user; everything so far is kept."""

    exit_code = 130


@dataclass
class Training:
    """What to train, and the run that it fills."""

    spec: ModelSpec
    run: Run
    card: RunCard  # what it is determined by; a framework completes that of a new run
    data: Dataset
    progress: Progress
    exports: Path | None  # the published models, which one may stand on
    fresh: bool  # it starts from the beginning, and does not continue a run
    pace: Pace = PACE
    hooks: tuple[Any, ...] = ()  # what the framework's loop is to call besides
    state: State | None = None  # where it was stopped; None: it starts from the beginning
    history: list[EpochRow] = field(default_factory=list)  # of the epochs so far
    _begun: bool = field(default=False, init=False)
    _running: "_Steps | None" = field(default=None, init=False)
    _saved: float = field(default=0.0, init=False)

    def take_up(self) -> None:
        """Read the checkpoint of a stopped run, if there is one."""
        if not self.run.state.exists():
            return
        arrays, meta = load_checkpoint(self.run.state)
        rows = meta.pop(_HISTORY, [])
        try:
            self.history = list(read(tuple[EpochRow, ...], rows, "the history"))
        except ValueError as error:
            raise self.unfit(f" ({error})") from error
        self.state, self._begun = (arrays, meta), True

    def unfit(self, why: str = "") -> ZooError:
        """An error for a checkpoint that this run cannot have written."""
        return ZooError(
            f"{self.run.state} is not a checkpoint of this training{why}, or the model has changed "
            "since. Start again with --overwrite."
        )

    def keep(self, card: RunCard) -> None:
        """Write the card; that of a new run replaces an earlier run."""
        self.card = card
        if self._begun:
            self.run.write_card(card)
        else:
            self.run.begin(card)
        self._begun = True

    def take_over(self, card: RunCard, history: list[EpochRow]) -> None:
        """Continue after another process that trained and kept the run on disk."""
        self.card, self.history, self._begun = card, history, True

    def tell_cost(self, cost: Cost, card: RunCard | None = None) -> None:
        """Report and store the cost of the run. card: one that counts it in another way."""
        self.progress.say(f"{self.card.id}: {cost.line()}")
        counted = replace(
            self.card, parameters=cost.parameters, macs=cost.macs, train_flop=cost.flop
        )
        self.keep(card or counted)

    @contextmanager
    def running(
        self, steps: int, state: Callable[[], State], done: int = 0, epochs: float | None = None
    ) -> Iterator[None]:
        """Show the progress of the block's steps, some of which are done, and stop on request.

        state: returns what the run can resume from, after any step. epochs: the total number.
        """
        if not self._begun:
            self.keep(self.card)
        if done:
            self.progress.say(f"{self.run.folder}: continuing after step {done}/{steps}")
        stop = _StopRequest()
        self._saved = time.monotonic()
        with self.progress.task(self.card.id, steps - done) as advance, stop.listening():
            self._running = _Steps(steps, state, advance, stop, done, epochs)
            try:
                yield
            except InterruptedRunError:
                raise self._interrupted(self._running) from None

    def stepped(self, note: str = "", *, may_save: bool = True) -> None:
        """Report that a step is done; the run may be stopped and resumed between steps.

        note: a short state, such as a loss. may_save: False if saving now would be slow.
        """
        running = self._now()
        running.done += 1
        running.advance(1, note)
        if may_save:
            self._save_when_due(running)
        if running.stop.asked:
            raise InterruptedRunError("interrupted")

    def epoch_ended(self, row: EpochRow) -> None:
        """Report that an epoch is done, and add its row to history.csv."""
        running = self._now()
        self.history.append(row)
        tell = self.progress.say if _is_told(row.epoch, running.epochs) else self.progress.now
        tell(epoch_line(row, running.epochs))
        write_history(self.run.history, self.history)
        self._save_when_due(running)

    def _now(self) -> "_Steps":
        if self._running is None:
            raise AssertionError("a step outside of `running`")
        return self._running

    def _save_when_due(self, running: "_Steps") -> None:
        if time.monotonic() - self._saved >= self.pace.checkpoint_seconds:
            self._save(running)

    def _save(self, running: "_Steps") -> None:
        arrays, meta = running.state()
        rows = [asdict(row) for row in self.history]
        save_checkpoint(self.run.state, arrays, meta | {_HISTORY: rows})
        self._saved = time.monotonic()

    def _interrupted(self, running: "_Steps") -> InterruptedRunError:
        self._save(running)
        again = command("train", self.card.model, "--resume", "--run", self.run.folder)
        return InterruptedRunError(
            f"interrupted after step {running.done}/{running.steps}; everything is saved. "
            f"Continue with: {again}"
        )


@dataclass
class _Steps:
    """The steps under way."""

    steps: int
    state: Callable[[], State]
    advance: Advance
    stop: "_StopRequest"
    done: int
    epochs: float | None


def _is_told(epoch: float, epochs: float | None) -> bool:
    """Whether an epoch gets a line by default: about ten do, and the first and the last."""
    if not epochs or epochs <= _LINES:
        return True
    return epoch <= 1 or epoch >= epochs or epoch % math.ceil(epochs / _LINES) == 0


def epoch_line(row: EpochRow, epochs: float | None = None) -> str:
    """One epoch in words."""
    line = f"epoch {row.epoch:.3g}" + (f"/{epochs:g}" if epochs else "")
    facts = []
    if row.train_loss is not None:
        facts.append(f"train loss {row.train_loss:.3f}")
    if row.train_accuracy is not None:
        facts.append(f"{'' if facts else 'train '}accuracy {row.train_accuracy:.2%}")
    line = "  ".join([line, ", ".join(facts)] if facts else [line])
    if row.validation_accuracy is not None:
        line += f"  validation {row.validation_accuracy:.2%}"
    return f"{line}  {clock_text(row.seconds)}, {row.images_per_second:,.0f} images/s"


class _StopRequest:
    """Whether a signal has requested the run to stop at its next step."""

    def __init__(self) -> None:
        self.asked = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Treat SIGINT and SIGTERM as requests to stop; a second one ends the process at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(number: int, frame: FrameType | None) -> None:
            self.asked = True
            for name, handler in before.items():
                signal.signal(name, handler)

        before = {name: signal.signal(name, ask) for name in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for name, handler in before.items():
                signal.signal(name, handler)
