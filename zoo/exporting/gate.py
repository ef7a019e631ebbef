"""The gate: the checks on real images that a file must pass before it is published."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from zoo.artifacts.card import FileCard
from zoo.data import Split
from zoo.errors import ZooError
from zoo.exporting.quantize import LARGEST_WEIGHT, widest_weight
from zoo.exporting.steps import IN_FLOAT, widest_step
from zoo.graphs.products import TILE, integer_products
from zoo.intervals import Accuracy
from zoo.ort.compatibility import oldest_run
from zoo.ort.session import Session, open_session
from zoo.ort.signature import Signature, logits
from zoo.parity import GATE, GateBounds, largest, tolerance
from zoo.progress import Progress

BATCHES = (1, 2, 7, 64)
FEW = 56  # images for the batch sizes below the largest: whole batches of each
RANDOM_OPERATORS = {
    *("Bernoulli", "Dropout", "Multinomial"),
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
}

Logits = NDArray[np.float32]


class GateError(ZooError):
    """A file may not be published; the message names the failed check and by how much it failed."""


@dataclass(frozen=True)
class Reference:
    """The logits of the source network for the whole test set, in fp32."""

    test: Split
    logits: Logits  # [N, classes]
    class_names: tuple[str, ...]
    form: str  # of the input that files must have

    @property
    def accuracy(self) -> Accuracy:
        """Of the source network."""
        return Accuracy.of(self.logits.argmax(axis=1) == self.test.labels)


@dataclass(frozen=True)
class GateResult:
    """What the gate measured for a file that may be published."""

    card: FileCard  # what was measured
    logits: Logits  # of the whole test set


def judge(
    model: bytes,
    precision: str,
    reference: Reference,
    progress: Progress,
    bounds: GateBounds = GATE,
) -> GateResult:
    """Measure a file on the whole test set; `GateError` if it may not be published."""
    name = f"{precision}.onnx"
    with _refusing(name):
        proto = onnx.load_from_string(model)
        onnx.checker.check_model(proto, full_check=True)
        session = open_session(model)
        signature = Signature.of(session)
    _check_contract(name, session, signature, reference)
    _check_graph(name, proto)
    oldest = _oldest_onnxruntime(name, precision, proto)
    with _refusing(name):
        differences = _differences(session, signature, reference)
        answers = _answers(session, signature, reference, name, progress)
    differences["64"] = _largest_difference(answers, reference.logits)
    bound = tolerance(bounds.logits, largest(reference.logits)) if precision == "fp32" else None
    if bound is not None:
        _check_differences(name, differences, bound)
    agreement = _same_class(answers, reference.logits)
    accuracy = Accuracy.of(answers.argmax(axis=1) == reference.test.labels)
    lost = _allowed(bounds.lost[precision], len(reference.test))
    _check_answers(name, precision, accuracy, agreement, reference, lost)
    card = FileCard(
        file=name,
        accuracy=accuracy,
        agreement=agreement,
        max_difference=differences,
        bound=bound,
        nodes=len(proto.graph.node),
        min_onnxruntime=oldest,
        emulated=(
            _emulated(model, answers, reference, progress, bounds) if precision == "int8" else None
        ),
    )
    return GateResult(card, answers)


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Turn errors of onnx and onnxruntime about a file into refusals."""
    try:
        yield
    except (ZooError, onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise _refused(name, str(error).splitlines()[0]) from error
    except Exception as error:  # protobuf's own error has no public name
        if type(error).__name__ != "DecodeError":
            raise
        raise _refused(name, "it is not an ONNX file, or it is truncated") from error


def _refused(name: str, why: str) -> GateError:
    return GateError(f"the gate refuses {name}: {why.rstrip('.')}. Nothing was published.")


def _check_contract(
    name: str, session: Session, signature: Signature, reference: Reference
) -> None:
    dtype, _, layout = reference.form.partition("-")
    expected = {
        "input": ("image", signature.input),
        "type": (dtype, signature.dtype),
        "layout": (layout, signature.layout),
        "output": ("logits", signature.output),
        "image shape": (reference.test.images.shape[1:], signature.image_shape),
        "class names": (reference.class_names, signature.class_names),
        "batch (None: any)": (None, signature.batch),
        "number of outputs": (1, len(session.outputs)),
    }
    for what, (wanted, found) in expected.items():
        if wanted != found:
            raise _refused(name, f"its {what} is {found}, not {wanted}")


def _check_graph(name: str, proto: onnx.ModelProto) -> None:
    """Check for faults that this onnxruntime may hide but another runtime would show."""
    chance = {node.op_type for node in proto.graph.node} & RANDOM_OPERATORS
    training = any(
        attribute.name == "training_mode" and attribute.i
        for node in proto.graph.node
        for attribute in node.attribute
    )
    if chance or training:
        what = " and ".join(sorted(chance)) or "a normalisation in training mode"
        raise _refused(name, f"it holds {what}: the network was not in evaluation mode")
    widest = widest_weight(proto)
    if widest > LARGEST_WEIGHT:
        raise _refused(
            name,
            f"an int8 weight is {widest}; above {LARGEST_WEIGHT} CPUs without VNNI saturate",
        )
    uneven = [product for product in integer_products(proto) if product.uneven]
    if uneven:
        first = uneven[0]
        raise _refused(
            name,
            f"{first.node} sums integer products for {first.width or 'an unknown number of'} "
            "outputs. "
            f"Above {TILE}, unless the number is a multiple of it, CPUs with AMX get wrong sums "
            "under onnxruntime 1.21 to 1.24",
        )


def _oldest_onnxruntime(name: str, precision: str, proto: onnx.ModelProto) -> str:
    opset = next(entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx"))
    oldest = oldest_run(opset, proto.ir_version, precision)
    if oldest is None:
        raise _refused(
            name, f"no {precision} file of opset {opset} has been tried in any onnxruntime"
        )
    return oldest


def _differences(session: Session, signature: Signature, reference: Reference) -> dict[str, float]:
    """The largest |logit difference| at each small batch size; answers must also repeat."""
    few = reference.test.images[:FEW]
    wanted = reference.logits[:FEW]
    found = {}
    for batch in BATCHES[:-1]:
        answers = logits(session, signature, few, batch)
        if not np.array_equal(answers, logits(session, signature, few, batch), equal_nan=True):
            raise ZooError(
                f"at batch {batch} the same images give different logits the second time"
            )
        found[str(batch)] = _largest_difference(answers, wanted)
    return found


def _largest_difference(answers: Logits, wanted: Logits) -> float:
    if answers.shape != wanted.shape or not np.isfinite(answers).all():
        raise ZooError(
            f"its logits are {list(answers.shape)}, finite: {bool(np.isfinite(answers).all())}; "
            f"the network's are {list(wanted.shape)}"
        )
    return largest(answers - wanted)


def _answers(
    session: Session, signature: Signature, reference: Reference, label: str, progress: Progress
) -> Logits:
    """Logits of the whole test set at the largest batch size."""
    images, batch = reference.test.images, BATCHES[-1]
    parts = []
    with progress.task(f"gate {label}", len(images)) as advance:
        for start in range(0, len(images), batch):
            some = images[start : start + batch]
            parts.append(logits(session, signature, some, batch))
            advance(len(some))
    return np.concatenate(parts)


def _check_differences(name: str, differences: dict[str, float], bound: float) -> None:
    for batch, difference in differences.items():
        if difference > bound:
            raise _refused(
                name,
                f"at batch {batch} a logit is {difference:.3g} away from the network's; "
                f"allowed: {bound:.3g}",
            )


def _same_class(answers: Logits, wanted: Logits) -> int:
    return int((answers.argmax(axis=1) == wanted.argmax(axis=1)).sum())


def _check_answers(
    name: str,
    precision: str,
    accuracy: Accuracy,
    agreement: int,
    reference: Reference,
    allowed: int,
) -> None:
    images = len(reference.test)
    if precision == "fp32" and images - agreement > allowed:
        raise _refused(
            name,
            f"{images - agreement} of {images} images get a different class from the network's; "
            f"allowed: {allowed}",
        )
    lost = reference.accuracy.correct - accuracy.correct
    if lost > allowed:
        raise _refused(
            name,
            f"its accuracy is {accuracy.share:.2%}, the network's {reference.accuracy.share:.2%}: "
            f"{lost} of {images} images are lost; allowed: {allowed}",
        )


def _allowed(of_ten_thousand: int, images: int) -> int:
    return of_ten_thousand * images // 10_000


def _emulated(
    model: bytes, answers: Logits, reference: Reference, progress: Progress, bounds: GateBounds
) -> int:
    """Images that get the same class when no integer kernel of this CPU is used.

    The others differ by rounding that adds up from layer to layer; the single steps show, on a few
    images, that this is the only cause.
    """
    with _refusing("int8.onnx"):
        session = open_session(model, config=IN_FLOAT)
        signature = Signature.of(session)
        again = _answers(session, signature, reference, "int8 in float", progress)
        feeds = signature.prepare(reference.test.images[:FEW])
        widest = widest_step(onnx.load_from_string(model), feeds)
    images, labels = len(reference.test), reference.test.labels
    same = _same_class(answers, again)
    right, then = (int((given.argmax(axis=1) == labels).sum()) for given in (answers, again))
    moved, others = math.ceil(bounds.moved * images / 10_000), _allowed(bounds.others, images)
    if abs(right - then) > moved or images - same > others:
        raise _refused(
            "int8.onnx",
            f"with its steps computed in float {then} of {images} images are correct instead of "
            f"{right}, and {images - same} get another class, so another CPU would answer "
            f"differently; allowed: {moved} fewer or more, and {others} with another class",
        )
    if not widest.of:
        raise _refused("int8.onnx", "it has no quantised operators, so nothing runs in integers")
    if widest.steps > bounds.steps:
        raise _refused(
            "int8.onnx",
            f"a value of {widest.tensor} is {widest.steps} steps away from the one computed "
            f"in float, so another CPU would answer differently; allowed: {bounds.steps}",
        )
    return same
