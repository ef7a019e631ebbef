"""Weights into a network, as they come from a file."""

from collections import OrderedDict
from collections.abc import Mapping

from torch import Tensor, nn


def fill(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Load its state; a name or shape that does not fit is a `RuntimeError`.

    A file of tensors does not say in which version of a network's code they were named, and some of
    torchvision's refuse a state that does not: it is today's.
    """
    state = OrderedDict(tensors)
    state._metadata = network.state_dict()._metadata  # type: ignore[attr-defined]
    network.load_state_dict(state)
