"""Whether an ONNX file of unknown origin can be trusted to load and run, found out at arm's length.

The file is opened in a process of its own (`zoo.inspection.quarantine`), with bounded time and
memory; what kills or hangs that process is an answer too.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from zoo.errors import UnavailableError, ZooError
from zoo.inspection.process import InspectionProcess, Patience
from zoo.inspection.steadiness import Apart, Steadiness
from zoo.machine.memory import default_bound
from zoo.reading import open_regular

if TYPE_CHECKING:
    from zoo.ort.session import TensorInfo

LARGEST_FILE = 2 << 30
SECONDS = 60.0  # for one file; the largest of the zoo take one
_LONGEST_REASON = 400
_PATIENCE = Patience()


@dataclass(frozen=True)
class VectorRun:
    """One test vector: stored images in, the outputs against the stored outputs.

    problem: why it could not be run, or "". agreement: images with the same top class;
    difference: largest |output - stored|; largest: largest |stored|.
    """

    problem: str
    images: int = 0
    agreement: int = 0
    difference: float = 0.0
    largest: float = 0.0


@dataclass(frozen=True)
class Inspection:
    """What was found. `reason` says why a file that is not `ok` is refused, `step` where it failed.

    sha256, bytes: of the file; external: bytes of its tensors that lie in other files of its
    folder; opset: of the default domain; nodes: of the graph; operators: how many nodes of each,
    inner graphs included; integer_widths: see `zoo.graphs.products`; signature: why `predict`
    cannot use the file, or ""; steadiness: whether its answers depend on more than the image, or
    why that was not tried; vectors: for each folder that was asked for; seconds: how long it took.
    """

    ok: bool
    reason: str
    step: str
    seconds: float
    sha256: str = ""
    bytes: int = 0
    external: int = 0
    opset: int = 0
    ir_version: int = 0
    nodes: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    inputs: "tuple[TensorInfo, ...]" = ()
    outputs: "tuple[TensorInfo, ...]" = ()
    signature: str = ""
    integer_widths: tuple[int, ...] = ()
    steadiness: Steadiness | str = "it is refused"
    metadata: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, VectorRun] = field(default_factory=dict)


@dataclass(frozen=True)
class FileFacts:
    """What a file holds and says of itself; it was read, not run.

    sha256, bytes: of the file and of those in which its tensors lie; raw: it takes uint8;
    integer_widths: see `zoo.graphs.products`; of bytes that are no ONNX file nothing is known but
    the first two.
    """

    sha256: str
    bytes: int
    raw: bool
    opset: int = 0
    ir_version: int = 0
    nodes: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    integer_widths: tuple[int, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LocalData:
    """A dataset that is here already, by the name and folder that `zoo.data.load` takes.

    images: of the test set; mapped: bytes of the whole; columns: for each class the place of its
    value in a file that lists them in another order.
    """

    name: str
    data_dir: Path | None
    images: int
    mapped: int
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

    def inspect(self, path: Path, vectors: Iterable[Path] = ()) -> Inspection:
        """Look at one file. A file that is not there or cannot be read is refused too."""
        started = time.monotonic()
        reason = _refused_at_sight(path)
        if reason:
            return Inspection(False, reason, "read", time.monotonic() - started)
        request = {
            "path": str(path.absolute()),
            "vectors": [str(folder.absolute()) for folder in vectors],
            "seconds": self.seconds,
            "memory": self.memory,
        }
        step, answer = self._ask_twice(request)
        return _inspection(step, answer, time.monotonic() - started)

    def read(self, path: Path) -> FileFacts:
        """What a file holds, whether it can be run or not; `ZooError` if it is refused."""
        with open_regular(path, LARGEST_FILE):
            pass  # a file that is not there, or is none, is an `OSError`
        request = {"path": str(path.absolute()), "seconds": self.seconds, "content": True}
        _, answer = self._ask_twice(request)
        _check(answer)
        facts = answer["facts"]
        return FileFacts(**{**facts, "integer_widths": tuple(facts["integer_widths"])})

    def count_correct(self, path: Path, test: LocalData, advance: Callable[[int], object]) -> int:
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
        }
        _, answer = self._ask(request, advance)
        _check(answer)
        return int(answer["facts"]["correct"])

    def open(
        self, path: Path, provider: str = "cpu"
    ) -> "tuple[tuple[TensorInfo, ...], tuple[TensorInfo, ...], dict[str, str]]":
        """Keep a file that passed open for `run`; its inputs, outputs and metadata."""
        memory = self.memory or default_bound()
        request = {
            "path": str(path.absolute()),
            "seconds": self.seconds,
            "memory": memory,
            "open": provider,
        }
        _, answer = self._ask(request, watched=None if provider == "cpu" else memory)
        _check(answer)
        facts = answer["facts"]
        return _infos(facts["inputs"]), _infos(facts["outputs"]), facts["metadata"]

    def run(self, folder: Path, names: Sequence[str]) -> list[bool]:
        """Run the file that is open on input_<n>.npy of a folder, by the names of its inputs.

        For each output whether it lies there as output_<n>.npy.
        """
        if self._process is None:
            raise ZooError("the process that holds it has ended.")
        request = {"run": str(folder.absolute()), "names": list(names), "seconds": self.seconds}
        _, answer = self._ask(request)
        _check(answer)
        written: list[bool] = answer["facts"]
        return written

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
            answer = process.ask(request, self.seconds, advance)
            lives_on = not (process.over or answer.get("spent"))
        finally:
            if not lives_on:
                self.close()
        return process.step, answer


def inspect(path: Path, *, seconds: float = SECONDS) -> Inspection:
    """Look at one file in a process of its own."""
    with Inspector(seconds) as inspector:
        return inspector.inspect(path)


def printable(text: str) -> str:
    """One line for a terminal of a text that a file may have dictated."""
    line = "".join(mark if mark.isprintable() else " " for mark in text)
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}..."


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


def _check(answer: Mapping[str, Any]) -> None:
    """Raise what the process refused."""
    if "refused" in answer:
        kind = UnavailableError if answer.get("kind") == "UnavailableError" else ZooError
        raise kind(printable(answer["refused"]))


def _inspection(step: str, answer: Mapping[str, Any], seconds: float) -> Inspection:
    if "refused" in answer:
        return Inspection(False, printable(answer["refused"]), step, seconds)
    facts = answer["facts"]
    return Inspection(
        True,
        "",
        step,
        seconds,
        **{
            **facts,
            "inputs": _infos(facts["inputs"]),
            "outputs": _infos(facts["outputs"]),
            "integer_widths": tuple(facts["integer_widths"]),
            "steadiness": _steadiness(facts["steadiness"]),
            "vectors": {name: VectorRun(**run) for name, run in facts["vectors"].items()},
        },
    )


def _steadiness(value: str | Mapping[str, Any]) -> Steadiness | str:
    if isinstance(value, str):
        return value
    repeated, batches = (Apart(**value[name]) for name in ("repeated", "batches"))
    return Steadiness(repeated, batches, value["largest"])


def _infos(values: Iterable[Mapping[str, Any]]) -> "tuple[TensorInfo, ...]":
    from zoo.ort.session import TensorInfo

    return tuple(
        TensorInfo(value["name"], value["dtype"], tuple(value["shape"])) for value in values
    )
