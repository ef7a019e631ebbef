"""Floating-point operations, counted by torch's formulas while they are computed."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry, shape_wrapper


class FlopCount(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The sum over all operations of the block: what torch's FlopCounterMode counts in all.

    formulas: from shapes, in place of torch's for these operations.
    """

    def __init__(self, formulas: dict[Any, Callable[..., int]] | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.formulas: dict[Any, Callable[..., int]] = dict(flop_registry)
        for operation, formula in (formulas or {}).items():
            self.formulas[operation] = shape_wrapper(formula)  # type: ignore[no-untyped-call]
        self.total: int = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here: else the first operation imports torch's compiler, 1.5 s."""
        return False

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        named = kwargs or {}
        formula = self.formulas.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:
                made = func.decompose(*args, **named)
                if made is not NotImplemented:
                    return made
        found = func(*args, **named)
        if formula is not None:
            self.total += int(formula(*args, **named, out_val=found))
        return found
