"""What stands beside the loop: progress, checkpoints, history, a stop that loses nothing."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from zoo.errors import ZooError
from zoo.frameworks.pytorch.checkpoint import save_checkpoint
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.frameworks.pytorch.pace import PACE
from zoo.progress import Advance, Progress, clock_text
from zoo.runs.history import EpochRow, write_history
from zoo.runs.run import Run


class InterruptedRunError(ZooError):
    """Stopped by the user; everything so far is kept."""

    exit_code = 130


class Display(Hook):
    """Tells of steps as they pass and of every epoch in a line."""

    def __init__(self, progress: Progress, advance: Advance) -> None:
        self.progress = progress
        self.advance = advance

    def stepped(self, trainer: Trainer) -> None:
        self.advance(1, _running_loss(trainer))

    def epoch_ended(self, trainer: Trainer, row: EpochRow) -> None:
        self.progress.say(epoch_line(row, trainer.job.past.epochs + trainer.job.recipe.epochs))


def _running_loss(trainer: Trainer) -> str:
    """The loss of the epoch so far; not on a GPU, which would have to be waited for."""
    if trainer.job.device.type != "cpu":
        return ""
    steps = trainer.step - len(trainer.rows) * trainer.steps_per_epoch
    return f"loss {trainer.loss_sum.item() / (steps * trainer.job.recipe.batch):.3f}"


def epoch_line(row: EpochRow, epochs: float) -> str:
    """One epoch in words."""
    line = (
        f"epoch {row.epoch:.3g}/{epochs:g}  train loss {row.train_loss:.3f}, "
        f"accuracy {row.train_accuracy:.2%}"
    )
    if row.validation_accuracy is not None:
        line += f"  validation {row.validation_accuracy:.2%}"
    return f"{line}  {clock_text(row.seconds)}, {row.images_per_second:,.0f} images/s"


class HistoryFile(Hook):
    """Keeps history.csv up to the last whole epoch."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def epoch_ended(self, trainer: Trainer, row: EpochRow) -> None:
        write_history(self.run.history, trainer.history)


class Checkpointer(Hook):
    """Saves the state now and then; on a GPU only between epochs, as saving waits for it."""

    def __init__(self, run: Run, seconds: float = PACE.checkpoint_seconds) -> None:
        self.run = run
        self.seconds = seconds
        self.saved = time.monotonic()

    def stepped(self, trainer: Trainer) -> None:
        if trainer.job.device.type == "cpu":
            self._save_when_due(trainer)

    def epoch_ended(self, trainer: Trainer, row: EpochRow) -> None:
        self._save_when_due(trainer)

    def _save_when_due(self, trainer: Trainer) -> None:
        if time.monotonic() - self.saved >= self.seconds:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        """Replace the checkpoint by this moment's."""
        save_checkpoint(self.run.state, *trainer.state())
        self.saved = time.monotonic()


class StopRequest(Hook):
    """Ends the loop at the next step once a signal has asked for it."""

    def __init__(self) -> None:
        self.asked = False

    def stepped(self, trainer: Trainer) -> None:
        if self.asked:
            raise InterruptedRunError("interrupted")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM as a request; a second one ends the process at once."""
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
