"""The process in which Keras has another backend; `elsewhere` starts it for one task."""

import json
import os
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from zoo.errors import ZooError
from zoo.frameworks.keras import chosen
from zoo.machine.child import own_pipes
from zoo.progress import Advance, Progress


class Telling(Progress):
    """Progress that is reported to the parent process."""

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers

    def say(self, text: str) -> None:
        self.tell("say", text)

    def now(self, text: str) -> None:
        self.tell("now", text)

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        self.tell("task", [label, total])
        yield lambda count=1, text="": self.tell("advance", [count, text])
        self.tell("over")

    def tell(self, kind: str, told: Any = None) -> None:
        """Send a line."""
        self._answers.write(json.dumps({kind: told}) + "\n")
        self._answers.flush()


def main() -> None:
    """Carry out the request; its result replaces it in the file."""
    os.setsid()  # Ctrl-C in a terminal reaches the other process, which passes it on
    told, answers = own_pipes()
    order = json.loads(told.readline())
    threading.Thread(target=_end_with, args=(told,), daemon=True).start()
    sys.argv = order["argv"]  # messages propose commands in the words that were used
    chosen.choose(order["backend"])
    file, progress = Path(order["file"]), Telling(answers)
    given = file.read_bytes()
    file.unlink()  # it may be large, and would be left behind after a kill -9
    try:
        result = _done(pickle.loads(given), progress)
    except ZooError as error:
        result = error
    file.write_bytes(pickle.dumps(result))
    progress.tell("done")


def _done(order: Any, progress: Progress) -> Any:
    from zoo.frameworks.keras.elsewhere import TrainOrder
    from zoo.frameworks.keras.framework import Keras

    if isinstance(order, TrainOrder):
        training = order.training
        training.progress = progress
        weights = Keras().train(training)
        return weights, training.card, training.history
    return Keras().load(order.card, order.weights).logits(order.images, progress)


def _end_with(told: TextIO) -> None:
    """End when the parent process does, however it ends, so that this one is not left behind."""
    told.read()
    os._exit(1)


if __name__ == "__main__":
    main()
