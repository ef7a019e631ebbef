"""Weights into a network, as they come from a file."""

from collections import OrderedDict
from collections.abc import Mapping

import onnx
import torch
from torch import Tensor, nn


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load its state; a name or shape that does not fit is a `RuntimeError`.

    A file of tensors does not say in which version of a network's code they were named, and some of
    torchvision's refuse a state that does not: it is today's.
    """
    state = OrderedDict(tensors)
    state._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(state)


def stored_in(file: onnx.ModelProto, network: nn.Module) -> dict[str, Tensor]:
    """What an fp32 file that was exported from a network holds of its state.

    The exporter does without a convolution's bias that is nothing but zeros.
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
