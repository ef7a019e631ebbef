"""Folding away the normalisations changes nothing but rounding."""

import numpy as np
import onnx_ir as ir
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.frameworks.pytorch.convert import convert
from zoo.graphs.fold import fold_norms
from zoo.ort.session import open_session

pytestmark = pytest.mark.usefixtures("one_thread")
SIDE, MEAN, STD = 16, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def answers(model: ir.Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    content = ir.to_proto(model).SerializeToString()
    return np.asarray(open_session(content).run({"image": images})[0])


def operators(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph][4:]


def test_the_logits_stay(converted: ir.Model, images: NDArray[np.uint8]) -> None:
    before = answers(converted, images)
    folded = fold_norms(converted)
    np.testing.assert_allclose(answers(folded, images), before, rtol=1e-4, atol=1e-4)
    assert operators(folded) == [
        "Conv", "Relu", "Conv", "MaxPool", "Relu", "Reshape", "Gemm"
    ]  # fmt: skip


def test_the_model_itself_is_left_alone(converted: ir.Model) -> None:
    before = ir.to_proto(converted).SerializeToString(deterministic=True)
    fold_norms(converted)
    assert ir.to_proto(converted).SerializeToString(deterministic=True) == before


def test_a_negative_gain_does_not_pass_a_pooling(net: nn.Module, images: NDArray[np.uint8]) -> None:
    with torch.no_grad():
        net.get_parameter("norm2.weight")[0] = -1.0
    model = convert(net, (SIDE, SIDE, 3), MEAN, STD)
    folded = fold_norms(model)
    assert operators(folded)[3:6] == ["MaxPool", "Mul", "Add"]
    wanted = answers(model, images)
    np.testing.assert_allclose(answers(folded, images), wanted, rtol=1e-4, atol=1e-4)


def test_one_before_a_padded_convolution_becomes_mul_and_add(
    images: NDArray[np.uint8],
) -> None:
    torch.manual_seed(1)
    norm = nn.BatchNorm2d(8)
    torch.nn.init.uniform_(norm.bias)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), norm, nn.Conv2d(8, 4, 3, padding=1), nn.Flatten()
    )
    model = convert(network.eval(), (SIDE, SIDE, 3), MEAN, STD)
    folded = fold_norms(model)
    assert operators(folded) == ["Conv", "Relu", "Mul", "Add", "Conv", "Reshape"]
    wanted = answers(model, images)
    np.testing.assert_allclose(answers(folded, images), wanted, rtol=1e-4, atol=1e-4)


def test_a_layer_takes_in_one_from_each_side(images: NDArray[np.uint8]) -> None:
    torch.manual_seed(2)
    norms = [nn.BatchNorm1d(12), nn.BatchNorm1d(6)]
    for norm in norms:
        torch.nn.init.uniform_(norm.bias)
    network = nn.Sequential(
        nn.Flatten(), nn.Linear(768, 12), nn.ReLU(), norms[0], nn.Linear(12, 6), norms[1]
    )
    model = convert(network.eval(), (SIDE, SIDE, 3), MEAN, STD)
    folded = fold_norms(model)
    assert operators(folded) == ["Reshape", "Gemm", "Relu", "Gemm"]
    wanted = answers(model, images)
    np.testing.assert_allclose(answers(folded, images), wanted, rtol=1e-4, atol=1e-4)
