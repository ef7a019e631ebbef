"""Read what an ONNX file contains and says about itself, without running it."""

import hashlib
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from onnx import ModelProto, helper

from zoo.graphs.products import integer_products
from zoo.inspection.structure import all_nodes
from zoo.inspection.tensors import data_file, external_tensors, place_of
from zoo.reading import open_regular

_PIECE = 1 << 20


def facts_of(model: ModelProto) -> dict[str, Any]:
    """Versions, metadata, operators (inner graphs and functions included), integer products."""
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    operators = Counter(node.op_type for body in bodies for node in all_nodes(body))
    return {
        "opset": opsets.get("", opsets.get("ai.onnx", 0)),
        "ir_version": model.ir_version,
        "metadata": {entry.key: entry.value for entry in model.metadata_props},
        "nodes": len(model.graph.node),
        "operators": dict(operators),
        "integer_widths": sorted({product.width for product in integer_products(model)}),
    }


def content_of(path: Path, data: bytes, model: ModelProto | None) -> dict[str, Any]:
    """The file and those that hold its tensors. model: None if the bytes are not a model."""
    digest, size = hashlib.sha256(data), len(data)
    model = model or ModelProto()
    titles = {
        place_of(tensor, tensor.name)[0]: f"'{tensor.name}'" for tensor in external_tensors(model)
    }
    for name, title in sorted(titles.items()):
        digest.update(f"\0{name}\0".encode())
        with open_regular(data_file(path, name, title)) as handle:
            for piece in iter(partial(handle.read, _PIECE), b""):
                digest.update(piece)
                size += len(piece)
    own = {"sha256": digest.hexdigest(), "bytes": size, "input": _input(model)}
    return own | facts_of(model)


def _input(model: ModelProto) -> dict[str, Any] | None:
    """The only input, as declared; None if there is none or several."""
    own = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in own]
    if len(inputs) != 1:
        return None
    tensor = inputs[0].type.tensor_type
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
    except KeyError:
        return None
    sides = [side.dim_value if side.HasField("dim_value") else None for side in tensor.shape.dim]
    return {"name": inputs[0].name, "dtype": dtype, "shape": sides}
