"""Whether a third-party ONNX file can be trusted to load and run, found out at arm's length.

The file is opened in a process of its own (`zoo.inspection.quarantine`), with bounded time and
memory; what kills or hangs that process is an answer too.
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
    """A dataset that is here already."""

    name: str  # with `data_dir`, as `zoo.data.load` takes them
    data_dir: Path | None
    images: int  # of the test set
    mapped: int  # bytes of the whole
    # For each class the place of its value, in a file that lists them in another order.
    columns: tuple[int, ...] | None = None


class Inspector:
    """Inspects files one after the other; a process serves many, a new one follows one that died.

    seconds: for each file, and for each run of one that is kept open; memory: bytes that the
    process may take, None for what the size of a file allows (`open`: a share of what is left). One
    that takes down a process that served others before is tried once more in a new one, so that it
    is not blamed for what they did.
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
        """Look at one file. A file that is not there or cannot be read is refused too."""
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
        """What a file holds, whether it can be run or not; `ZooError` if it is refused."""
        with open_regular(path, LARGEST_FILE):
            pass  # a file that is not there, or is none, is an `OSError`
        request = {"path": str(path.absolute()), "seconds": self.seconds, "content": True}
        _, answer = self._ask_twice(request)
        check_answer(answer)
        return read_file_facts(answer)

    def cost(self, path: Path) -> GraphCost | None:
        """What a file holds and computes; None where it cannot be counted, whatever the reason."""
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
        """How many images of a test set a file that passed gets right; `ZooError` if it fails.

        advance: hears how many more are done; between two calls of it no more time may pass than
        for a file.
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
        """Keep a file that passed open for `run`. layers: it gives those behind its outputs."""
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

        For each output whether it lies there as output_<n>.npy.
        """
        if self._process is None:
            raise ZooError("the process that holds it has ended.")
        request = {"run": str(folder.absolute()), "names": list(names), "seconds": self.seconds}
        _, answer = self._ask(request)
        check_answer(answer)
        written: list[bool] = answer["facts"]
        return written

    def time_layers(self, path: Path, folder: Path, names: Sequence[str]) -> LayerTimes:
        """Where the time of a file that passed goes, on input_<n>.npy of a folder.

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
        """Files before this one may have left the process short of memory, or damaged."""
        fresh = self._process is None
        step, answer = self._ask(request)
        return self._ask(request) if answer.get("spent") and not fresh else (step, answer)

    def _ask(
        self,
        request: Mapping[str, Any],
        advance: Callable[[int], object] = lambda count: None,
        watched: int | None = None,
    ) -> tuple[str, dict[str, Any]]:
        """The last step begun and the answer; one that is `spent` ended the process, or should.

        watched: bytes of resident memory that the process is held to from now on.
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
    """Look at one file in a process of its own."""
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
        return f"it has {size / (1 << 30):.1f} GiB; an ONNX file ends below 2"
    return "" if size else "it is empty"
