"""Find faults in an ONNX file by reading it, before anything computes.

onnx.checker and onnxruntime trust files too much: both follow functions that call themselves, and
allocate what a tensor claims before they check what it holds.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from onnx import (
    IR_VERSION,
    FunctionProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
    ValueInfoProto,
)
from onnx.defs import onnx_opset_version

from zoo.inspection.tensors import BITS, Beside, RefusedError, check_tensor, shape_text

KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
LARGEST_IMAGE = 1 << 30

_FEEDABLE = {
    TensorProto.FLOAT,
    TensorProto.DOUBLE,
    TensorProto.FLOAT16,
    TensorProto.BOOL,
    TensorProto.INT8,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
    TensorProto.UINT8,
    TensorProto.UINT16,
    TensorProto.UINT32,
    TensorProto.UINT64,
}


@dataclass(frozen=True)
class Body:
    """The inside of a graph or function."""

    title: str
    nodes: tuple[NodeProto, ...]
    given: frozenset[str]  # the names of what goes in
    asked: tuple[str, ...]  # and of what comes out
    tensors: tuple[TensorProto, ...]


def check_wire(data: bytes) -> None:
    """Refuse bytes that are not an ONNX file, or only the start of one."""
    if not data:
        raise RefusedError("it is empty")
    at, fields = 0, 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind = tag & 7
        if tag >> 3 == 0 or kind not in (0, 1, 2, 5):
            raise RefusedError("it is not an ONNX file" if fields < 2 else "its bytes are damaged")
        size = {1: 8, 5: 4}.get(kind, 0)
        value, at = _varint(data, at) if kind in (0, 2) else (0, at)
        at += value if kind == 2 else size
        if at > len(data):
            raise RefusedError(
                f"it is cut short: it has {len(data):,} bytes and should have at least {at:,}"
                if fields
                else "it is not an ONNX file, or only the start of one"
            )
        fields += 1


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise RefusedError("it is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise RefusedError("it is not an ONNX file: a number in it does not end")


def check_structure(model: ModelProto, beside: Beside) -> None:
    """Refuse a model whose parts contradict each other or claim what they do not hold.

    beside: the files in the model's folder; it records which of them the model uses.
    """
    if not model.HasField("graph") or not model.graph.node:
        raise RefusedError("it is not an ONNX model: it holds no graph")
    _check_versions(model)
    _check_functions(model.functions)
    _check_domains(model)
    bodies = [_of_graph(model.graph), *(_of_function(function) for function in model.functions)]
    for body in bodies:
        _check_body(body, frozenset(), beside)
    initialized = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in initialized]
    _check_ends(inputs, model.graph.output)


def _check_versions(model: ModelProto) -> None:
    if model.ir_version > IR_VERSION:
        raise RefusedError(f"its IR version is {model.ir_version}; onnx here knows {IR_VERSION}")
    newest = onnx_opset_version()
    for entry in model.opset_import:
        if _key(entry.domain, "", "")[0] == "" and not 1 <= entry.version <= newest:
            raise RefusedError(f"its opset is {entry.version}; onnx here knows 1 to {newest}")


def _of_graph(graph: GraphProto) -> Body:
    sparse = [part for held in graph.sparse_initializer for part in (held.values, held.indices)]
    tensors = (*graph.initializer, *sparse)
    names = [*(value.name for value in graph.input), *(tensor.name for tensor in tensors)]
    return Body(
        f"graph '{graph.name}'",
        tuple(graph.node),
        frozenset(names),
        tuple(value.name for value in graph.output),
        tensors,
    )


def _of_function(function: FunctionProto) -> Body:
    title, given = f"function '{function.name}'", frozenset(function.input)
    return Body(title, tuple(function.node), given, tuple(function.output), ())


def _check_body(body: Body, outer: frozenset[str], beside: Beside) -> None:
    for tensor in body.tensors:
        check_tensor(tensor, f"initializer '{tensor.name}'", beside)
    _check_order(body, outer)
    visible = outer | body.given | {name for node in body.nodes for name in node.output}
    for node in body.nodes:
        for tensor in _tensors_of(node):
            check_tensor(tensor, f"a constant of {_title(node)}", beside)
        for graph in _graphs_of(node):
            _check_body(_of_graph(graph), visible, beside)


def _check_order(body: Body, outer: frozenset[str]) -> None:
    made = Counter(name for node in body.nodes for name in node.output if name)
    for name, times in made.items():
        if times > 1 or name in body.given:
            raise RefusedError(f"'{name}' is produced more than once in {body.title}")
    known = set(outer | body.given) | {""}
    for node in body.nodes:
        for name in node.input:
            if name in known:
                continue
            if name not in made:
                raise RefusedError(f"{_title(node)} reads '{name}', which no node produces")
            reason = "has a cycle" if _is_cyclic(body.nodes) else "has its nodes out of order"
            raise RefusedError(f"{body.title} {reason}: {_title(node)} reads '{name}' too early")
        known.update(node.output)
    for name in body.asked:
        if name not in known:
            raise RefusedError(f"{body.title} outputs '{name}', which no node produces")


def _is_cyclic(nodes: tuple[NodeProto, ...]) -> bool:
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    return _has_cycle([[maker[name] for name in node.input if name in maker] for node in nodes])


def _has_cycle(follows: list[list[int]]) -> bool:
    """Whether the directed graph `follows` (for each item, its successors) has a cycle."""
    arriving = Counter(target for targets in follows for target in targets)
    free = [index for index in range(len(follows)) if not arriving[index]]
    done = 0
    while free:
        done += 1
        for target in follows[free.pop()]:
            arriving[target] -= 1
            if not arriving[target]:
                free.append(target)
    return done < len(follows)


def _check_functions(functions: Iterable[FunctionProto]) -> None:
    listed = list(functions)
    number = {_key(part.domain, part.name, part.overload): at for at, part in enumerate(listed)}
    if len(number) < len(listed):
        raise RefusedError("it defines a function twice")
    follows = [
        [
            number[key]
            for node in all_nodes(function.node)
            if (key := _key(node.domain, node.op_type, node.overload)) in number
        ]
        for function in listed
    ]
    if _has_cycle(follows):
        raise RefusedError("its functions call themselves")


def _check_domains(model: ModelProto) -> None:
    own = {_key(part.domain, part.name, part.overload) for part in model.functions}
    bodies = [model.graph.node, *(function.node for function in model.functions)]
    for body in bodies:
        for node in all_nodes(body):
            key = _key(node.domain, node.op_type, node.overload)
            if node.domain not in KNOWN_DOMAINS and key not in own:
                raise RefusedError(
                    f"{_title(node)} is of the domain '{node.domain}', "
                    "whose operators are not part of onnxruntime"
                )


def _check_ends(inputs: list[ValueInfoProto], outputs: Iterable[ValueInfoProto]) -> None:
    given = list(outputs)
    if not inputs or not given:
        raise RefusedError(f"it has no {'output' if inputs else 'input'}")
    for kind, values in (("input", inputs), ("output", given)):
        names = [value.name for value in values]
        if len(set(names)) < len(names) or "" in names:
            raise RefusedError(f"it has an {kind} without a unique name")
    for value in inputs:
        _check_input(value.type, f"its input '{value.name}'")
    for value in given:
        if any(side < 0 for side in _fixed_sides(value.type)):
            raise RefusedError(f"its output '{value.name}' has a negative side")


def _check_input(kind: TypeProto, title: str) -> None:
    if kind.WhichOneof("value") != "tensor_type":
        raise RefusedError(f"{title} is not a tensor")
    if kind.tensor_type.elem_type not in _FEEDABLE:
        raise RefusedError(f"{title} does not take plain numbers")
    if not kind.tensor_type.HasField("shape"):
        raise RefusedError(f"{title} has no shape")
    sides = _fixed_sides(kind)
    if any(side <= 0 for side in sides):
        raise RefusedError(f"{title} has a side that is not positive: {shape_text(sides)}")
    needs = math.prod(sides) * BITS[kind.tensor_type.elem_type] // 8
    if needs > LARGEST_IMAGE:
        raise RefusedError(f"{title} needs {needs / (1 << 30):,.0f} GiB: {shape_text(sides)}")


def _fixed_sides(kind: TypeProto) -> list[int]:
    return [side.dim_value for side in kind.tensor_type.shape.dim if side.HasField("dim_value")]


def all_nodes(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """These nodes, and those of the graphs inside them."""
    for node in nodes:
        yield node
        for graph in _graphs_of(node):
            yield from all_nodes(graph.node)


def _graphs_of(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _tensors_of(node: NodeProto) -> Iterator[TensorProto]:
    for attribute in node.attribute:
        if attribute.HasField("t"):
            yield attribute.t
        yield from attribute.tensors
        sparse = [*attribute.sparse_tensors]
        if attribute.HasField("sparse_tensor"):
            sparse.append(attribute.sparse_tensor)
        for held in sparse:
            yield from (held.values, held.indices)


def _key(domain: str, name: str, overload: str) -> tuple[str, str, str]:
    return ("" if domain == "ai.onnx" else domain), name, overload


def _title(node: NodeProto) -> str:
    return f"node '{node.name}' ({node.op_type})" if node.name else f"a node ({node.op_type})"
