"""What a graph holds and computes: parameters, multiply-adds, opset and number formats.

Counted only from the graph, so that files of this zoo and of others are counted alike:

- Parameters are the numbers in the weights of layers and in the scale and shift of normalisations,
  trained or not: what a file holds does not tell which of them stood still. Statistics of batches,
  the normalisation of pixels and quantisation's scales are none.
- Multiply-adds are those of convolutions and matrix products, for one image.

For an int8 file, both are as the file has them: normalisations are folded, and layers may be
padded.
"""

import math
from collections import Counter
from collections.abc import Sequence

import onnx
import onnx.inliner
from onnx import ModelProto, NodeProto, TensorProto

from zoo.graphs.counted import GraphCost, NodeCost

# The inputs of each operator that are weights, where they are constant.
_WEIGHTS = {
    **dict.fromkeys(("Conv", "ConvTranspose", "FusedConv"), (1, 2)),
    **dict.fromkeys(("Gemm", "FusedGemm"), (0, 1, 2)),
    **dict.fromkeys(("MatMul", "FusedMatMul", "MatMulInteger"), (0, 1)),
    **dict.fromkeys(("ConvInteger", "PRelu"), (1,)),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
    "QGemm": (0, 3, 6),
    **dict.fromkeys(("BatchNormalization", "InstanceNormalization"), (1, 2)),
    **dict.fromkeys(("LayerNormalization", "GroupNormalization"), (1, 2)),
}
# Data and weights of the operators whose products are counted.
_CONVOLUTIONS = {
    **dict.fromkeys(("Conv", "ConvInteger", "FusedConv", "ConvTranspose"), (0, 1)),
    "QLinearConv": (0, 3),
}
_PRODUCTS = {
    **dict.fromkeys(("Gemm", "MatMul", "MatMulInteger", "FusedGemm", "FusedMatMul"), (0, 1)),
    **dict.fromkeys(("QLinearMatMul", "QGemm"), (0, 3)),
}
# Their products are not counted here, so nothing is said of a graph that has them.
_UNCOUNTED = {
    *("Einsum", "LSTM", "GRU", "RNN", "Attention", "MultiHeadAttention", "MatMulNBits"),
    *("If", "Loop", "Scan", "DeformConv"),
}
# Between a weight as it is stored and the layer that takes it.
_PASSES_ON = {"Transpose", "DequantizeLinear", "QuantizeLinear", "Cast", "Identity", "Reshape"}
# Between a product of integers and its bias, in files that were quantised dynamically.
_SCALES, _INTEGER = {"Cast", "Mul"}, {"ConvInteger", "MatMulInteger"}
_LARGEST_SHAPE = 64  # numbers: in a larger tensor there stands no shape
_PRECISIONS: dict[int, str] = {
    TensorProto.FLOAT: "fp32",
    TensorProto.FLOAT16: "fp16",
    TensorProto.BFLOAT16: "bf16",
    TensorProto.DOUBLE: "fp64",
    TensorProto.INT8: "int8",
    TensorProto.UINT8: "int8",
}


def cost_of(model: ModelProto) -> GraphCost:
    """Count a model, which may lack its external data; nothing is executed."""
    if model.functions:
        model = onnx.inliner.inline_local_functions(model)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    graph = _Graph(_for_one_image(model))
    work = [(node, graph.macs(node)) for node in graph.nodes if _takes(node)]
    told = [macs for _, macs in work if macs is not None]
    complete = len(told) == len(work) and not any(n.op_type in _UNCOUNTED for n in graph.nodes)
    by_precision: Counter[str] = Counter()
    for node, macs in work:
        by_precision[graph.precision(node)] += macs or 0
    return GraphCost(
        opset=opsets.get("", opsets.get("ai.onnx", 0)),
        parameters=graph.parameters(),
        macs=sum(told) if complete else None,
        precisions=tuple(name for name, _ in by_precision.most_common() if name),
    )


def costs_of(model: ModelProto) -> dict[str, NodeCost]:
    """The cost of each node, by its first output; weights may lack their values.

    The graph must have no local functions. A weight shared by layers counts for each.
    """
    graph = _Graph(_for_one_image(model))
    return {node.output[0]: graph.cost_of(node) for node in graph.nodes}


def drop_weights(model: ModelProto) -> None:
    """Drop the values of large tensors, in place: counting needs only their shapes."""
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) > _LARGEST_SHAPE:
            tensor.ClearField("raw_data")
            tensor.ClearField("float_data")


def _width(kind: int) -> int:
    """The bytes of one element."""
    return int(onnx.helper.tensor_dtype_to_np_dtype(kind).itemsize)


