"""What fp16 and int8 leave in fp32: nothing unless it is needed, then the first layers."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from numpy.typing import NDArray

from zoo.exporting import choose as module
from zoo.exporting.choose import Choosing, choose_half_layers, choose_int8
from zoo.exporting.quantize import Ranges, calibrate, layers, prepare, quantize
from zoo.exporting.shifts import mean_shifts

pytestmark = pytest.mark.usefixtures("one_thread")
NEVER_WORTH_IT = Choosing(worthwhile=1.0, costly=1.0)
# The net of these tests is small: its convolutions hold a quarter of the weights.
TWO_LEADING = Choosing(small_layer=0.5)


@pytest.fixture
def prepared(converted: ir.Model) -> onnx.ModelProto:
    return prepare(converted)


def test_no_layer_is_left_in_float_where_it_brings_nothing(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    ranges = calibrate(prepared, images)
    assert choose_int8(prepared, ranges, images, images, NEVER_WORTH_IT)[1] == ()


def test_a_small_layer_that_hurts_is_left_in_float(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    ranges = calibrate(prepared, images)
    ranges["logits"] = (0.0, 1e-3)  # all of them clipped to next to nothing
    # The head of this net holds most of its weights.
    assert "Gemm_0" not in choose_int8(prepared, ranges, images, images)[1]
    any_size = Choosing(small_layer=1.0)
    assert "Gemm_0" in choose_int8(prepared, ranges, images, images, any_size)[1]


def test_the_last_convolution_is_left_in_float_where_that_saves_many_images(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    ranges = calibrate(prepared, images)
    last = [node for node in prepared.graph.node if node.op_type == "Conv"][-1]
    ranges[last.output[0]] = (-1e4, 1e4)  # steps of 78: all else is next to nothing
    chosen = choose_int8(prepared, ranges, images, images)[1]
    assert last.name in chosen
    never = Choosing(costly=1.0)
    assert last.name not in choose_int8(prepared, ranges, images, images, never)[1]


def test_fp16_leaves_first_layers_in_fp32_only_until_logits_are_close(
    prepared: onnx.ModelProto, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert choose_half_layers(prepared, images, TWO_LEADING) == ()
    tried: list[float] = []

    def far(*_: NDArray[np.float32]) -> float:
        tried.append(1.0 if len(tried) < 2 else 0.001)
        return tried[-1]

    monkeypatch.setattr(module, "distance", far)
    assert choose_half_layers(prepared, images, TWO_LEADING) == ("Conv_0", "Conv_1")


def test_int8_leaves_first_layers_in_float_only_until_logits_are_close(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    how = replace(NEVER_WORTH_IT, small_layer=TWO_LEADING.small_layer)
    ranges = calibrate(prepared, images)
    assert choose_int8(prepared, ranges, images, images, how)[1] == ()
    ranges["Relu_0"] = (0.0, 1e3)  # between the first two layers: steps of 4 tell little apart
    assert choose_int8(prepared, ranges, images, images, how)[1] == ("Conv_0", "Conv_1")
    how = replace(how, close_int8=1e3)
    assert choose_int8(prepared, ranges, images, images, how)[1] == ()


def test_what_is_quantised_to_judge_classes_also_says_how_close_logits_are(
    prepared: onnx.ModelProto, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[tuple[str, ...]] = []

    def noted(prepared: onnx.ModelProto, ranges: Ranges, in_float: Any, shifts: Any) -> Any:
        tried.append(tuple(in_float))
        return quantize(prepared, ranges, in_float, shifts)

    monkeypatch.setattr(module, "quantize", noted)
    shifts, chosen = choose_int8(prepared, calibrate(prepared, images), images, images)
    assert shifts == {}
    assert chosen in tried
    assert len(tried) == len(set(tried))


def test_biases_make_up_for_weights_only_where_logits_are_not_close(
    prepared: onnx.ModelProto, images: NDArray[np.uint8]
) -> None:
    ranges = calibrate(prepared, images)
    assert choose_int8(prepared, ranges, images, images)[0] == {}
    shifts, _ = choose_int8(prepared, ranges, images, images, Choosing(close_int8=0.0))
    assert shifts == mean_shifts(prepared, quantize(prepared, ranges), images)


def test_layers_in_float_are_named_once(
    prepared: onnx.ModelProto, images: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left in float for the sake of classes may be among the first layers."""
    monkeypatch.setattr(module, "_by_class", lambda *_: (("Conv_1",), np.zeros(1)))
    how = replace(TWO_LEADING, close_int8=0.0)
    chosen = choose_int8(prepared, calibrate(prepared, images), images, images, how)[1]
    assert sorted(chosen) == sorted(set(chosen))
    assert "Conv_1" in chosen


@pytest.mark.parametrize(
    ("away", "chosen"),
    [
        ([0.5, 0.05], ()),  # close at once: what follows is not tried
        ([2.0, 0.9, 0.1], ("Conv_0",)),
        ([2.0, 3.0, 0.1], ("Conv_0", "Conv_1")),
        ([2.0, 1.5, 1.8], ("Conv_0",)),  # none is close: the closest
    ],
)
def test_as_few_as_needed(
    prepared: onnx.ModelProto, away: Sequence[float], chosen: tuple[str, ...]
) -> None:
    leading = module._leading(prepared, TWO_LEADING.small_layer)
    assert leading == [(), ("Conv_0",), ("Conv_0", "Conv_1")]
    assert module._as_few(leading, lambda first: away[len(first)], close=1.0) == chosen


def test_layers_that_hold_much_of_the_weights_are_never_among_the_first(
    prepared: onnx.ModelProto,
) -> None:
    assert layers(prepared) == ["Conv_0", "Conv_1", "Gemm_0"]
    sizes = {"Conv_0": 3 * 8 * 9 + 8, "Conv_1": 8 * 8 * 9 + 8, "Gemm_0": 512 * 5 + 5}
    first = sizes["Conv_0"] / sum(sizes.values())
    for share, count in ((first * 0.9, 1), (first * 1.1, 2), (0.5, 3), (2.0, 3)):
        assert len(module._leading(prepared, share)) == count
