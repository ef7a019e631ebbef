"""Which output of an ONNX file gives a value for each class, and how many classes that is.

It is given, has the usual name, or is the only candidate: nothing is guessed.
"""

from typing import Any

from numpy.typing import NDArray

from zoo.data.class_names import parse_names
from zoo.data.known import KNOWN
from zoo.errors import UsageError, unknown_name
from zoo.ort.given import Given
from zoo.ort.session import Opened, TensorInfo

LOGITS = "logits"  # what files of this zoo give
_DTYPES = ("float32", "float16", "float64")
_NO_GIVEN = Given()


def find_output(session: Opened, given: Given = _NO_GIVEN) -> tuple[TensorInfo, str]:
    """The output with one value per class; and a message if it was chosen among several.

    The given one, else `logits`, else the only candidate.
    """
    names = [tensor.name for tensor in session.outputs]
    named = [tensor for tensor in session.outputs if tensor.name == (given.output or LOGITS)]
    if given.output is not None and not named:
        raise UsageError(f"{session.name}: {unknown_name('output', given.output, names)}")
    candidates = named or list(session.outputs)
    rows = [tensor for tensor in candidates if _is_row(tensor)]
    width = _width(session, given)
    if len(rows) > 1 and width is not None:
        rows = [tensor for tensor in rows if classes_of(tensor) == width]
    if len(rows) == 1:
        others = "" if len(candidates) == 1 else f"takes its output {rows[0].name}, of "
        return rows[0], others and f"{others}{', '.join(names)}"
    if len(candidates) == 1:
        raise UsageError(
            f"{session.name} is not a classifier: its output {candidates[0]} is not a row of "
            "values for each image."
        )
    outputs = "; ".join(map(str, candidates))
    raise UsageError(
        f"{session.name} has {len(candidates)} outputs ({outputs}) and none is named {LOGITS}. "
        "Name the one that gives a value for each class, such as "
        f"--output {(rows or candidates)[0].name}."
    )


def _width(session: Opened, given: Given) -> int | None:
    """The number of classes, if anything besides its outputs says it."""
    names = given.class_names or parse_names(session.metadata.get("class_names", ""))
    known = KNOWN.get(given.data or "")
    return len(names) if names else known.classes if known else None


def _is_row(tensor: TensorInfo) -> bool:
    """Whether it is [N, classes], or [N, classes, 1, 1] and the like."""
    inner = tensor.shape[1:]
    longer = [side for side in inner if side != 1]
    return tensor.dtype in _DTYPES and len(inner) > 0 and (len(inner) == 1 or len(longer) == 1)


def classes_of(tensor: TensorInfo) -> int | None:
    """How many values a classifier's output has for each image, if declared."""
    widths = [side for side in tensor.shape[1:] if side != 1] or [1]
    return widths[0] if isinstance(widths[0], int) else None


def as_rows(values: NDArray[Any]) -> NDArray[Any]:
    """A classifier's answer as [N, classes], flattened from [N, classes, 1, 1] or the like."""
    if values.ndim > 2 and sorted(values.shape[1:])[-2] == 1:
        return values.reshape(len(values), -1)
    return values
