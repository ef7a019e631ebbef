"""Every planted fault is caught, and the refusal says which check failed and by how much."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.data import Split
from zoo.exporting import gate, steps
from zoo.exporting.gate import GateError, Reference, judge
from zoo.exporting.half import to_half
from zoo.exporting.quantize import calibrate, prepare, quantize
from zoo.exporting.steps import Widest
from zoo.frameworks.pytorch.convert import convert
from zoo.ort.session import Session, open_session
from zoo.parity import GATE, GateBounds
from zoo.progress import Advance, Progress

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE, MEAN, STD, NAMES = 16, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3), '["a", "b", "c", "d", "e"]'
ANY_LOST = GateBounds(lost={"int8": 10_000})


@pytest.fixture
def int8(converted: ir.Model, images: NDArray[np.uint8]) -> onnx.ModelProto:
    """The net in int8, as it should be."""
    prepared = prepare(converted)
    return quantize(prepared, calibrate(prepared, images))


def file_of(model: ir.Model | onnx.ModelProto, names: str = NAMES) -> bytes:
    proto = onnx.ModelProto()
    proto.CopyFrom(model if isinstance(model, onnx.ModelProto) else ir.to_proto(model))
    onnx.helper.set_model_props(proto, {"class_names": names})
    content: bytes = proto.SerializeToString(deterministic=True)
    return content


def passes(content: bytes, precision: str, reference: Reference, bounds: GateBounds = GATE) -> None:
    result = judge(content, precision, reference, Progress(), bounds)
    assert result.card.accuracy.images == len(reference.test)
    assert result.card.file == f"{precision}.onnx"


def refusal(content: bytes, precision: str, reference: Reference, bounds: GateBounds = GATE) -> str:
    with pytest.raises(GateError) as refused:
        judge(content, precision, reference, Progress(), bounds)
    assert "Nothing was published" in str(refused.value)
    return str(refused.value)


def edited(model: ir.Model, change: Callable[[onnx.ModelProto], None]) -> bytes:
    proto: onnx.ModelProto = ir.to_proto(model)
    change(proto)
    return file_of(proto)


def test_a_good_file_passes_in_every_precision(
    net: nn.Module,
    converted: ir.Model,
    int8: onnx.ModelProto,
    images: NDArray[np.uint8],
    reference_of: Callable[..., Reference],
) -> None:
    reference = reference_of(net)
    result = judge(file_of(converted), "fp32", reference, Progress())
    card = result.card
    assert np.abs(result.logits - reference.logits).max() == card.max_difference["64"]
    assert card.accuracy.correct == card.agreement == len(images)
    assert set(card.max_difference) == {"1", "2", "7", "64"}
    assert card.bound is not None
    assert max(card.max_difference.values()) <= card.bound
    # The reference is the truth here: what fp16 and int8 lose is what they answer otherwise.
    sure = np.sort(reference.logits, axis=1)
    kept = sure[:, -1] - sure[:, -2] > 0.2
    clear = replace(
        reference,
        test=Split(images[kept], reference.test.labels[kept]),
        logits=reference.logits[kept],
    )
    passes(file_of(to_half(ir.to_proto(converted))), "fp16", clear)
    assert judge(file_of(int8), "int8", clear, Progress()).card.emulated == kept.sum()


def test_dropout_left_in_training_mode(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    def switch_on(proto: onnx.ModelProto) -> None:
        graph = proto.graph
        gemm = next(node for node in graph.node if node.op_type == "Gemm")
        ratio = onnx.numpy_helper.from_array(np.float32(0.5), "ratio")
        training = onnx.numpy_helper.from_array(np.array(True), "training")
        graph.initializer.extend([ratio, training])
        drop = onnx.helper.make_node(
            "Dropout", [gemm.input[0], "ratio", "training"], ["dropped"], "drop"
        )
        gemm.input[0] = "dropped"
        graph.node.insert(list(graph.node).index(gemm), drop)

    assert "Dropout" in refusal(edited(converted, switch_on), "fp32", reference_of(net))


def test_batch_statistics_left_in_training_mode(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    def switch_on(proto: onnx.ModelProto) -> None:
        node = next(node for node in proto.graph.node if node.op_type == "BatchNormalization")
        node.attribute.append(onnx.helper.make_attribute("training_mode", 1))
        node.output.extend(["mean_out", "variance_out"])

    why = refusal(edited(converted, switch_on), "fp32", reference_of(net))
    assert "training mode" in why


@pytest.mark.parametrize(
    ("mean", "std"), [((0.4, 0.5, 0.3), STD), (MEAN, (0.25, 0.25, 0.25)), ((0, 0, 0), (1, 1, 1))]
)
def test_a_wrong_mean_or_std(
    net: nn.Module,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    reference_of: Callable[..., Reference],
) -> None:
    wrong = convert(net, (SIDE, SIDE, 3), mean, std)
    assert "a logit is" in refusal(file_of(wrong), "fp32", reference_of(net))


def test_swapped_classes_in_the_weights(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    reference = reference_of(net)
    with torch.no_grad():
        for parameter in (net.get_parameter("head.weight"), net.get_parameter("head.bias")):
            parameter.copy_(parameter[[1, 0, 2, 3, 4]])
    swapped = convert(net, (SIDE, SIDE, 3), MEAN, STD)
    assert "a logit is" in refusal(file_of(swapped), "fp32", reference)
    assert "are lost" in refusal(file_of(to_half(ir.to_proto(swapped))), "fp16", reference)


def test_swapped_class_names(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    swapped = file_of(converted, '["b", "a", "c", "d", "e"]')
    assert "class names" in refusal(swapped, "fp32", reference_of(net))


def test_a_batch_fixed_to_one(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    def fix(proto: onnx.ModelProto) -> None:
        for value in (proto.graph.input[0], proto.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_value = 1
        del proto.graph.value_info[:]

    assert "batch" in refusal(edited(converted, fix), "fp32", reference_of(net))


def test_a_batch_fixed_to_one_inside(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    def fix(proto: onnx.ModelProto) -> None:
        (shape,) = [t for t in proto.graph.initializer if t.data_type == onnx.TensorProto.INT64]
        numbers = onnx.numpy_helper.to_array(shape).copy()
        numbers[0] = 1
        shape.CopyFrom(onnx.numpy_helper.from_array(numbers, shape.name))
        del proto.graph.value_info[:]

    assert "cannot be reshaped" in refusal(edited(converted, fix), "fp32", reference_of(net))


def test_int8_calibrated_on_noise(
    net: nn.Module,
    converted: ir.Model,
    images: NDArray[np.uint8],
    reference_of: Callable[..., Reference],
) -> None:
    prepared = prepare(converted)
    grey = np.random.default_rng(0).integers(110, 146, images[:64].shape).astype(np.uint8)
    poor = quantize(prepared, calibrate(prepared, grey))
    assert "are lost" in refusal(file_of(poor), "int8", reference_of(net))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_file(
    net: nn.Module, converted: ir.Model, share: float, reference_of: Callable[..., Reference]
) -> None:
    whole = file_of(converted)
    why = refusal(whole[: int(share * len(whole))], "fp32", reference_of(net))
    assert "not an ONNX file" in why or "no graph" in why or "ir_version" in why


@pytest.mark.parametrize("name", ["conv1.weight", "norm2.running_var", "head.bias", "pixel_scale"])
def test_an_edited_weight(
    net: nn.Module, converted: ir.Model, name: str, reference_of: Callable[..., Reference]
) -> None:
    def edit(proto: onnx.ModelProto) -> None:
        tensor = next(t for t in proto.graph.initializer if t.name == name)
        numbers = onnx.numpy_helper.to_array(tensor).copy()
        numbers.reshape(-1)[0] += 0.05
        tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, name))

    why = refusal(edited(converted, edit), "fp32", reference_of(net))
    assert "allowed:" in why


def test_an_int8_weight_beyond_seven_bits(
    net: nn.Module, int8: onnx.ModelProto, reference_of: Callable[..., Reference]
) -> None:
    tensor = next(
        t
        for t in int8.graph.initializer
        if t.data_type == onnx.TensorProto.INT8 and len(t.dims) > 1
    )
    numbers = onnx.numpy_helper.to_array(tensor).copy()
    numbers.reshape(-1)[0] = 100
    tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))
    assert "saturate" in refusal(file_of(int8), "int8", reference_of(net))


def test_an_integer_product_that_some_cpus_add_up_wrongly(
    images: NDArray[np.uint8],
    reference_of: Callable[..., Reference],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 24), nn.ReLU(), nn.Linear(24, 5))
    prepared = prepare(convert(net.eval(), (SIDE, SIDE, 3), MEAN, STD))
    ranges = calibrate(prepared, images)
    reference = reference_of(net)
    passes(file_of(quantize(prepared, ranges)), "int8", reference, ANY_LOST)
    monkeypatch.setattr("zoo.exporting.quantize.pad", lambda model, in_float: model)
    why = refusal(file_of(quantize(prepared, ranges)), "int8", reference, ANY_LOST)
    assert "Gemm_0 sums integer products for 24 outputs" in why
    assert "CPUs with AMX get wrong sums" in why


def test_logits_that_are_not_numbers(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    def spoil(proto: onnx.ModelProto) -> None:
        tensor = next(t for t in proto.graph.initializer if t.name == "head.bias")
        numbers = np.full(5, np.nan, np.float32)
        tensor.CopyFrom(onnx.numpy_helper.from_array(numbers, tensor.name))

    assert "finite: False" in refusal(edited(converted, spoil), "fp32", reference_of(net))


def test_another_input_than_was_asked_for(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    reference = reference_of(net, form="float32-nchw")
    assert "type is uint8" in refusal(file_of(converted), "fp32", reference)


def better_by(reference: Reference, images: int) -> Reference:
    """The same but for so many images, where the truth is another class and the network knows.

    A file that answers as the network did before has lost these.
    """
    labels = reference.logits.argmax(axis=1)
    logits = reference.logits.copy()
    truth = labels.copy()
    truth[:images] = (labels[:images] + 1) % logits.shape[1]
    logits[np.arange(images), truth[:images]] = logits[:images].max(axis=1) + 1e-3
    return replace(reference, test=Split(reference.test.images, truth), logits=logits)


@pytest.mark.parametrize(("precision", "allowed"), [("fp16", 0), ("int8", 1)])
def test_exactly_the_allowed_loss_passes_and_one_more_does_not(
    net: nn.Module,
    converted: ir.Model,
    precision: str,
    allowed: int,
    reference_of: Callable[..., Reference],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file computes in float, whatever it is called, so that it answers as the network does."""
    monkeypatch.setattr(gate, "widest_step", lambda *_: Widest(0, "", 1))
    reference = reference_of(net)
    passes(file_of(converted), precision, better_by(reference, allowed))
    why = refusal(file_of(converted), precision, better_by(reference, allowed + 1))
    assert f"{allowed + 1} of 300 images are lost; allowed: {allowed}" in why


