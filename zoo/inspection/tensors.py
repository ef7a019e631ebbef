"""What a tensor in a file claims, against what it holds."""

import math

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


def check_tensor(tensor: TensorProto, title: str) -> None:
    """Refuse a tensor whose data lies elsewhere, or is not what its shape and type take."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        _refuse_external(tensor, title)
    dims = list(tensor.dims)
    if any(side < 0 for side in dims):
        raise RefusedError(f"{title} has a negative side: {shape_text(dims)}")
    count = math.prod(dims)
    if tensor.data_type == TensorProto.STRING:
        holds, needs = len(tensor.string_data), count
    elif tensor.data_type not in BITS:
        raise RefusedError(f"{title} has the unknown data type {tensor.data_type}")
    else:
        holds, needs = _held(tensor, count)
    if needs > LARGEST_TENSOR:
        raise RefusedError(f"{title} claims {needs / (1 << 30):,.0f} GiB: {shape_text(dims)}")
    if holds != needs:
        raise RefusedError(
            f"{title} of shape {shape_text(dims)} takes {needs:,} bytes, but holds {holds:,}"
        )


def _held(tensor: TensorProto, count: int) -> tuple[int, int]:
    """Bytes that the tensor holds, and those that `count` elements take."""
    bits = BITS[tensor.data_type]
    needs = (count * bits + 7) // 8
    if tensor.HasField("raw_data"):
        return len(tensor.raw_data), needs
    # Complex numbers lie there as pairs; types below 8 bits are packed into whole bytes.
    parts = 2 if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128) else 1
    entries = needs if bits < 8 else count * parts
    fields = (
        tensor.float_data,
        tensor.int32_data,
        tensor.int64_data,
        tensor.double_data,
        tensor.uint64_data,
    )
    held = max(len(field) for field in fields)
    return (needs if held == entries else held * max(bits // 8 // parts, 1)), needs


def _refuse_external(tensor: TensorProto, title: str) -> None:
    where = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    parts = where.replace("\\", "/").split("/")
    outside = where.startswith(("/", "\\")) or ".." in parts or where[1:2] == ":"
    raise RefusedError(
        f"the data of {title} lies in another file, '{where}'"
        + (", outside its folder" if outside else "")
        + "; only models that are one file are opened"
    )


def shape_text(sides: list[int]) -> str:
    """`4x3`, or `scalar`."""
    return "x".join(str(side) for side in sides) or "scalar"
