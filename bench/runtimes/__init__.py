"""The runtimes that can run a model: one adapter each, all doing the same work.

An adapter takes images uint8 [N, H, W, C] and gives logits float32 [N, classes]. It is loaded in a
separate process, so nothing here imports a runtime before it is needed.
"""

from bench.runtimes.adapter import Adapter, Answer, Order, Placed, UnsupportedError
from bench.runtimes.registry import RUNTIMES, find_runtime, list_providers, list_runtimes

__all__ = [
    "RUNTIMES",
    "Adapter",
    "Answer",
    "Order",
    "Placed",
    "UnsupportedError",
    "find_runtime",
    "list_providers",
    "list_runtimes",
]
