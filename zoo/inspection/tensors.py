"""What a tensor in a file claims, against what it holds."""

import math
from dataclasses import dataclass
from pathlib import Path

from onnx import TensorProto

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
    """The file is not to be trusted; the message is the reason, a clause about "it"."""


@dataclass
class Beside:
    """The files in a model's own folder, which may hold data of its tensors.

    bytes: that its tensors have claimed there so far.
    """

    folder: Path
    bytes: int = 0

    def held(self, tensor: TensorProto, needs: int, title: str) -> int:
        """How many bytes lie there for a tensor that takes `needs`."""
        entries = {entry.key: entry.value for entry in tensor.external_data}
        where = entries.get("location", "")
        size = self._size(where, title)
        try:
            offset, length = (int(entries.get(key, "0")) for key in ("offset", "length"))
        except ValueError:
            raise RefusedError(f"where the data of {title} lies is no number") from None
        self.bytes += needs
        if self.bytes > LARGEST_TENSOR:
            raise RefusedError("its tensors claim more than 2 GiB of other files")
        if min(offset, length) < 0 or offset + max(length, needs) > size:
            raise RefusedError(
                f"the data of {title} reaches beyond the {size:,} bytes that '{where}' has"
            )
        return length or needs

    def _size(self, where: str, title: str) -> int:
        path, parts = self.folder / where, Path(where).parts
        # onnxruntime takes what lies at "*/_ORT_MEM_ADDR_/*" for an address in memory.
        inside = not Path(where).is_absolute() and not {"..", "*"} & set(parts)
        reason = "outside its folder"
        if inside and path.resolve().is_relative_to(self.folder.resolve()):
            if path.is_file():
                return path.stat().st_size
            reason = "which is not there"
        raise RefusedError(f"the data of {title} lies in another file, '{where}', {reason}")


def check_tensor(tensor: TensorProto, title: str, beside: Beside | None = None) -> None:
    """Refuse a tensor whose data is not what its shape and type take.

    beside: where data may lie that the file itself does not hold; None for nowhere.
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
    """Bytes that its elements take; of words, how many there are."""
    count: int = math.prod(tensor.dims)
    if tensor.data_type == TensorProto.STRING:
        return count
    if tensor.data_type not in BITS:
        raise RefusedError(f"{title} has the unknown data type {tensor.data_type}")
    return (count * BITS[tensor.data_type] + 7) // 8


def _held(tensor: TensorProto, needs: int) -> int:
    """What the file itself holds of the `needs` bytes or words."""
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
