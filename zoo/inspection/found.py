"""The findings of an inspection, read from the answers of the inspecting process."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.errors import UnavailableError, ZooError
from zoo.graphs.anatomy import Anatomy, LayerTimes
from zoo.graphs.counted import GraphCost
from zoo.inspection.steadiness import Apart, Steadiness
from zoo.records import read

if TYPE_CHECKING:
    from zoo.ort.session import TensorInfo

_LONGEST_REASON = 400


@dataclass(frozen=True)
class VectorRun:
    """One test vector: stored images in, the outputs against the stored outputs."""

    problem: str  # why it could not be run, or ""
    images: int = 0
    agreement: int = 0  # images with the same top class
    difference: float = 0.0  # the largest |output - stored|
    largest: float = 0.0  # |stored|


@dataclass(frozen=True)
class Inspection:
    """What was found about a file that was opened and run."""

    ok: bool
    reason: str  # why a file that is not `ok` is refused
    step: str  # where it failed
    seconds: float  # how long it took
    sha256: str = ""
    bytes: int = 0
    external: int = 0  # bytes of its tensors that lie in other files of its folder
    opset: int = 0  # of the default domain
    ir_version: int = 0
    nodes: int = 0  # of the graph
    operators: dict[str, int] = field(default_factory=dict)  # nodes of each, inner graphs included
    inputs: "tuple[TensorInfo, ...]" = ()
    outputs: "tuple[TensorInfo, ...]" = ()
    signature: str = ""  # why `predict` cannot use the file, or ""
    chosen: str = ""  # which of several outputs it would take, in plain words
    integer_widths: tuple[int, ...] = ()  # see `zoo.graphs.products`
    # Whether its answers depend on more than the image, or why that was not tested.
    steadiness: Steadiness | str = "it is refused"
    metadata: dict[str, str] = field(default_factory=dict)
    vectors: dict[str, VectorRun] = field(default_factory=dict)  # by folder that was asked for


@dataclass(frozen=True)
class FileFacts:
    """What a file contains and says about itself; it was read, not run."""

    # All that is known of bytes that are no ONNX file:
    sha256: str  # bytes of the file and of those that hold its tensors
    bytes: int  # of them all

    input: "TensorInfo | None" = None  # the only one, as it is declared
    opset: int = 0
    ir_version: int = 0
    nodes: int = 0
    operators: dict[str, int] = field(default_factory=dict)
    integer_widths: tuple[int, ...] = ()  # see `zoo.graphs.products`
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def takes_floats(self) -> bool:
        """Whether the caller must normalise its images."""
        return self.input is not None and self.input.dtype.startswith("float")

    @property
    def takes_bytes(self) -> bool:
        """Whether it takes raw pixels."""
        return self.input is not None and self.input.dtype == "uint8"

    @property
    def leaves_size_free(self) -> bool:
        """Whether the user must give the size of its images."""
        sides = self.input.shape[1:] if self.input else ()
        return len(sides) == 3 and not all(isinstance(side, int) for side in sides)


@dataclass(frozen=True)
class OpenFacts:
    """What a file that is kept open says about itself."""

    inputs: "tuple[TensorInfo, ...]"
    outputs: "tuple[TensorInfo, ...]"
    metadata: dict[str, str]
    anatomy: Anatomy | None  # of one that gives its layers


def printable(text: str) -> str:
    """One line for a terminal, from untrusted text."""
    line = "".join(mark if mark.isprintable() else " " for mark in text)
    line = " ".join(line.split())
    return line if len(line) <= _LONGEST_REASON else f"{line[:_LONGEST_REASON]}..."


def check_answer(answer: Mapping[str, Any]) -> None:
    """Raise an error if the process refused the file."""
    if "refused" in answer:
        kind = UnavailableError if answer.get("kind") == "UnavailableError" else ZooError
        raise kind(printable(answer["refused"]))


def read_inspection(step: str, answer: Mapping[str, Any], seconds: float) -> Inspection:
    """An inspection from an answer; `step` is the last one that was started."""
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
            "inputs": read_infos(facts["inputs"]),
            "outputs": read_infos(facts["outputs"]),
            "integer_widths": tuple(facts["integer_widths"]),
            "steadiness": _steadiness(facts["steadiness"]),
            "vectors": {name: VectorRun(**run) for name, run in facts["vectors"].items()},
        },
    )


def read_file_facts(answer: Mapping[str, Any]) -> FileFacts:
    """The facts in an answer about a file that was only read."""
    facts = answer["facts"]
    (taken,) = read_infos([facts["input"]]) if facts["input"] else (None,)
    widths = tuple(facts["integer_widths"])
    return FileFacts(**{**facts, "input": taken, "integer_widths": widths})


def read_cost(answer: Mapping[str, Any]) -> GraphCost:
    """The cost in an answer about a file's graph."""
    facts = answer["facts"]
    return GraphCost(**{**facts, "precisions": tuple(facts["precisions"])})


def read_layer_times(answer: Mapping[str, Any]) -> LayerTimes:
    """The layer times in an answer."""
    times: LayerTimes = read(LayerTimes, answer["facts"], "times")
    return times


def read_open_facts(answer: Mapping[str, Any]) -> OpenFacts:
    """The facts in an answer about an open file."""
    facts = answer["facts"]
    told = facts["anatomy"]
    return OpenFacts(
        inputs=read_infos(facts["inputs"]),
        outputs=read_infos(facts["outputs"]),
        metadata=facts["metadata"],
        anatomy=None if told is None else read(Anatomy, told, "anatomy"),
    )


def read_infos(values: Iterable[Mapping[str, Any]]) -> "tuple[TensorInfo, ...]":
    """Inputs or outputs."""
    from zoo.ort.session import TensorInfo

    return tuple(
        TensorInfo(value["name"], value["dtype"], tuple(value["shape"])) for value in values
    )


def _steadiness(value: str | Mapping[str, Any]) -> Steadiness | str:
    if isinstance(value, str):
        return value
    repeated, batches = (Apart(**value[name]) for name in ("repeated", "batches"))
    return Steadiness(repeated, batches, value["largest"])
