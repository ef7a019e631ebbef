"""card.json: where an artifact comes from, and what was measured of it."""

from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.intervals import Accuracy
from zoo.records import read

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Remade:
    """Where, and with which versions, a file was made again from `fp32.onnx`, without its run."""

    machine: str
    cpu_flags: tuple[str, ...]
    versions: dict[str, str]


@dataclass(frozen=True)
class FileCard:
    """What the gate found about one ONNX file, over the whole test set.

    agreement: images with the same top class as the source network's; max_difference: largest
    |logit difference| from the source on real images, by batch size, beside `bound`, where that
    precision has one; emulated: images with the same top class when the int8 steps are computed
    in float, a check on the kernels of this CPU; nodes: of the graph; min_onnxruntime: the oldest
    release that such a file was run in; remade: of a file made again later, which was compared with
    `fp32.onnx` in the place of the source network.
    """

    file: str
    accuracy: Accuracy
    agreement: int
    max_difference: dict[str, float]
    bound: float | None
    nodes: int
    min_onnxruntime: str
    emulated: int | None = None
    remade: Remade | None = None


@dataclass(frozen=True)
class Card:
    """card.json: where an artifact comes from and what was measured of it.

    accuracy: of the source network, plain and with its recipe's test-time views; weights: sha256 of
    the run's weights; trained: epochs, PFLOP and seconds; half_layers: the first ones, which
    fp16 leaves in fp32; ranges: for int8, what each quantised tensor was seen to hold, [low, high];
    shifts: what its biases make up for, by layer and channel; float_layers: nodes that it leaves in
    float; machine, cpu_flags: where it was exported; design: of a transfer, see
    `zoo.specs.design`; latents: what computed those it was trained on, such as `torch fp32`.
    """

    id: str
    model: str
    family: str
    framework: str
    dataset: str
    fingerprint: str
    view: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    input: str
    recipe: dict[str, Any]
    seed: int
    weights: str
    parameters: int
    macs: int
    trained: dict[str, float]
    trained_on: str
    accuracy: Accuracy
    with_views: Accuracy | None
    opset: int
    ir_version: int
    machine: str
    cpu_flags: tuple[str, ...]
    versions: dict[str, str]
    precisions: dict[str, FileCard]
    half_layers: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    shifts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()
    design: dict[str, Any] = field(default_factory=dict)
    latents: str = ""

    @classmethod
    def from_json(cls, value: Any) -> "Card":
        """A card from its JSON value; `ValueError` names what is missing or of a wrong kind."""
        card: Card = read(cls, with_oldest_by_file(value), "the card")
        return card


def manifest_facts(card: Card) -> dict[str, Any]:
    """What the manifest repeats of a card, so that a list of all artifacts reads one file."""
    names = ("model", "dataset", "input", "parameters", "macs", "trained", "opset", "ir_version")
    whole = asdict(card)
    facts = {name: whole[name] for name in (*names, "with_views")}
    return {**facts, "precisions": whole["precisions"]}


def with_oldest_by_file(value: Any) -> Any:
    """A card, or what a manifest repeats of it, as it is written now.

    The oldest onnxruntime once stood there a single time, for all files.
    """
    if not isinstance(value, dict) or "min_onnxruntime" not in value:
        return value
    rest, oldest = dict(value), value["min_onnxruntime"]
    del rest["min_onnxruntime"]
    files = rest.get("precisions")
    if isinstance(files, dict):
        rest["precisions"] = {
            name: {"min_onnxruntime": oldest, **file} if isinstance(file, dict) else file
            for name, file in files.items()
        }
    return rest