def _takes(node: NodeProto) -> tuple[int, int] | None:
    """The input indices of an operator's data and weights."""
    return _CONVOLUTIONS.get(node.op_type) or _PRODUCTS.get(node.op_type)


def _for_one_image(model: ModelProto) -> ModelProto:
    """A copy with all shapes for one image; types are kept if shapes are unknown."""
    copy = ModelProto()
    copy.CopyFrom(model)
    stored = {tensor.name for tensor in copy.graph.initializer}
    for value in copy.graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in stored and len(dims) > 1:
            dims[0].dim_value = 1
    for value in copy.graph.output:
        value.type.tensor_type.ClearField("shape")
    del copy.graph.value_info[:]
    try:
        return onnx.shape_inference.infer_shapes(copy, data_prop=True)
    except (onnx.shape_inference.InferenceError, RuntimeError):
        return copy


class _Graph:
    """A graph with lookups by name."""

    def __init__(self, model: ModelProto) -> None:
        graph = model.graph
        self.nodes: Sequence[NodeProto] = graph.node
        self.made_by = {name: node for node in graph.node for name in node.output}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.types: dict[str, int] = {}
        for value in (*graph.input, *graph.output, *graph.value_info):
            tensor = value.type.tensor_type
            self.types[value.name] = tensor.elem_type
            sides = tensor.shape.dim
            if tensor.HasField("shape") and all(side.HasField("dim_value") for side in sides):
                self.shapes[value.name] = tuple(side.dim_value for side in sides)
        constants = {t.name: t for t in graph.initializer}
        for node in graph.node:
            if node.op_type == "Constant":
                values = [given.t for given in node.attribute if given.name == "value"]
                constants |= dict(zip(node.output, values, strict=False))
        self.constants = {name: math.prod(t.dims) for name, t in constants.items()}
        self.shapes |= {name: tuple(t.dims) for name, t in constants.items()}
        self.types |= {name: t.data_type for name, t in constants.items()}

    def parameters(self) -> int:
        """Counts each weight once, no matter how many layers share it."""
        found = {name for node in self.nodes for name in self._stored_weights(node)}
        return sum(self.constants[name] for name in found)

    def cost_of(self, node: NodeProto) -> NodeCost:
        """The parameters and computations of one node."""
        stored = self._stored_weights(node)
        return NodeCost(
            parameters=sum(self.constants[name] for name in stored),
            bytes=sum(self.constants[name] * _width(self.types[name]) for name in stored),
            macs=self.macs(node) if _takes(node) else None if node.op_type in _UNCOUNTED else 0,
        )

    def _stored_weights(self, node: NodeProto) -> set[str]:
        stored = (self._stored(name) for name in self._weights(node))
        return {name for name in stored if name is not None}

    def _weights(self, node: NodeProto) -> list[str]:
        if node.op_type == "Add" and any(self._is_product(name) for name in node.input):
            return list(node.input)  # a bias behind its product
        return [node.input[at] for at in _WEIGHTS.get(node.op_type, ()) if at < len(node.input)]

    def _is_product(self, name: str) -> bool:
        node = self.made_by.get(name)
        if node is not None and node.op_type in _PRODUCTS:
            return True
        while node is not None and node.op_type in _SCALES:
            node = self.made_by.get(node.input[0])
        return node is not None and node.op_type in _INTEGER

    def _stored(self, name: str) -> str | None:
        """The constant that a weight is made of."""
        while name not in self.constants:
            node = self.made_by.get(name)
            if node is None or node.op_type not in _PASSES_ON:
                return None
            name = node.input[0]
        return name

    def macs(self, node: NodeProto) -> int | None:
        """Multiply-adds of a convolution or a matrix product; None if its shapes are unknown."""
        where = _takes(node)
        if where is None:
            return None
        data, weight = (self.shapes.get(node.input[at]) for at in where)
        made = self.shapes.get(node.output[0])
        if data is None or weight is None or made is None:
            return None
        if node.op_type == "ConvTranspose":
            return math.prod(data) * math.prod(weight[1:])
        if node.op_type in _CONVOLUTIONS:
            return math.prod(made) * math.prod(weight[1:])
        turned = any(a.name == "transA" and a.i for a in node.attribute)
        return math.prod(made) * data[-2 if turned else -1]

    def precision(self, node: NodeProto) -> str:
        """The number format it multiplies; integers if both sides come from a DequantizeLinear."""
        sources = [self.made_by.get(node.input[at]) for at in _takes(node) or ()]
        if all(source is not None and source.op_type == "DequantizeLinear" for source in sources):
            return "int8"
        return _PRECISIONS.get(self.types.get(node.input[0], 0), "")
