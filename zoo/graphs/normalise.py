"""Bring every graph into one form: the same names, any batch size, all weights inside.

The gate then checks the file (`zoo.exporting.gate`).
"""

import onnx
import onnx_ir as ir
from onnx_ir.passes import common as passes
from onnxscript import optimizer

from zoo.graphs.fusable import rename

BATCH = "batch"


def normalise(model: ir.Model, names: tuple[str, str], ir_version: int) -> None:
    """Bring a graph of one input and one output into the zoo's form, in place.

    names: of the input and the output. A `ValueError` says why a graph cannot be normalised.
    """
    graph = model.graph
    ir.external_data.load_to_model(model)
    passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model)
    optimizer.remove_unused_nodes(model)
    passes.ClearMetadataAndDocStringPass()(model)
    for value in (*graph.inputs, *graph.outputs, *graph.initializers.values()):
        value.metadata_props.clear()
    _take_any_batch(graph, names)
    rename(graph)
    if _shapes_are_stale(model):
        _forget_shapes(graph)
    model.ir_version = ir_version
    model.producer_name, model.producer_version = "onnx-zoo", None
    graph.name = "network"


def _take_any_batch(graph: ir.Graph, names: tuple[str, str]) -> None:
    """Rename input and output, and make their first dimension free."""
    for value in [value for value in graph.inputs if value.name in graph.initializers]:
        graph.inputs.remove(value)  # for old writers, which list weights among the inputs
    ends_of = {"input": graph.inputs, "output": graph.outputs}
    for (kind, ends), name in zip(ends_of.items(), names, strict=True):
        if len(ends) != 1:
            raise ValueError(f"the graph has {len(ends)} {kind}s; a model of the zoo has one")
        (value,) = ends
        if not value.shape:
            raise ValueError(f"the graph does not say the shape of its {kind} {value.name}")
        if value.shape[0] != ir.SymbolicDim(BATCH):
            value.shape = ir.Shape((BATCH, *value.shape[1:]))
            _forget_shapes(graph)  # shapes in between, which were for another batch size
        value.name = name


def _shapes_are_stale(model: ir.Model) -> bool:
    """Whether declared shapes contradict the graph, as after another tool moved its axes."""
    try:
        onnx.shape_inference.infer_shapes(ir.to_proto(model), check_type=True, strict_mode=True)
    except onnx.shape_inference.InferenceError:
        return True
    return False


def _forget_shapes(graph: ir.Graph) -> None:
    """Remove declared shapes between the ends: every reader infers them again."""
    for node in graph:
        for value in node.outputs:
            if not value.is_graph_output():
                value.shape = value.type = None
