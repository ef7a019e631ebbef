"""Check what a tensor in a file claims against what it holds."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnx import ModelProto, TensorProto

from zoo.reading import open_regular

LARGEST_TENSOR = 2 << 30

BITS: dict[int, int] = {
    **dict.fromkeys((TensorProto.COMPLEX128,), 128),
    **dict.fromkeys(
        (TensorProto.INT64, TensorProto.UINT64, TensorProto.DOUBLE, TensorProto.COMPLEX64), 64
    ),
    **dict.fromkeys((TensorProto.FLOAT, TensorProto.INT32, TensorProto.UINT32), 32),
    **dict.fromkeys(
        (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.INT16, TensorProto.UINT16), 16
    ),
    **dict.fromkeys((TensorProto.INT8, TensorProto.UINT8, TensorProto.BOOL), 8),
    **dict.fromkeys(
        (
            TensorProto.FLOAT8E4M3FN,
            TensorProto.FLOAT8E4M3FNUZ,
            TensorProto.FLOAT8E5M2,
            TensorProto.FLOAT8E5M2FNUZ,
        ),
        8,
    ),
    **dict.fromkeys((TensorProto.INT4, TensorProto.UINT4, TensorProto.FLOAT4E2M1), 4),
}


class RefusedError(Exception):
    """The file cannot be trusted; the message is the reason, a clause about "it"."""


@dataclass
class Beside:
    """The files in a model's own folder, which may hold data of its tensors."""

    model: Path
    bytes: int = 0  # bytes that its tensors have claimed there so far
    linked: bool = False  # whether some of it is reached by links

    def held(self, tensor: TensorProto, needs: int, title: str) -> int:
        """How many bytes are there for a tensor that needs `needs`."""
        where, offset, length = place_of(tensor, title)
        path = data_file(self.model, where, title)
        size = path.stat().st_size
        self.linked = self.linked or _is_linked(self.model, path)
        self.bytes += needs
        if self.bytes > LARGEST_TENSOR:
            raise RefusedError("its tensors refer to more than 2 GiB in other files")
        if min(offset, length) < 0 or offset + max(length, needs) > size:
            raise RefusedError(
                f"the data of {title} reaches beyond the {size:,} bytes that '{where}' has"
            )
        return length or needs


def place_of(tensor: TensorProto, title: str) -> tuple[str, int, int]:
    """The name of the file with a tensor's data, the offset in it, and the length."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset, length = (int(entries.get(key, "0")) for key in ("offset", "length"))
    except ValueError:
        raise RefusedError(f"the position of the data of {title} is not a number") from None
    return entries.get("location", ""), offset, length


def data_file(model: Path, where: str, title: str) -> Path:
    """The regular file beside a model in which the data of a tensor lies.

    Links are followed inside the model's folder and inside that of its real file: in the cache of a
    model hub, both are links to files of one folder.
    """
    path, parts = model.parent / where, Path(where).parts
    # onnxruntime takes what lies at "*/_ORT_MEM_ADDR_/*" for an address in memory.
    inside = not Path(where).is_absolute() and not {"..", "*"} & set(parts) and "\0" not in where
    homes = (model.parent.resolve(), model.resolve().parent)
    reason = "outside its folder"
    if inside and any(path.resolve().is_relative_to(home) for home in homes):
        if path.is_file():
            return path
        there = path.exists() and not path.is_dir()
        reason = "which is not a regular file" if there else "which is not there"
    raise RefusedError(f"the data of {title} lies in another file, '{where}', {reason}")


def _is_linked(model: Path, path: Path) -> bool:
    """Whether onnx.checker, which accepts neither kind of link, would refuse a data file."""
    named = model.parent.resolve() / path.relative_to(model.parent)
    return path.resolve() != named or path.stat().st_nlink > 1


def external_tensors(message: Any) -> Iterator[TensorProto]:
    """The tensors whose data is in other files: initializers, attributes, inner graphs."""
    if isinstance(message, TensorProto):
        if message.data_location == TensorProto.EXTERNAL:
            yield message
        return
    for _, value in message.ListFields():
        parts = [value] if hasattr(value, "ListFields") else value
        if not isinstance(parts, str | bytes | int | float):
            for part in parts:
                if hasattr(part, "ListFields"):
                    yield from external_tensors(part)


def with_data(model: ModelProto, path: Path) -> ModelProto:
    """A copy with the external data of its tensors inside, after `check_tensor`."""
    whole = ModelProto()
    whole.CopyFrom(model)
    for tensor in external_tensors(whole):
        where, offset, _ = place_of(tensor, tensor.name)
        with open_regular(data_file(path, where, tensor.name)) as file:
            file.seek(offset)
            tensor.raw_data = file.read(_needed(tensor, tensor.name))
        tensor.ClearField("external_data")
        tensor.ClearField("data_location")
    return whole


def check_tensor(tensor: TensorProto, title: str, beside: Beside | None = None) -> None:
    """Refuse a tensor whose data does not fit its shape and type.

    beside: where external data may be; None for nowhere.
    """
    dims = list(tensor.dims)
    if any(side < 0 for side in dims):
        raise RefusedError(f"{title} has a negative side: {shape_text(dims)}")
    needs = _needed(tensor, title)
    if needs > LARGEST_TENSOR:
        raise RefusedError(f"{title} claims {needs / (1 << 30):,.0f} GiB: {shape_text(dims)}")
    if tensor.data_location == TensorProto.EXTERNAL:
        if beside is None:
            raise RefusedError(f"the data of {title} lies in another file")
        holds = beside.held(tensor, needs, title)
    else:
        holds = _held(tensor, needs)
    if holds != needs:
        raise RefusedError(
            f"{title} of shape {shape_text(dims)} takes {needs:,} bytes, but holds {holds:,}"
        )


def _needed(tensor: TensorProto, title: str) -> int:
    """The bytes of its elements; for strings, their number."""
    count: int = math.prod(tensor.dims)
    if tensor.data_type == TensorProto.STRING:
        return count
    if tensor.data_type not in BITS:
        raise RefusedError(f"{title} has the unknown data type {tensor.data_type}")
    return (count * BITS[tensor.data_type] + 7) // 8


def _held(tensor: TensorProto, needs: int) -> int:
    """How many of the `needs` bytes or strings the file itself holds."""
    if tensor.data_type == TensorProto.STRING:
        return len(tensor.string_data)
    if tensor.HasField("raw_data"):
        return len(tensor.raw_data)
    # Complex numbers lie there as pairs; types below 8 bits are packed into whole bytes.
    bits = BITS[tensor.data_type]
    parts = 2 if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128) else 1
    entries = needs if bits < 8 else math.prod(tensor.dims) * parts
    fields = (
        tensor.float_data,
        tensor.int32_data,
        tensor.int64_data,
        tensor.double_data,
        tensor.uint64_data,
    )
    held = max(len(field) for field in fields)
    return needs if held == entries else held * max(bits // 8 // parts, 1)


def shape_text(sides: list[int]) -> str:
    """`4x3`, or `scalar`."""
    return "x".join(str(side) for side in sides) or "scalar"
