"""The checks that `verify` makes of one ONNX file, one function each."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.artifacts.card import Card
from zoo.data.class_names import BY_NAME, columns_by_name, is_in_order, other_classes, parse_names
from zoo.data.dataset import Dataset
from zoo.data.local import load_local
from zoo.errors import ZooError
from zoo.inspection.found import Inspection, VectorRun
from zoo.inspection.inspector import Inspector, LocalData
from zoo.intervals import wilson
from zoo.ort.compatibility import first_onnxruntime, is_older
from zoo.ort.faults import Here, fault_of
from zoo.ort.given import Given
from zoo.ort.outputs import classes_of
from zoo.parity import ELSEWHERE, SAME_SUMS, TURNED, tolerance
from zoo.progress import Progress

Status = Literal["ok", "warning", "failed", "skipped"]
Checked = tuple[Status, str]  # how it went, and why in words


@dataclass(frozen=True)
class Claim:
    """An accuracy claimed by a card or by the file itself, to be measured again."""

    where: str  # it is said
    precision: str
    dataset: str  # its name, or where it lies
    fingerprint: str | None = None  # None: any
    correct: int | None = None  # of `images`; None: unknown
    images: int = 0  # of the test set


def claim_of_card(card: Card, precision: str) -> Claim:
    """The card's claim about one of its files."""
    accuracy = card.precisions[precision].accuracy
    return Claim(
        "the card",
        precision,
        card.dataset,
        card.fingerprint,
        accuracy.correct,
        accuracy.images,
    )


def claim_of_file(found: Inspection) -> Claim | None:
    """The claim of a file about itself, if it says enough."""
    try:
        accuracy = json.loads(found.metadata["accuracy"])
        return Claim(
            "the file",
            found.metadata["precision"],
            found.metadata["dataset"],
            found.metadata["fingerprint"],
            int(accuracy["correct"]),
            int(accuracy["images"]),
        )
    except (LookupError, ValueError, TypeError, OverflowError, RecursionError):
        return None


def check_versions(found: Inspection, promised: str | None, card: Card | None) -> Checked:
    """Whether the oldest promised onnxruntime loads the file's opset and IR version."""
    versions = f"opset {found.opset}, IR version {found.ir_version}"
    if card and (card.opset, card.ir_version) != (found.opset, found.ir_version):
        return "failed", f"{versions}; the card says {card.opset} and {card.ir_version}"
    needed = first_onnxruntime(found.opset, found.ir_version)
    if needed is None:
        text = f"{versions}: newer than the releases that verify knows"
        return ("failed" if promised else "skipped"), text
    if promised is None:
        return "ok", f"{versions}: onnxruntime {needed} or newer"
    try:
        fails = is_older(promised, needed)
    except ValueError:
        return "failed", f"the promised onnxruntime '{promised}' is not a version"
    if fails:
        return "failed", f"{versions} need onnxruntime {needed}, but {promised} is promised"
    return "ok", f"{versions}: onnxruntime {promised} loads it"


def check_faults(found: Inspection, on: Here) -> Checked:
    """Whether this onnxruntime is known to compute wrong answers for the file on this CPU."""
    fault = fault_of(found.integer_widths, on)
    if fault:
        return "failed", fault
    return "ok", f"no known fault of onnxruntime {on.version} on this CPU affects it"


def check_contract(found: Inspection, card: Card) -> Checked:
    """Whether it is a single file with the inputs and outputs that all the zoo's files have."""
    height, width, channels = card.image_shape
    pixels = card.input == "uint8-nhwc"
    sides = (height, width, channels) if pixels else (channels, height, width)
    wanted = (
        ("image", card.input.partition("-")[0], ("batch", *sides)),
        ("logits", "float32", ("batch", len(card.class_names))),
    )
    if found.external:
        return "failed", f"{found.external:,} bytes of its tensors lie in other files"
    tensors = (*found.inputs, *found.outputs)
    shown = ", ".join(f"{info.name} {info.dtype} {list(info.shape)}" for info in tensors)
    fits = len(found.inputs) == len(found.outputs) == 1 and all(
        (info.name, info.dtype, info.shape[1:]) == (name, dtype, shape[1:])
        and not isinstance(info.shape[0], int)
        for info, (name, dtype, shape) in zip(tensors, wanted, strict=True)
    )
    if fits:
        return "ok", shown
    expected = ", ".join(f"{name} {dtype} {list(shape)}" for name, dtype, shape in wanted)
    return "failed", f"{shown}; the card expects {expected}"


def check_metadata(found: Inspection, card: Card, precision: str) -> Checked:
    """Whether the file's metadata agree with the card."""
    file = card.precisions[precision]
    texts = {
        "model": card.model,
        "framework": card.framework,
        "dataset": card.dataset,
        "fingerprint": card.fingerprint,
        "view": card.view,
        "seed": str(card.seed),
        "precision": precision,
        "input": card.input,
        "weights": card.weights,
        "min_onnxruntime": file.min_onnxruntime,
    }
    values: dict[str, Any] = {
        "class_names": list(card.class_names),
        "mean": list(card.mean),
        "std": list(card.std),
        "recipe": card.recipe,
        "versions": file.remade.versions if file.remade else card.versions,
    }
    if "accuracy" in found.metadata:  # as earlier exports stamped it
        accuracy = file.accuracy
        values["accuracy"] = {"correct": accuracy.correct, "images": accuracy.images}
    wrong = [name for name, text in texts.items() if found.metadata.get(name) != text]
    wrong += [name for name, value in values.items() if _parsed(found, name) != value]
    if wrong:
        return "failed", f"differs from the card: {', '.join(wrong)}"
    return "ok", "the file's metadata agree with the card"


