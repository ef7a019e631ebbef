"""An ONNX file of other origin: its bytes, what belongs to it, and what it does not say."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from zoo.errors import UsageError
from zoo.records import read

_PIECE = 1 << 20


@dataclass(frozen=True)
class Given:
    """What a file of other origin may not say of itself: its normalisation and its test set."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    data: str | None = None

    def over(self, other: "Given") -> "Given":
        """These where there are any, else the other's."""
        return Given(
            mean=other.mean if self.mean is None else self.mean,
            std=other.std if self.std is None else self.std,
            data=other.data if self.data is None else self.data,
        )


@dataclass(frozen=True)
class Content:
    """sha256, bytes: of the file and of those in which its tensors lie; raw: it takes uint8."""

    sha256: str
    bytes: int
    raw: bool


def read_content(path: Path) -> Content:
    """Read the file and all that belongs to it; what is damaged is for the engine to say."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    digest, size = hashlib.sha256(data), len(data)
    model = _model(data)
    for name in sorted(_locations(model)) if model else ():
        digest.update(f"\0{name}\0".encode())
        try:
            with (path.parent / name).open("rb") as handle:
                for piece in iter(partial(handle.read, _PIECE), b""):
                    digest.update(piece)
                    size += len(piece)
        except OSError as error:
            told = error.strerror
            raise UsageError(
                f"{path} keeps tensors in {name}, which cannot be read: {told}."
            ) from error
    return Content(digest.hexdigest(), size, bool(model) and _takes_bytes(model))


def _model(data: bytes) -> Any:
    """The model without what lies in other files, None where the bytes are none."""
    from onnx import ModelProto

    try:
        return ModelProto.FromString(data)
    except Exception as error:
        if type(error).__name__ != "DecodeError":  # of protobuf, which has no types
            raise
        return None


def _locations(model: Any) -> set[str]:
    """The regular files in the model's folder, or below it, that its tensors name."""
    from onnx import TensorProto

    found = {
        entry.value
        for tensor in _tensors(model, TensorProto)
        if tensor.data_location == TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    # No engine opens what lies elsewhere.
    return {name for name in found if not Path(name).is_absolute() and ".." not in Path(name).parts}


def _tensors(message: Any, kind: type[Any]) -> Iterator[Any]:
    """All of that kind in a message, however deep: initializers, attributes, inner graphs."""
    if isinstance(message, kind):
        yield message
        return
    for _, value in message.ListFields():
        parts = [value] if hasattr(value, "ListFields") else value
        if not isinstance(parts, str | bytes | int | float):
            for part in parts:
                if hasattr(part, "ListFields"):
                    yield from _tensors(part, kind)


def _takes_bytes(model: Any) -> bool:
    from onnx import TensorProto

    own = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in own]
    return len(inputs) == 1 and inputs[0].type.tensor_type.elem_type == TensorProto.UINT8


def read_sidecar(path: Path) -> Given:
    """What `model.onnx.json`, else `model.json`, says of `model.onnx`; nothing without one."""
    names = path.with_name(f"{path.name}.json"), path.with_suffix(".json")
    beside = next((name for name in names if name.exists()), None)
    if beside is None:
        return Given()
    try:
        found: Given = read(Given, json.loads(beside.read_text(encoding="utf-8")), "it")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{beside} lies beside {path.name}, to say its mean, std and data, and cannot be used: "
            f"{error}. Mend it, or give it another name if it is about something else."
        ) from error
    return found
