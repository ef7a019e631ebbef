"""Inspect third-party ONNX files: do they load and run safely?

The file is opened in a separate process (`zoo.inspection.quarantine`) with limited time and memory;
if that process crashes or hangs, that is an answer, too.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from zoo.errors import ZooError
from zoo.graphs.anatomy import LayerTimes
from zoo.graphs.counted import GraphCost
from zoo.inspection.found import (
    FileFacts,
    Inspection,
    OpenFacts,
    check_answer,
    read_cost,
    read_file_facts,
    read_inspection,
    read_layer_times,
    read_open_facts,
)
from zoo.inspection.process import InspectionProcess, Patience
from zoo.machine.memory import default_bound
from zoo.ort.given import Given
from zoo.reading import open_regular

LARGEST_FILE = 2 << 30
SECONDS = 60.0  # for one file; the largest of the zoo take one
_COUNTING_SECONDS = 20.0
_PATIENCE = Patience()
_NO_GIVEN = Given()


@dataclass(frozen=True)
class LocalData:
    """A dataset that is available locally."""

    name: str  # with `data_dir`, as `zoo.data.load` takes them
    data_dir: Path | None
    images: int  # of the test set
    mapped: int  # bytes of the whole
    # For each class the place of its value, in a file that lists them in another order.
    columns: tuple[int, ...] | None = None


class Inspector:
    """Inspects files one after the other; one process serves many, and is replaced if it dies.

    seconds: the limit for each file, and for each run of an open one; memory: the limit of the
    process in bytes, None for one by the size of the file (`open`: a share of free memory). A file
    that kills a process which served others before is tried again in a new one, so that it is not
    blamed for their faults.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        memory: int | None = None,
        patience: Patience = _PATIENCE,
    ) -> None:
        self.seconds = seconds
        self.memory = memory
        self.patience = patience
        self._process: InspectionProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if there is one."""
        if self._process:
            self._process.end()
            self._process = None

    def inspect(
        self, path: Path, vectors: Iterable[Path] = (), given: Given = _NO_GIVEN
    ) -> Inspection:
        """Inspect one file. A missing or unreadable file is refused, too."""
        started = time.monotonic()
        reason = _refused_at_sight(path)
        if reason:
            return Inspection(False, reason, "read", time.monotonic() - started)
        request = {
            "path": str(path.absolute()),
            "vectors": [str(folder.absolute()) for folder in vectors],
            "given": asdict(given),
            "seconds": self.seconds,
            "memory": self.memory,
        }
        step, answer = self._ask_twice(request)
        return read_inspection(step, answer, time.monotonic() - started)

    def read(self, path: Path) -> FileFacts:
        """Read what a file contains, even if it cannot run; `ZooError` if it is refused."""
        with open_regular(path, LARGEST_FILE):
            pass  # a file that is not there, or is none, is an `OSError`
        request = {"path": str(path.absolute()), "seconds": self.seconds, "content": True}
        _, answer = self._ask_twice(request)
        check_answer(answer)
        return read_file_facts(answer)

    def cost(self, path: Path) -> GraphCost | None:
        """Count what a file contains and computes; None if it cannot be counted for any reason."""
        seconds = min(self.seconds, _COUNTING_SECONDS)
        request = {"path": str(path.absolute()), "seconds": seconds, "cost": True}
        _, answer = self._ask_twice(request)
        return None if "refused" in answer else read_cost(answer)

    def count_correct(
        self,
        path: Path,
        test: LocalData,
        advance: Callable[[int], object],
        given: Given = _NO_GIVEN,
    ) -> int:
        """How many test images an accepted file classifies correctly; `ZooError` if it fails.

        advance: called with the number of images done; each interval between calls has the time
        limit of a file.
        """
        folder = str(test.data_dir.absolute()) if test.data_dir else None
        wanted = {**asdict(test), "data_dir": folder}
        request = {
            "path": str(path.absolute()),
            "seconds": self.seconds,
            "memory": self.memory,
            "test": wanted,
            "given": asdict(given),
        }
        _, answer = self._ask(request, advance)
        check_answer(answer)
        return int(answer["facts"]["correct"])

    def open(self, path: Path, provider: str = "cpu", *, layers: bool = False) -> OpenFacts:
        """Keep an accepted file open for `run`. layers: append its layers to its outputs."""
        memory = self.memory or default_bound()
        request = {
            "path": str(path.absolute()),
            "seconds": self.seconds,
            "memory": memory,
            "open": provider,
            "layers": layers,
        }
        _, answer = self._ask(request, watched=None if provider == "cpu" else memory)
        check_answer(answer)
        return read_open_facts(answer)

    def run(self, folder: Path, names: Sequence[str]) -> list[bool]:
        """Run the file that is open on input_<n>.npy of a folder, by the names of its inputs.

        Returns for each output whether it was written there as output_<n>.npy.
        """
        if self._process is None:
            raise ZooError("the process that holds it has ended.")
        request = {"run": str(folder.absolute()), "names": list(names), "seconds": self.seconds}
        _, answer = self._ask(request)
        check_answer(answer)
        written: list[bool] = answer["facts"]
        return written

    def time_layers(self, path: Path, folder: Path, names: Sequence[str]) -> LayerTimes:
        """How the time of an accepted file is divided over layers, on input_<n>.npy of a folder.

        A file that is open stays so.
        """
        request = {
            "path": str(path.absolute()),
            "seconds": self.seconds,
            "memory": self.memory or default_bound(),
            "time": str(folder.absolute()),
            "names": list(names),
        }
        _, answer = self._ask(request)
        check_answer(answer)
        return read_layer_times(answer)

    def _ask_twice(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Ask again in a new process: earlier files may have damaged this one."""
        fresh = self._process is None
        step, answer = self._ask(request)
        return self._ask(request) if answer.get("spent") and not fresh else (step, answer)

    def _ask(
        self,
        request: Mapping[str, Any],
        advance: Callable[[int], object] = lambda count: None,
        watched: int | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The last started step and the answer; if `spent`, the process ended or should end.

        watched: the limit of the process's resident memory in bytes from now on.
        """
        if self._process is None:
            self._process = InspectionProcess(self.patience)
        process, lives_on = self._process, False
        if watched is not None:
            process.watch(watched)
        try:
            answer = process.ask(request, request["seconds"], advance)
            lives_on = not (process.over or answer.get("spent"))
        finally:
            if not lives_on:
                self.close()
        return process.step, answer


def inspect(path: Path, *, seconds: float = SECONDS) -> Inspection:
    """Inspect one file in a separate process."""
    with Inspector(seconds) as inspector:
        return inspector.inspect(path)


def _refused_at_sight(path: Path) -> str:
    try:
        if path.is_dir():
            return "it is a folder"
        if not path.exists():
            return "there is no such file"
        if not path.is_file():
            return "it is not a plain file"
        size = path.stat().st_size
        with open_regular(path):
            pass
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if size >= LARGEST_FILE:
        return f"it has {size / (1 << 30):.1f} GiB; an ONNX file must be smaller than 2 GiB"
    return "" if size else "it is empty"
