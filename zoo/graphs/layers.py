"""Find the layers of a graph: the meaningful tensors between its nodes, in graph order.

A layer is a node that computes on data from the image: a convolution or a product with its bias, an
activation, a pooling, a normalisation, a join of branches. Moving and casting do not count. If an
int8 file quantises the output of a layer, its tensor is the one after rounding: that is the input
of the next layer, and often the range of the rounding does the work of a ReLU.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import onnx
import onnx.inliner
from onnx import ModelProto, NodeProto, numpy_helper

from zoo.graphs.anatomy import CONVOLUTION, LINEAR, Anatomy, Filters, Layer
from zoo.graphs.cost import costs_of, drop_weights
from zoo.graphs.counted import NodeCost
from zoo.graphs.taps import with_taps

SHIFT = "scale and shift"
_KINDS = {
    **dict.fromkeys(
        ("Conv", "ConvTranspose", "ConvInteger", "FusedConv", "QLinearConv", "DeformConv"),
        CONVOLUTION,
    ),
    **dict.fromkeys(
        ("Gemm", "MatMul", "MatMulInteger", "FusedGemm", "FusedMatMul", "QGemm", "QLinearMatMul"),
        LINEAR,
    ),
    **dict.fromkeys(
        (
            *("Relu", "LeakyRelu", "PRelu", "ThresholdedRelu", "Elu", "Selu", "Celu", "Gelu"),
            *("Sigmoid", "HardSigmoid", "Tanh", "Softplus", "Softsign", "HardSwish", "Swish"),
            *("Mish", "Clip", "FastGelu", "QuickGelu", "BiasGelu", "Softmax", "LogSoftmax"),
        ),
        "activation",
    ),
    **dict.fromkeys(
        (
            *("MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool"),
            *("GlobalLpPool", "ReduceMean", "ReduceMax", "ReduceSum"),
        ),
        "pooling",
    ),
    **dict.fromkeys(
        (
            *("BatchNormalization", "InstanceNormalization", "LayerNormalization"),
            *("GroupNormalization", "RMSNormalization", "LRN", "LpNormalization"),
            *("SkipLayerNormalization", "SimplifiedLayerNormalization"),
        ),
        "normalisation",
    ),
    **dict.fromkeys(("Attention", "MultiHeadAttention"), "attention"),
    "Concat": "concatenation",
    **dict.fromkeys(("Resize", "Upsample"), "resizing"),
}
_ARITHMETIC = {"Add": "sum", "Sub": "difference", "Mul": "product", "Div": "quotient"}
# They output numbers about a tensor, not its values.
_ABOUT = {"Shape", "Size"}
_PRODUCTS = {"Conv", "Gemm", "MatMul"}
_QUANTISES = {"QuantizeLinear", "DequantizeLinear"}
_CLUTTER = re.compile(r"(_output_0|_QuantizeLinear_Input|_DequantizeLinear_Output|:0)$")


def opened_up(model: ModelProto) -> tuple[ModelProto, Anatomy]:
    """A copy that appends every layer's tensor and the first filters to its outputs."""
    model = inlined(model)
    anatomy = anatomy_of(model)
    names = [layer.tensor for layer in anatomy.layers]
    if anatomy.filters:
        names.append(anatomy.filters.tensor)
    return with_taps(model, names), anatomy


def inlined(model: ModelProto) -> ModelProto:
    """A copy with local functions inlined, as ONNX Runtime does, too."""
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def anatomy_of(model: ModelProto) -> Anatomy:
    """The layers of a graph without local functions; nothing is executed."""
    flow = Flow(model)
    costs = costs_of(_without_weights(model))
    steps = flow.steps()
    names = _names([(node, flow.seen(node)) for node, _ in steps])
    called = {node.output[0]: name for name, (node, _) in zip(names, steps, strict=True)}
    takes = flow.takes(called)
    layers = tuple(
        Layer(
            name=name,
            tensor=flow.seen(node),
            operator=flow.core(node).op_type,
            kind=kind,
            takes=takes[name],
            folds_into=called.get(flow.folds_into(node), ""),
            **_cost([costs[one.output[0]] for one in flow.parts(node)]),
        )
        for name, (node, kind) in zip(names, steps, strict=True)
    )
    return Anatomy(layers, _filters(flow, layers, [flow.core(node) for node, _ in steps]))


def _without_weights(model: ModelProto) -> ModelProto:
    """A copy whose large tensors have only shapes, which is enough to count costs."""
    copy = ModelProto()
    copy.CopyFrom(model)
    drop_weights(copy)
    return copy


def _cost(parts: list[NodeCost]) -> dict[str, Any]:
    """The cost of all nodes of a layer."""
    macs = [part.macs for part in parts]
    return {
        "parameters": sum(part.parameters for part in parts),
        "bytes": sum(part.bytes for part in parts),
        "macs": None if None in macs else sum(one or 0 for one in macs),
    }


def _filters(flow: "Flow", layers: Iterable[Layer], cores: Iterable[NodeProto]) -> Filters | None:
    for layer, node in zip(layers, cores, strict=True):
        if node.op_type == "Conv":
            return Filters(layer.name, node.input[1], CONVOLUTION, units_last=False)
        if node.op_type in ("Gemm", "MatMul") and node.input[1] not in flow.computed:
            turned = any(part.name == "transB" and part.i for part in node.attribute)
            return Filters(layer.name, node.input[1], LINEAR, units_last=not turned)
    return None


