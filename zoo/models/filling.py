"""Load weights from a file into a network."""

from collections import OrderedDict
from collections.abc import Mapping

import onnx
import torch
from torch import Tensor, nn


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load the state; `RuntimeError` if a name or shape does not fit.

    A file of tensors has no version of the network's code, but some networks of torchvision require
    one: the current version is assumed.
    """
    state = OrderedDict(tensors)
    state._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(state)


def stored_in(file: onnx.ModelProto, network: nn.Module) -> dict[str, Tensor]:
    """The part of a network's state that its exported fp32 file holds.

    The exporter drops a convolution's bias if it is all zeros.
    """
    wanted = network.state_dict()
    found = {
        tensor.name: torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
        for tensor in file.graph.initializer
        if tensor.name in wanted
    }
    zeros = {
        f"{name}.bias": torch.zeros_like(module.bias)
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.bias is not None and f"{name}.weight" in found
    }
    return zeros | found
