"""Write linear layers so that ONNX Runtime fuses the normalisation after them, and back."""

from collections import Counter

import onnx_ir as ir


def fusable(model: ir.Model) -> ir.Model:
    """A copy with MatMul instead of each Gemm that is followed by a batch normalisation.

    ONNX Runtime fuses the two if the weights come through a Transpose, which it computes once;
    after a Gemm it keeps the normalisation as a separate node.
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
    rename(graph)
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
    rename(graph)
    return model


def rename(graph: ir.Graph) -> None:
    """Rename nodes by operator and number: exporters keep counting from one export to the next."""
    count: Counter[str] = Counter()
    for node in graph:
        node.name = f"{node.op_type}_{count[node.op_type]}"
        count[node.op_type] += 1
        for number, value in enumerate(node.outputs):
            if not value.is_graph_output():
                value.name = f"{node.name}_{number}" if number else node.name
