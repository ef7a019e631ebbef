"""One arm's process for cell after cell, and a new one where it died."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from bench.measuring.arm import Arm
from bench.runtimes import Order


class Kept:
    """The process of one arm, kept warm from cell to cell, and started anew after a failure."""

    def __init__(self, order: Order, timeout: float) -> None:
        self._order, self._timeout = order, timeout
        self._stack = ExitStack()
        self._arm: Arm | None = None

    def __enter__(self) -> "Kept":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def arm(self) -> Arm:
        """The process, started where there is none."""
        if self._arm is None:
            self._arm = self._stack.enter_context(Arm(self._order, self._timeout))
        return self._arm

    def starts(self, count: int, images: Path, size: int) -> list[dict[str, int]]:
        """The cold costs of so many processes, in nanoseconds; the last one is kept.

        images: the file of their first batch, of `size` images.
        """
        costs = []
        for left in reversed(range(count)):
            opened = self.arm()
            answer = opened.ask("batch", images=str(images), size=size)
            costs.append(
                {
                    "cold": answer["answered_at"] - opened.started_at,
                    "load": opened.facts["load_ns"],
                    "first": answer["first_ns"],
                }
            )
            if left:
                self.drop()
        return costs

    def drop(self) -> None:
        """End the process: the next cell gets a new one."""
        self._stack.close()
        self._arm = None
