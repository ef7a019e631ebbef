"""Find the integer products of an ONNX graph, and how wide they are.

A product of M rows and N columns is N wide: the outputs of a linear layer, the filters of a
convolution (of each of its groups). On CPUs with AMX, some releases of onnxruntime compute wrong
sums if N is more than 16 and not a multiple of 16: see `zoo.ort.faults`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto

TILE = 16  # columns of a tile of AMX

_FLOAT = ("Conv", "Gemm", "MatMul")  # run in integers where both inputs are dequantised
# The input that holds the weights, by operator.
_WEIGHTS = {
    **{"Conv": 1, "Gemm": 1, "MatMul": 1},
    **{"QLinearConv": 3, "QLinearMatMul": 3, "QGemm": 3},
    **{"ConvInteger": 1, "MatMulInteger": 1},
    **{"MatMulIntegerToFloat": 1, "DynamicQuantizeMatMul": 1},
    **{"QAttention": 1, "DynamicQuantizeLSTM": 1},
}
_CUT = ("QAttention", "DynamicQuantizeLSTM")  # their weights are those of several products
_SAME_SHAPE = ("QuantizeLinear", "DequantizeLinear", "Identity")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """A node that is computed in integers."""

    node: str
    operator: str
    width: int  # outputs; 0 where the graph does not tell

    @property
    def uneven(self) -> bool:
        """Whether it ends inside a tile after the first, or may."""
        return is_uneven(self.width)


def is_uneven(width: int) -> bool:
    """Whether a product of this width ends inside a tile after the first; 0 means unknown."""
    return width == 0 or (width > TILE and width % TILE != 0)


def padded(width: int) -> int:
    """The next width that is not uneven."""
    return -(-width // TILE) * TILE if is_uneven(width) else width


def integer_products(model: "ModelProto") -> Iterator[Product]:
    """Every integer product, including those of inner graphs and functions."""
    yield from _of_body(model.graph.node, _shapes(model.graph))
    for function in model.functions:
        yield from _of_body(function.node, {})


def _of_body(nodes: "Iterable[NodeProto]", shapes: dict[str, Shape]) -> Iterator[Product]:
    listed = list(nodes)
    makers = {name: node for node in listed for name in node.output}
    constants = {
        node.output[0]: tuple(attribute.t.dims)
        for node in listed
        for attribute in node.attribute
        if node.op_type == "Constant" and attribute.name == "value"
    }
    shapes = shapes | constants
    for node in listed:
        if node.op_type in _WEIGHTS and not (node.op_type in _FLOAT and _in_float(node, makers)):
            at = _WEIGHTS[node.op_type]
            weights = _shape(node.input[at], shapes, makers) if at < len(node.input) else None
            yield Product(node.name, node.op_type, _width(node, weights) if weights else 0)
        for attribute in node.attribute:
            for graph in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
                yield from _of_body(graph.node, shapes | _shapes(graph))


def _in_float(node: "NodeProto", makers: "dict[str, NodeProto]") -> bool:
    sources = [makers.get(name) for name in node.input[:2]]
    return any(source is None or source.op_type != "DequantizeLinear" for source in sources)


def _shapes(graph: "GraphProto") -> dict[str, Shape]:
    """The declared shapes without free dimensions."""
    said = {
        value.name: tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
        for value in (*graph.value_info, *graph.input)
    }
    known = {name: shape for name, shape in said.items() if shape and all(shape)}
    return known | {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}


def _shape(name: str, shapes: dict[str, Shape], makers: "dict[str, NodeProto]") -> Shape | None:
    """The shape of a tensor, found through nodes that only transpose or round it."""
    turns: list[NodeProto] = []
    seen = {name}
    while name not in shapes:
        maker = makers.get(name)
        if maker is None or not maker.input or maker.op_type not in (*_SAME_SHAPE, "Transpose"):
            return None
        if maker.op_type == "Transpose":
            turns.append(maker)
        name = maker.input[0]
        if name in seen:
            return None
        seen.add(name)
    shape = shapes[name]
    for turn in reversed(turns):
        order = [*_ints(turn, "perm")] or list(reversed(range(len(shape))))
        if sorted(order) != list(range(len(shape))):
            return None
        shape = tuple(shape[side] for side in order)
    return shape


def _width(node: "NodeProto", weights: Shape) -> int:
    """The width; 0 if the weights do not fit the operator, or are split into several products."""
    if "Conv" in node.op_type:
        groups = _int(node, "group", 1)
        return weights[0] // groups if len(weights) > 2 and groups > 0 else 0
    if len(weights) < 2 or node.op_type in _CUT:
        return 0
    return weights[0] if _int(node, "transB", 0) else weights[-1]


def _int(node: "NodeProto", name: str, otherwise: int) -> int:
    return next((int(one.i) for one in node.attribute if one.name == name), otherwise)


def _ints(node: "NodeProto", name: str) -> list[int]:
    return next((list(one.ints) for one in node.attribute if one.name == name), [])