@pytest.mark.parametrize(
    ("bound", "images", "allowed"),
    [(50, 10_000, 50), (10, 10_000, 10), (1, 10_000, 1), (50, 359, 1), (10, 359, 0)],
)
def test_bounds_are_counted_in_images(bound: int, images: int, allowed: int) -> None:
    assert gate._allowed(bound, images) == allowed


def test_int8_that_gives_other_classes_when_computed_in_float(
    net: nn.Module,
    int8: onnx.ModelProto,
    reference_of: Callable[..., Reference],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Kernels that saturate, here: steps in float that see other images than the integers did."""
    reference = reference_of(net)
    real = gate._answers

    def saturated(session: Session, *rest: Any) -> NDArray[np.float32]:
        logits = real(session, *rest)
        if session is not opened[0]:
            logits[:3] = -logits[:3]
        return logits

    opened: list[Session] = []

    def opening(*arguments: Any, **options: Any) -> Session:
        opened.append(open_session(*arguments, **options))
        return opened[-1]

    monkeypatch.setattr(gate, "open_session", opening)
    monkeypatch.setattr(gate, "_answers", saturated)
    why = refusal(file_of(int8), "int8", reference, ANY_LOST)
    assert (
        "so another CPU would answer differently; allowed: 1 fewer or more, and 3 with another "
        "class" in why
    )


def test_int8_with_a_step_that_is_no_rounding(
    net: nn.Module,
    int8: onnx.ModelProto,
    reference_of: Callable[..., Reference],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The last layer's numbers computed anew are all two steps higher: no class tells of it."""
    reference = reference_of(net)
    passes(file_of(int8), "int8", reference, ANY_LOST)
    real = steps._anew

    def moved(model: onnx.ModelProto) -> onnx.ModelProto:
        copy = real(model)
        quantizing = [node for node in copy.graph.node if node.op_type == "QuantizeLinear"]
        zero = next(t for t in copy.graph.initializer if t.name == quantizing[-1].input[2])
        number = onnx.numpy_helper.to_array(zero) + np.uint8(2)
        zero.CopyFrom(onnx.numpy_helper.from_array(number, zero.name))
        return copy

    monkeypatch.setattr(steps, "_anew", moved)
    why = refusal(file_of(int8), "int8", reference, ANY_LOST)
    assert " is 2 steps away from the one computed in float" in why
    assert "allowed: 1" in why


def test_an_int8_file_without_integers(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    assert "nothing runs in integers" in refusal(file_of(converted), "int8", reference_of(net))


def test_the_bound_of_fp32_grows_with_the_largest_logit(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    reference = reference_of(net)
    found = judge(file_of(converted), "fp32", reference, Progress()).card.bound
    assert found == pytest.approx(1e-4 * (1 + np.abs(reference.logits).max()))
    gate._check_differences("fp32.onnx", {"1": 4e-4}, 4e-4)
    with pytest.raises(GateError, match=r"at batch 7 a logit is 0\.000401 away"):
        gate._check_differences("fp32.onnx", {"1": 0.0, "7": 4.01e-4}, 4e-4)


@pytest.mark.parametrize(
    ("others", "moved", "refused"),
    [(21, 0, False), (22, 0, True), (3, 3, False), (4, 4, True)],
)
def test_how_far_int8_in_float_may_be_from_integers(
    others: int,
    moved: int,
    refused: bool,
    net: nn.Module,
    int8: onnx.ModelProto,
    reference_of: Callable[..., Reference],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """So many of 2,100 images get another class in float, and so many of these were right."""
    content = file_of(int8)
    reference = reference_of(net)
    lenient = GateBounds(lost={**GATE.lost, "int8": 10_000})
    integers = np.tile(judge(content, "int8", reference, Progress(), lenient).logits, (7, 1))
    order = integers.argsort(axis=1)
    best, second = order[:, -1], order[:, -2]
    truth = np.where(np.arange(len(best)) < moved, best, order[:, 0])
    floats = integers.copy()
    floats[np.arange(others), second[:others]] = integers[:others].max(axis=1) + 1
    monkeypatch.setattr(gate, "_answers", lambda *_: floats)
    test = Split(np.tile(reference.test.images, (7, 1, 1, 1)), truth)
    if refused:
        with pytest.raises(GateError, match=f"and {others} get another class"):
            gate._emulated(content, integers, replace(reference, test=test), Progress(), GATE)
    else:
        same = gate._emulated(content, integers, replace(reference, test=test), Progress(), GATE)
        assert same == 2_100 - others


def test_what_is_promised_of_a_published_file() -> None:
    """Points of accuracy that it may lose; and small batches are whole ones."""
    assert {name: lost / 100 for name, lost in GATE.lost.items()} == {
        "fp32": 0.01,
        "fp16": 0.1,
        "int8": 0.5,
    }
    assert (GATE.moved / 100, GATE.others / 100) == (0.1, 1.0)
    assert [gate.FEW % batch for batch in gate.BATCHES[:-1]] == [0, 0, 0]


def test_a_file_that_onnxruntime_takes_and_the_checker_does_not(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    def spoil(proto: onnx.ModelProto) -> None:
        proto.graph.name = ""

    assert open_session(edited(converted, spoil))
    assert "'name'" in refusal(edited(converted, spoil), "fp32", reference_of(net))


def test_progress_counts_every_image(
    net: nn.Module, converted: ir.Model, reference_of: Callable[..., Reference]
) -> None:
    counts: list[int] = []

    class Counting(Progress):
        @contextmanager
        def task(self, label: str, total: int) -> Iterator[Advance]:
            counts.append(-total)
            yield lambda count=1, text="": counts.append(count)

    judge(file_of(converted), "fp32", reference_of(net), Counting())
    assert counts[0] == -300
    assert sum(counts) == 0
