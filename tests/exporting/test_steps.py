"""Integer steps against float arithmetic on the same numbers, one by one."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from numpy.typing import NDArray

from zoo.exporting import steps
from zoo.exporting.quantize import calibrate, prepare, quantize
from zoo.exporting.steps import widest_step
from zoo.machine.cpu import cpu_flags

pytestmark = pytest.mark.usefixtures("one_thread")


def quantised(converted: ir.Model, images: NDArray[np.uint8]) -> onnx.ModelProto:
    prepared = prepare(converted)
    return quantize(prepared, calibrate(prepared, images))


def weights_of(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    return [
        tensor
        for tensor in model.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) > 1
    ]


def fill(tensor: onnx.TensorProto, value: int) -> None:
    numbers = np.full(tuple(tensor.dims), value, np.int8)
    tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))


def quantised_behind(model: onnx.ModelProto, tensor: str) -> str:
    """The first quantised tensor that comes of it."""
    while True:
        node = next(n for n in model.graph.node if tensor in n.input)
        tensor = node.output[0]
        if node.op_type == "QuantizeLinear":
            return tensor


def test_steps_differ_by_a_rounding_at_most_and_all_are_looked_at(
    converted: ir.Model, images: NDArray[np.uint8]
) -> None:
    model = quantised(converted, images)
    quantizing = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    assert len(quantizing) > 4
    few = widest_step(model, {"image": images[:8]})
    assert few.steps <= 1
    # The pixels of both layers at least, of each image.
    assert few.of > 8 * 2 * 8 * 16 * 16
    assert widest_step(model, {"image": images[:4]}).of == few.of / 2


def test_a_model_without_integer_steps_has_none(converted: ir.Model) -> None:
    assert (
        widest_step(ir.to_proto(converted), {"image": np.zeros((1, 16, 16, 3), np.uint8)}).of == 0
    )


def test_a_step_that_is_computed_otherwise_is_found_in_its_layer(
    converted: ir.Model, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second layer of the one that is computed anew has other weights."""
    model, real = quantised(converted, images), steps._anew

    def spoiled(given: onnx.ModelProto) -> onnx.ModelProto:
        copy = real(given)
        fill(weights_of(copy)[1], 1)
        return copy

    monkeypatch.setattr(steps, "_anew", spoiled)
    found = widest_step(model, {"image": images[:4]})
    assert found.steps > 1
    assert found.tensor == quantised_behind(model, weights_of(model)[1].name)


def test_kernels_that_saturate_are_found_where_a_cpu_has_them(
    converted: ir.Model, images: NDArray[np.uint8]
) -> None:
    """Weights of eight bits, all as large as can be, on white: the worst for sums in 16 bits."""
    if not cpu_flags() & {"avx2"}:
        pytest.skip("this is about x86-64")
    model = quantised(converted, images)
    for tensor in weights_of(model):
        fill(tensor, 127)
    saturates = not cpu_flags() & {"avx512_vnni", "avx_vnni"}
    white = np.full((4, 16, 16, 3), 255, np.uint8)
    assert (widest_step(model, {"image": white}).steps > 1) == saturates