class Flow:
    """The nodes that compute on data from the image."""

    def __init__(self, model: ModelProto) -> None:
        graph = model.graph
        self.stored = {tensor.name: tensor for tensor in graph.initializer}
        self.outputs = {value.name for value in graph.output}
        self.computed = {value.name for value in graph.input} - self.stored.keys()
        self.ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
        self.nodes: list[NodeProto] = []
        self.made_by: dict[str, NodeProto] = {}
        self._taken: Counter[str] = Counter(self.outputs)
        self._takers: dict[str, list[NodeProto]] = {}
        for node in graph.node:
            self.made_by |= dict.fromkeys(node.output, node)
            for name in node.input:
                self._taken[name] += 1
                self._takers.setdefault(name, []).append(node)
            if node.op_type not in _ABOUT and self.computed & set(node.input):
                self.computed |= {name for name in node.output if name}
                self.nodes.append(node)

    def steps(self) -> list[tuple[NodeProto, str]]:
        """The last node of each layer, and its kind."""
        found = [(node, kind) for node in self.nodes if (kind := self.kind(node))]
        return [step for step in found if not self.goes_on(*step)]

    def kind(self, node: NodeProto) -> str:
        """The kind of layer that a node is; "" if it is not one."""
        given = [name for name in node.input if name in self.computed]
        if node.op_type in _ARITHMETIC:
            if len(set(given)) > 1:
                return _ARITHMETIC[node.op_type]
            constants = [name for name in node.input if name not in self.computed]
            if self._product(node):
                return LINEAR
            return SHIFT if any(self.ranks.get(name) for name in constants) else ""
        if node.op_type == "Concat" and len(given) < 2:
            return ""
        if node.op_type == "MatMul" and len(given) > 1:
            return "matrix product"
        return _KINDS.get(node.op_type, "")

    def goes_on(self, node: NodeProto, kind: str) -> bool:
        """Whether its output is only half of a layer: its bias or shift comes next."""
        follower = self.only_taker(node.output[0])
        if follower is None or follower.op_type not in _ARITHMETIC:
            return False
        product = self._product(follower)
        if product is not None:
            return bool(product.output[0] == node.output[0])
        return kind == SHIFT and self.kind(follower) == SHIFT

    def core(self, node: NodeProto) -> NodeProto:
        """The product, if the node is its bias."""
        return self._product(node) or node

    def parts(self, node: NodeProto) -> Iterator[NodeProto]:
        """The nodes of one layer."""
        yield node
        if product := self._product(node):
            yield product

    def seen(self, node: NodeProto) -> str:
        """The tensor that the next layer receives: rounded, if it is quantised in between."""
        name: str = node.output[0]
        while (taker := self.only_taker(name)) and taker.op_type in _QUANTISES:
            name = taker.output[0]
        return name

    def takes(self, called: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
        """By layer, the layers that feed it. called: their names, by tensor."""
        taken: dict[str, tuple[str, ...]] = {}
        reach: dict[str, tuple[str, ...]] = {}
        for node in self.nodes:
            before = [name for tensor in node.input for name in reach.get(tensor, ())]
            given = tuple(dict.fromkeys(before))
            name = called.get(node.output[0])
            if name is not None:
                taken[name] = given
            reach |= dict.fromkeys(node.output, given if name is None else (name,))
        return taken

    def folds_into(self, node: NodeProto) -> str:
        """The tensor of the product whose weights can absorb a normalisation; "" if there is none.

        As `zoo.graphs.fold` does it: directly before, or before a MaxPool if each gain is positive.
        """
        if node.op_type != "BatchNormalization":
            return ""
        tensor: str = node.input[0]
        maker = self.made_by.get(tensor)
        if maker is not None and maker.op_type == "MaxPool" and self._gains_are_positive(node):
            tensor = maker.input[0]
            maker = self.made_by.get(tensor)
        alone = self._taken[tensor] == 1 and self._taken[node.input[0]] == 1
        product = maker is not None and self.core(maker).op_type in _PRODUCTS
        return tensor if alone and product else ""

    def _gains_are_positive(self, node: NodeProto) -> bool:
        gains = self.stored.get(node.input[1])
        return gains is not None and bool((numpy_helper.to_array(gains) > 0).all())

    def _product(self, node: NodeProto) -> NodeProto | None:
        """The product whose bias a node adds."""
        if node.op_type != "Add":
            return None
        given = [name for name in node.input if name in self.computed]
        made = self.made_by.get(given[0]) if len(given) == 1 else None
        taken_once = made is not None and self._taken[given[0]] == 1
        return made if made and taken_once and made.op_type == "MatMul" else None

    def only_taker(self, name: str) -> NodeProto | None:
        """The node that reads a tensor, if that is its only use."""
        return self._takers[name][0] if self._taken[name] == 1 and name in self._takers else None


def _names(steps: list[tuple[NodeProto, str]]) -> list[str]:
    """Short names, or the tensors' own names if two would be equal."""
    short = [_short(node, tensor) for node, tensor in steps]
    times = Counter([*short, *(tensor for _, tensor in steps)])
    return [
        name if times[name] == 1 + (name == tensor) else tensor
        for name, (_, tensor) in zip(short, steps, strict=True)
    ]


def _short(node: NodeProto, tensor: str) -> str:
    """`/layer1/layer1.0/conv1/Conv_output_0` as `layer1.0/conv1/Conv`; `345` as `Conv 345`."""
    parts = [part for part in _CLUTTER.sub("", tensor).split("/") if part]
    kept = [
        part
        for at, part in enumerate(parts)
        if at + 1 == len(parts) or not parts[at + 1].startswith(f"{part}.")
    ]
    joined = "/".join(kept)
    return f"{node.op_type} {joined}" if joined.isdigit() or not joined else joined
