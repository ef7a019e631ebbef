"""Timing: which layer each step of ONNX Runtime belongs to.

ONNX Runtime fuses, moves and inserts nodes before it runs a graph. So each node gets a name that
survives most of this: a fused node is named after one of its parts or, in blocked channel layouts,
after its output tensor. Otherwise that tensor still has its name in the optimised graph. The graph
without taps is what runs, because taps would prevent fusion.
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto

from zoo.graphs.anatomy import CONVOLUTION, LINEAR, Anatomy, Layer, LayerTime, LayerTimes
from zoo.graphs.layers import Flow, inlined

_NAME = re.compile(r"zoo(\d+)node")
_BEHIND = re.compile(r"((_bn)?_nchwc)?(_token_\d+)?$")  # a tensor's name, in that of a step
_INNER = "zoo-inner"  # nodes of the graphs inside of If, Loop or Scan: their time is that node's
_MOVES = {"ReorderInput", "ReorderOutput", "Transpose"}  # put in for the layout of numbers
_MAIN = (CONVOLUTION, LINEAR, "matrix product", "attention")


def with_own_names(model: ModelProto) -> ModelProto:
    """A copy without local functions in which every node has a distinct name."""
    copy = ModelProto()
    copy.CopyFrom(inlined(model))
    for at, node in enumerate(copy.graph.node):
        node.name = f"zoo{at}node"
        for attribute in node.attribute:
            _name_inner(attribute)
    return copy


def times_of(
    named: ModelProto,
    anatomy: Anatomy,
    optimised: GraphProto,
    took: Mapping[str, float],
    *,
    calls: int,
    threads: int,
) -> LayerTimes:
    """How the time of a call is divided over layers.

    named: what ONNX Runtime opened, and anatomy: its layers; optimised: what it made of that; took:
    microseconds of each step in a call, by its name there.
    """
    flow = Flow(named)
    owners = _owners(flow, anatomy)
    by_name = {layer.name: layer for layer in anatomy.layers}
    spent: dict[str, float] = defaultdict(float)  # by layer
    absorbs: dict[str, set[str]] = defaultdict(set)  # kinds of layers behind one, in its step
    rounded: set[str] = set()  # tensors that steps of their own give, which are of no layer
    between = unknown = 0.0
    nodes = {node.name: node for node in optimised.node}
    for name, us in took.items():
        if _INNER in name:
            continue
        node = nodes.get(name)
        if node is not None and node.op_type in _MOVES:
            between += us
            continue
        made = _made(name, node, named, flow, owners)
        if made in owners:
            spent[owners[made]] += us
            absorbs[owners[made]] |= _absorbs(node)
        elif made:
            rounded.add(made)
            between += us
        else:
            unknown += us
    partners = {
        layer.name: _absorbing(layer, by_name, absorbs) or _partner(layer, flow, owners, rounded)
        for layer in anatomy.layers
        if layer.name not in spent
    }
    heads = {layer.name: _head(layer.name, partners) for layer in anatomy.layers}
    mains = {
        head: _main([layer for layer in anatomy.layers if heads[layer.name] == head], head)
        for head in spent
    }
    took_by = {mains[head]: us for head, us in spent.items()}
    layers = tuple(
        LayerTime(layer.name, took_by.get(layer.name, 0.0), mains.get(heads[layer.name], ""))
        for layer in anatomy.layers
    )
    return LayerTimes(layers, between, unknown, calls, threads)


def _name_inner(attribute: AttributeProto) -> None:
    graphs = [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else ())]
    for graph in graphs:
        for node in graph.node:
            node.name = _INNER
            for further in node.attribute:
                _name_inner(further)


def _owners(flow: Flow, anatomy: Anatomy) -> dict[str, str]:
    """The layer that each node belongs to, by the node's first output."""
    found = {}
    for (node, _), layer in zip(flow.steps(), anatomy.layers, strict=True):
        for part in flow.parts(node):
            found[part.output[0]] = layer.name
    return found


def _made(
    name: str, node: NodeProto | None, named: ModelProto, flow: Flow, owners: Mapping[str, str]
) -> str:
    """The tensor of the named graph that identifies a step; "" if there is none."""
    given = list(node.output) if node is not None else []
    told = _NAME.search(name)
    called = named.graph.node[int(told[1])].output[0] if told else _BEHIND.sub("", name)
    # A step in integers gives what is rounded, which is of no layer, but is called after the layer.
    of_layers = [tensor for tensor in given if tensor in owners]
    tensors = (*of_layers, called, *given)
    return next((tensor for tensor in tensors if tensor in flow.made_by), "")


def _absorbs(node: NodeProto | None) -> set[str]:
    """The kinds of layers that a step computes after the one that it is named after."""
    if node is None:
        return set()
    activation = any(part.name == "activation" and part.s for part in node.attribute)
    added = node.op_type in ("Conv", "FusedConv") and len(node.input) > 3 and node.input[3]
    return {*(("activation",) if activation else ()), *(("sum",) if added else ())}


def _absorbing(layer: Layer, by_name: Mapping[str, Layer], absorbs: Mapping[str, set[str]]) -> str:
    """The previous layer, or the one before the preceding sum, that includes this one; or ""."""
    for before in map(by_name.__getitem__, layer.takes):
        if layer.kind == "activation" and before.kind == "sum" and before.name not in absorbs:
            kinds, earlier = ["sum", "activation"], before.takes
        else:
            kinds, earlier = [layer.kind], (before.name,)
        for name in earlier:
            if by_name[name].kind not in kinds and absorbs.get(name, set()).issuperset(kinds):
                return name
    return ""


def _partner(layer: Layer, flow: Flow, owners: Mapping[str, str], rounded: set[str]) -> str:
    """The layer that a layer without a step is computed with; "" if there is none.

    A float step outputs what its last fused node outputs, and the nodes before it have no step. An
    integer step is named after the product, and ends with the rounding after it.
    """
    own = next(tensor for tensor, name in owners.items() if name == layer.name)
    follower = flow.only_taker(own)
    while follower is not None:
        made = follower.output[0]
        if follower.op_type == "QuantizeLinear":
            return "" if made in rounded else _before(flow.made_by[own], flow, owners)
        if owners.get(made, layer.name) != layer.name:
            return owners[made]
        follower = flow.only_taker(made)
    return ""


def _before(node: NodeProto, flow: Flow, owners: Mapping[str, str]) -> str:
    """The layer that directly feeds a node; or ""."""
    makers = (flow.made_by.get(name) for name in node.input)
    found = (owners.get(maker.output[0], "") for maker in makers if maker is not None)
    return next(found, "")


def _head(name: str, partners: Mapping[str, str]) -> str:
    """The layer with its own step that a layer is finally computed with; or ""."""
    passed = set()
    while name in partners and name not in passed:
        passed.add(name)
        name = partners[name]
    return "" if name in passed else name


def _main(layers: list[Layer], head: str) -> str:
    """The product among the layers of one step, which does most of the work."""
    return next((layer.name for layer in layers if layer.kind in _MAIN), head)
