"""card.json: where an artifact comes from, and what was measured."""

from dataclasses import asdict, dataclass, field
from typing import Any

from zoo.intervals import Accuracy
from zoo.records import read

PRECISIONS = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Remade:
    """Where, and with which versions, a file was made from `fp32.onnx`, without the run."""

    machine: str
    cpu_flags: tuple[str, ...]
    versions: dict[str, str]


@dataclass(frozen=True)
class FileCard:
    """What the gate found about one ONNX file, over the whole test set."""

    file: str
    accuracy: Accuracy
    agreement: int  # images with the same top class as the source network's
    # Largest |logit difference| from the source on real images, by batch size
    max_difference: dict[str, float]
    bound: float | None  # what that difference may be, where the precision has such a bound
    nodes: int  # of the graph
    min_onnxruntime: str  # the oldest release that such a file was run in
    # Images with the same top class when the int8 steps are computed in float
    emulated: int | None = None
    # For a file made from `fp32.onnx`, which it was compared with instead of the source network
    remade: Remade | None = None


@dataclass(frozen=True)
class Card:
    """card.json: where an artifact comes from, and what was measured."""

    id: str
    model: str
    family: str
    framework: str
    dataset: str
    fingerprint: str
    view: str  # see `Dataset.view`
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    input: str  # the form: raw pixels, or bare float input
    recipe: dict[str, Any]
    seed: int
    weights: str  # sha256 of the run's weights
    parameters: int
    macs: int  # multiply-adds of one image
    trained: dict[str, float]  # epochs, PFLOP and seconds
    trained_on: str
    accuracy: Accuracy  # of the source network, plain
    with_views: Accuracy | None  # and with its recipe's test-time views
    opset: int
    ir_version: int
    machine: str  # where it was exported
    cpu_flags: tuple[str, ...]
    versions: dict[str, str]
    precisions: dict[str, FileCard]
    half_layers: tuple[str, ...] = ()  # the first ones, which fp16 leaves in fp32
    # For int8: what each quantised tensor was seen to hold, [low, high]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    # What the biases of int8 correct, by layer and channel
    shifts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()  # nodes that int8 leaves in float
    design: dict[str, Any] = field(default_factory=dict)  # for a transfer, see `zoo.specs.design`
    latents: str = ""  # what computed those it was trained on, such as `torch fp32`
    left_out: dict[str, str] = field(default_factory=dict)  # precisions it cannot have, and why

    @classmethod
    def from_json(cls, value: Any) -> "Card":
        """A card from its JSON value; `ValueError` names what is missing or has the wrong type."""
        card: Card = read(cls, with_oldest_by_file(value), "the card")
        return card


def manifest_facts(card: Card) -> dict[str, Any]:
    """The facts that the manifest repeats from a card, so that listing artifacts reads one file."""
    names = ("model", "dataset", "input", "parameters", "macs", "trained", "opset", "ir_version")
    whole = asdict(card)
    facts = {name: whole[name] for name in (*names, "with_views")}
    return {**facts, "precisions": whole["precisions"]}


def with_oldest_by_file(value: Any) -> Any:
    """A card, or the facts that a manifest repeats, in the current format.

    Older cards name the oldest onnxruntime once, for all files.
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
