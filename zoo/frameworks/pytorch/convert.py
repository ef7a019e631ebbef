"""A network as an ONNX graph: as few nodes as can be, and the network's own parameter names."""

import logging
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import onnx_ir as ir
import torch
from onnx_ir.passes import common as passes
from onnxscript import optimizer
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.rules.common import (
    materialize_reshape_shape_rule,
    remove_optional_bias_from_conv_rule,
)
from torch import nn

from zoo.errors import UsageError
from zoo.models.pixels import FromPixels
from zoo.ort.signature import BARE, LOGITS, PIXELS

OPSET = 20
IR_VERSIONS = {18: 8, 19: 9, 20: 9, 21: 10}  # by opset, as onnx released them together
IMAGE, LATENTS = "image", "latents"
INPUTS = (PIXELS, BARE)
_TRACED_BATCH = 2  # 1 would be taken for a constant


def convert(
    network: nn.Module,
    image_shape: tuple[int, int, int],
    mean: tuple[float, ...],
    std: tuple[float, ...],
    form: str = PIXELS,
    opset: int = OPSET,
) -> ir.Model:
    """The network in evaluation mode as ONNX; image_shape: [height, width, channels].

    form: `uint8-nhwc` takes raw pixels, `float32-nchw` images that the caller has normalised.
    """
    if form not in INPUTS:
        raise UsageError(f"there is no input '{form}'. Known: {', '.join(INPUTS)}.")
    height, width, channels = image_shape
    if form == PIXELS:
        whole: nn.Module = FromPixels(network, mean, std)
        example = torch.zeros(_TRACED_BATCH, height, width, channels, dtype=torch.uint8)
    else:
        whole = network
        example = torch.zeros(_TRACED_BATCH, channels, height, width)
    return _exported(whole, example, IMAGE, opset)


def convert_head(head: nn.Module, width: int, opset: int = OPSET) -> ir.Model:
    """A head on latents float [batch, width] in evaluation mode as ONNX."""
    return _exported(head, torch.zeros(_TRACED_BATCH, width), LATENTS, opset)


def _exported(whole: nn.Module, example: torch.Tensor, name: str, opset: int) -> ir.Model:
    with _quiet():
        program = torch.onnx.export(
            whole.eval(),
            (example,),
            dynamo=True,
            input_names=[name],
            output_names=[LOGITS],
            dynamic_shapes=({0: "batch"},),
            opset_version=opset,
            external_data=False,
            optimize=False,
            verbose=False,
        )
    if program is None:
        raise AssertionError("torch.onnx.export gave no program")
    return _simplified(program.model, IR_VERSIONS[opset])


def _simplified(model: ir.Model, ir_version: int) -> ir.Model:
    """Without arithmetic on shapes and constants, and without the traces of where it was made.

    Batch normalisation stays: folding it away would replace the network's parameters, and ONNX
    Runtime folds it when it loads the file.
    """
    optimizer.fold_constants(model)
    rules = [materialize_reshape_shape_rule, remove_optional_bias_from_conv_rule]
    model = rewrite(model, pattern_rewrite_rules=rules)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    optimizer.remove_unused_nodes(model)
    passes.ClearMetadataAndDocStringPass()(model)
    graph = model.graph
    for name in list(graph.initializers):
        if name.startswith("network."):
            graph.initializers[name].name = name.removeprefix("network.")
    for value in (*graph.inputs, *graph.outputs, *graph.initializers.values()):
        value.metadata_props.clear()
    _rename(graph)
    model.ir_version = ir_version
    model.producer_name, model.producer_version = "onnx-zoo", None
    graph.name = "network"
    return model


def fusable(model: ir.Model) -> ir.Model:
    """A copy with MatMul for each Gemm whose result a batch normalisation takes.

    ONNX Runtime merges the two where the weights come through a Transpose, which it computes once;
    behind a Gemm it leaves the normalisation a node of its own.
    """
    model = model.clone()
    graph = model.graph
    for node in [node for node in graph if node.op_type == "Gemm"]:
        readers = [use.node.op_type for use in node.outputs[0].uses()]
        given = node.attributes
        form = (
            given.get_float("alpha", 1.0),
            given.get_int("transA", 0),
            given.get_int("transB", 0),
        )
        plain = len(node.inputs) == 2 and form == (1.0, 0, 1)
        if not plain or readers != ["BatchNormalization"]:
            continue
        turned = ir.node("Transpose", [node.inputs[1]], attributes={"perm": [1, 0]})
        product = ir.node("MatMul", [node.inputs[0], turned.outputs[0]])
        for part in (turned.outputs[0], product.outputs[0]):
            part.dtype = ir.DataType.FLOAT
        product.outputs[0].shape = node.outputs[0].shape
        ir.convenience.replace_nodes_and_values(
            graph, node, [node], [turned, product], node.outputs, product.outputs
        )
    _rename(graph)
    return model


def unfused(model: ir.Model) -> ir.Model:
    """A copy as it was before `fusable`."""
    model = model.clone()
    graph = model.graph
    for node in [node for node in graph if node.op_type == "MatMul"]:
        turned = node.inputs[1].producer() if node.inputs[1] is not None else None
        if turned is None or turned.op_type != "Transpose":
            continue
        as_exported = {"beta": 1.0, "transB": 1, "alpha": 1.0, "transA": 0}
        gemm = ir.node("Gemm", [node.inputs[0], turned.inputs[0]], attributes=as_exported)
        gemm.outputs[0].dtype, gemm.outputs[0].shape = ir.DataType.FLOAT, node.outputs[0].shape
        ir.convenience.replace_nodes_and_values(
            graph, node, [node, turned], [gemm], node.outputs, gemm.outputs
        )
    _rename(graph)
    return model


def _rename(graph: ir.Graph) -> None:
    """Names by operator and number: the exporter's count on from one export to the next."""
    count: Counter[str] = Counter()
    for node in graph:
        node.name = f"{node.op_type}_{count[node.op_type]}"
        count[node.op_type] += 1
        for number, value in enumerate(node.outputs):
            if not value.is_graph_output():
                value.name = f"{node.name}_{number}" if number else node.name
    for index, name in enumerate([n for n in graph.initializers if n.startswith("val_")]):
        graph.initializers[name].name = f"constant_{index}"


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own internals; what matters of its work is checked at the gate."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
