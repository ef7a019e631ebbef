"""int8: seven-bit weights, ranges from images, the same bytes from the same ranges."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from numpy.typing import NDArray

from tests.networks import answers
from zoo.exporting.quantize import (
    LARGEST_WEIGHT,
    calibrate,
    layers,
    prepare,
    quantize,
    widest_weight,
)

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def prepared(converted: ir.Model) -> onnx.ModelProto:
    return prepare(converted)


def test_no_stored_weight_can_saturate(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    model = quantize(prepared, calibrate(prepared, images[:64]))
    integers = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8]
    weights = [onnx.numpy_helper.to_array(t) for t in integers if len(t.dims) > 1]
    assert len(weights) == 3
    assert widest_weight(model) == max(int(np.abs(w.astype(int)).max()) for w in weights)
    assert 0 < widest_weight(model) <= LARGEST_WEIGHT
    # What an instruction without VNNI adds up in 16 bits: two products of a U8 and an S8.
    assert 2 * 255 * LARGEST_WEIGHT < 2**15


def test_it_answers_much_like_fp32(prepared: onnx.ModelProto, images: NDArray[np.uint8]) -> None:
    model = quantize(prepared, calibrate(prepared, images))
    onnx.checker.check_model(model, full_check=True)
    wanted, found = answers(prepared, images), answers(model, images)
    assert (wanted.argmax(1) == found.argmax(1)).mean() > 0.95
    assert 0 < np.abs(wanted - found).max() < 0.1 * np.abs(wanted).max()


def test_the_same_images_give_the_same_bytes(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    ranges = [calibrate(prepared, images[:64]) for _ in range(2)]
    assert ranges[0] == ranges[1]
    files = [quantize(prepared, r).SerializeToString(deterministic=True) for r in ranges]
    assert files[0] == files[1]


def test_ranges_are_those_of_the_tensors(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    low, high = calibrate(prepared, images)["logits"]
    wanted = answers(prepared, images)
    assert low == pytest.approx(wanted.min(), rel=1e-4)
    assert high == pytest.approx(wanted.max(), rel=1e-4)


def test_a_layer_that_is_left_in_float_keeps_its_weights(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    first, *others = layers(prepared)
    model = quantize(prepared, calibrate(prepared, images[:64]), [first])
    kept = {tensor.name for tensor in model.graph.initializer}
    (node,) = [node for node in model.graph.node if node.name == first]
    assert node.input[1] in kept
    assert len(others) == 2
    assert widest_weight(model) > 0
