"""Weights from an ONNX file back into the network that it was exported from."""

import onnx
import torch
from torch import nn

from zoo.models.filling import fill, stored_in


def a_network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2))


def a_file(tensors: dict[str, torch.Tensor]) -> onnx.ModelProto:
    stored = [onnx.numpy_helper.from_array(t.numpy(), name) for name, t in tensors.items()]
    return onnx.helper.make_model(onnx.helper.make_graph([], "weights", [], [], stored))


def test_what_a_file_holds_fills_the_network_again() -> None:
    wanted = a_network().state_dict()
    network = a_network()
    fill(network, stored_in(a_file(wanted | {"resize.matrix": torch.ones(2)}), network))
    assert all(torch.equal(tensor, wanted[name]) for name, tensor in network.state_dict().items())


def test_a_bias_of_a_convolution_that_is_left_out_is_zero() -> None:
    tensors = a_network().state_dict()
    del tensors["0.bias"]
    found = stored_in(a_file(tensors), a_network())
    assert torch.equal(found["0.bias"], torch.zeros(4))


def test_other_tensors_that_are_left_out_stay_missing() -> None:
    tensors = a_network().state_dict()
    del tensors["2.bias"], tensors["0.weight"], tensors["0.bias"]
    assert sorted(stored_in(a_file(tensors), a_network())) == ["2.weight"]
