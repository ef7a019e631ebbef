"""Convert a network to an ONNX graph with few nodes and the network's own parameter names."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import onnx_ir as ir
import torch
from onnxscript import optimizer
from onnxscript.rewriter import rewrite
from onnxscript.rewriter.rules.common import (
    materialize_reshape_shape_rule,
    remove_optional_bias_from_conv_rule,
)
from torch import nn

from zoo.errors import UsageError
from zoo.graphs.normalise import normalise
from zoo.models.pixels import FromPixels
from zoo.ort.compatibility import IR_VERSIONS, OPSET
from zoo.ort.outputs import LOGITS
from zoo.ort.signature import FORMS, IMAGE, LATENTS, PIXELS

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
    if form not in FORMS:
        raise UsageError(f"there is no input '{form}'. Known: {', '.join(FORMS)}.")
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
        raise AssertionError("torch.onnx.export returned no program")
    return _simplified(program.model, (name, LOGITS), IR_VERSIONS[opset])


def _simplified(model: ir.Model, names: tuple[str, str], ir_version: int) -> ir.Model:
    """Remove arithmetic on shapes and constants, and stack traces.

    Batch normalisation stays: folding it away would replace the network's parameters, and ONNX
    Runtime folds it when it loads the file.
    """
    optimizer.fold_constants(model)
    rules = [materialize_reshape_shape_rule, remove_optional_bias_from_conv_rule]
    model = rewrite(model, pattern_rewrite_rules=rules)
    graph = model.graph
    for name in list(graph.initializers):
        if name.startswith("network."):
            graph.initializers[name].name = name.removeprefix("network.")
    normalise(model, names, ir_version)
    _rename_constants(graph)
    return model


def _rename_constants(graph: ir.Graph) -> None:
    """Rename the exporter's constants by number."""
    for index, name in enumerate([n for n in graph.initializers if n.startswith("val_")]):
        graph.initializers[name].name = f"constant_{index}"


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings about its internals; the gate checks its results."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