def _parsed(found: Inspection, name: str) -> Any:
    try:
        return json.loads(found.metadata[name])
    except (KeyError, ValueError, RecursionError):
        return None


def check_class_names(found: Inspection, given: Given) -> Checked:
    """Whether a file without a card names as many classes as it has outputs."""
    if "class_names" not in found.metadata and given.class_names is None:
        return "skipped", "the file names no classes"
    names = given.class_names or parse_names(found.metadata["class_names"])
    if names is None:
        return "failed", "class_names in its metadata is not a JSON list of names"
    sides = [classes_of(info) for info in found.outputs if info.shape]
    if not any(side in (None, len(names)) for side in sides):
        return "failed", f"it names {len(names)} classes but gives {sides} values"
    return "ok", f"{len(names)} names, one for each value"


def check_batches(found: Inspection, precision: str, card: Card | None) -> Checked:
    """Whether the answer to an image is the same in any batch, and twice the same.

    Files of this zoo are steady; others may depend on their batch, which users should know.
    """
    if isinstance(found.steadiness, str):
        return "skipped", f"not tried: {found.steadiness}"
    more = 0.0
    if precision != "fp32" and card:
        more = ELSEWHERE * max(card.precisions[precision].max_difference.values(), default=0.0)
    chance, batch = found.steadiness.by_chance(more), found.steadiness.by_batch(more)
    if chance or batch:
        return ("failed" if chance or card else "warning"), chance or batch
    apart, images = found.steadiness.batches.difference, found.steadiness.batches.images
    return "ok", f"{images} images get the same answers in any batch (within {apart:.2g})"


def check_vectors(run: VectorRun, precision: str, card: Card | None) -> Checked:
    """Whether the stored images still give the stored logits."""
    if run.problem:
        return "failed", run.problem
    bound = tolerance(SAME_SUMS, run.largest)
    if precision != "fp32" and card:
        measured = card.precisions[precision].max_difference.values()
        bound += ELSEWHERE * max(measured, default=0.0)
    text = (
        f"{run.images} images, logits at most {run.difference:.2g} from the stored ones; "
        f"{run.agreement} have the same top class"
    )
    if precision != "fp32" and card is None:
        return "skipped", f"no card states the tolerance of {precision}: {text}"
    # A difference that is not a number is not within the bound either.
    return ("ok" if run.difference <= bound else "failed"), f"{text} (bound {bound:.2g})"


def check_accuracy(
    path: Path,
    claim: Claim,
    given: Given,
    names: Sequence[str] | None,
    inspector: Inspector,
    data_dir: Path | None,
    progress: Progress,
) -> Checked:
    """Whether the file is as accurate as claimed on the whole test set; or how accurate it is.

    given: what the file does not say about itself; names: its classes in the order of its outputs,
    None if they are those of the data.

    Nothing is downloaded: without a local copy of the data, the check is skipped. Nothing is
    written whose size the file may choose, such as resized images: they are passed to it one after
    another.
    """
    try:
        data = load_local(claim.dataset, claim.fingerprint, data_dir, progress, claim.where)
        if isinstance(data, str):
            return "skipped", data
        columns = columns_by_name(names, data.class_names) if names else None
        if names and columns is None:
            told = other_classes(names, data.class_names, claim.dataset)
            return "failed", f"it {told}; if they mean the same in order, add --classes-as-given"
        by_name = columns is not None and not is_in_order(columns)
        test = _at_hand(claim, data, data_dir, columns if by_name else None)
        with progress.task(f"accuracy of {path.name}", test.images) as advance:
            correct = inspector.count_correct(path, test, advance, given)
    except ZooError as error:
        return "failed", str(error)
    status, text = _as_claimed(claim, correct, test.images)
    if by_name:
        text = f"{text}; the file {BY_NAME}"
    classes = len(data.class_names)
    if wilson(correct, test.images)[0] <= 1 / classes:
        text = f"{text}; no better than guessing one of {classes} classes"
        return ("warning" if status == "ok" else status), text
    return status, text


def _as_claimed(claim: Claim, correct: int, images: int) -> Checked:
    text = f"{correct:,} of {images:,} correct"
    if claim.correct is None:
        low, high = wilson(correct, images)
        return "ok", f"{text}: {correct / images:.2%} ({low:.2%} to {high:.2%}) of {claim.dataset}"
    allowed = math.ceil(TURNED.get(claim.precision, TURNED["int8"]) * images)
    said = f"{claim.where} says {claim.correct:,} of {claim.images:,}"
    if images != claim.images or abs(correct - claim.correct) > allowed:
        return "failed", f"{text}; {said}"
    if correct == claim.correct:
        return "ok", f"{text}, as {claim.where} says"
    return "ok", f"{text}; {said}, and another CPU may differ in {allowed} of them"


def _at_hand(
    claim: Claim, data: Dataset, data_dir: Path | None, columns: tuple[int, ...] | None
) -> LocalData:
    """The test set, now in the cache."""
    mapped = data.train.images.nbytes + data.test.images.nbytes
    return LocalData(claim.dataset, data_dir, len(data.test), mapped, columns)
