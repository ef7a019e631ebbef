"""The parent's side of the process in which third-party files are opened."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ZooError
from zoo.machine.child import PATIENCE, Child, EndedError, Ending, HungError
from zoo.machine.memory import size_text

# Memory that threads reserve needlessly counts against the limit, too.
_FRUGAL = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
STEPS = {  # what it tells that it begins, in words
    "read": "reading it",
    "parse": "parsing it",
    "structure": "reading its graph",
    "count": "counting its operations",
    "checker": "checking it with onnx.checker",
    "load": "loading it into onnxruntime",
    "run": "running it",
    "vectors": "running its test vectors",
    "test": "running it on the test set",
    "time": "timing its layers",
    "predict": "running it on these images",
}


@dataclass(frozen=True)
class Patience:
    """How many seconds to wait for the process, besides its answers."""

    start: float = 60.0  # until it is ready
    end: float = PATIENCE  # until it has ended by itself


class InspectionProcess:
    """The running process, the last `step` it started, and whether it is `over`."""

    def __init__(self, patience: Patience) -> None:
        self._child = Child("zoo.inspection.quarantine", environment=_FRUGAL, patience=patience.end)
        self.step = "read"
        self.over = False
        try:
            self._hear_that_it_is_ready(patience.start)
        except BaseException:
            self.end()
            raise

    def _hear_that_it_is_ready(self, seconds: float) -> None:
        try:
            told = self._child.hear(seconds)
        except HungError:
            raise ZooError(
                f"the process that inspects ONNX files took more than {seconds:.0f} s to "
                "start. End other work on this machine, and try again."
            ) from None
        except EndedError:
            told = {}
        if "ready" not in told:
            silent = "the process that inspects ONNX files ended right after its start."
            raise ZooError(told.get("unusable", silent))

    @property
    def pid(self) -> int:
        """Its number."""
        return self._child.pid

    def ask(
        self, request: Mapping[str, Any], seconds: float, advance: Callable[[int], object]
    ) -> dict[str, Any]:
        """The answer; made on this side if the process ended without one."""
        self.step = "predict" if "run" in request else "read"
        try:
            return self._answer(request, seconds, advance)
        except HungError:
            self.over = True
            hint = "" if "content" in request else "; --timeout raises the limit"
            return {"refused": f"{STEPS[self.step]} took more than {seconds:.0f} s{hint}"}
        except EndedError as error:
            self.over = True
            return self._ended(error.ending)

    def watch(self, most: int) -> None:
        """Kill it if its resident memory exceeds a limit while an answer is awaited."""
        self._child.watch(most)

    def end(self) -> None:
        """Kill the process and wait for it."""
        self._child.end()

    def _answer(
        self, request: Mapping[str, Any], seconds: float, advance: Callable[[int], object]
    ) -> dict[str, Any]:
        self._child.tell(request)
        deadline = time.monotonic() + seconds
        while True:
            message = self._child.hear(deadline - time.monotonic())
            if "advance" in message:
                advance(message["advance"])
                deadline = time.monotonic() + seconds
            elif "step" in message:
                self.step = message["step"]
            else:
                return message

    def _ended(self, ending: Ending) -> dict[str, Any]:
        step = STEPS[self.step]
        if ending.most:
            bound = size_text(ending.most)
            return {
                "refused": f"{step} took more than {bound} of memory; --memory raises the limit"
            }
        cause = ending.signal or f"exit code {ending.code}"
        told = "" if ending.code is None else f" ({cause})"
        return {"refused": f"{step} ended the process{told}", "spent": True}
