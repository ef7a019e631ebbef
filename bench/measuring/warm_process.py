"""Keep the process of an arm warm from cell to cell, and replace it after a failure."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from bench.measuring.arm_process import ArmProcess
from bench.measuring.samples import Start
from bench.runtimes import Order


class WarmProcess:
    """The process of one arm, used for cell after cell, and restarted after a failure."""

    def __init__(self, order: Order, timeout: float) -> None:
        self._order, self._timeout = order, timeout
        self._stack = ExitStack()
        self._process: ArmProcess | None = None

    def __enter__(self) -> "WarmProcess":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def process(self) -> ArmProcess:
        """The process, started if needed."""
        if self._process is None:
            self._process = self._stack.enter_context(ArmProcess(self._order, self._timeout))
        return self._process

    def cold_starts(self, count: int, images: Path, size: int) -> list[Start]:
        """The cold costs of several processes, in nanoseconds; the last process is kept.

        images: the file of their first batch, of `size` images.
        """
        costs = []
        for left in reversed(range(count)):
            opened = self.process()
            answer = opened.ask("batch", images=str(images), size=size)
            costs.append(
                Start(
                    cold=answer["answered_at"] - opened.started_at,
                    load=opened.facts["load_ns"],
                    first=answer["first_ns"],
                )
            )
            if left:
                self.drop()
        return costs

    def drop(self) -> None:
        """End the process; the next cell gets a new one."""
        self._stack.close()
        self._process = None
