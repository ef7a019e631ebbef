"""The parent's side of an arm: start its process, ask it, and report when it dies or hangs."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

from bench.runtimes import Order
from bench.runtimes.registry import bounded_by_address_space, process_environment
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.machine.child import PATIENCE, Child, EndedError, Ending, HungError
from zoo.machine.memory import default_bound, size_text

_TOLD = 400  # characters of what a dying process said
_NO_MEMORY = re.compile(r"bad_alloc|cannot allocate|MemoryError", re.I)  # last words


class ArmError(ZooError):
    """An arm failed: it raised an error, died or hung. The message is the reason in its row."""


class OutOfMemoryError(ArmError):
    """An arm ran out of memory."""


class ArmProcess:
    """A process with one model, started by `with`; it sleeps in read() between requests."""

    def __init__(
        self,
        order: Order,
        timeout: float = 120.0,
        peer: int | None = None,
        *,
        patience: float = PATIENCE,
    ) -> None:
        """timeout, patience: seconds to answer, to end. peer: a socket to the other arm."""
        self.order = order
        self.timeout = timeout
        self.peer = peer
        self.facts: dict[str, Any] = {}
        # Whose memory is watched, too, while this one is heard.
        self.companion: ArmProcess | None = None
        self._patience = patience
        self._bound = 0
        self._child: Child | None = None

    def __enter__(self) -> "ArmProcess":
        try:
            if self._child is None:
                self.start()
            self.facts = self.hear()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        patience = 0.0
        try:
            if kind is None:
                with contextlib.suppress(ZooError):
                    self.ask("close")
                    patience = self._patience
        finally:
            self.end(patience)

    @property
    def child(self) -> Child:
        """The process, once started."""
        assert self._child
        return self._child

    @property
    def started_at(self) -> int:
        """In nanoseconds of the clock that all processes share."""
        return self.child.started_at

    def start(self) -> None:
        """Start the process and have it load, so that several get ready at once; then enter it by
        `with`, which hears whether it did.

        A caller that may not get that far must call `end`.
        """
        self._bound = self.order.memory or default_bound()
        self._child = Child(
            "bench.measuring.worker",
            environment=process_environment(self.order),
            inherited=() if self.peer is None else (self.peer,),
            keep_words=True,
            patience=self._patience,
        )
        if not bounded_by_address_space(self.order):
            self._child.watch(self._bound)
        self.tell("load", order=replace(self.order, memory=self._bound).to_json())

    def ask(
        self,
        what: str,
        *,
        timeout: float | None = None,
        on_progress: Callable[[int], None] = lambda count: None,
        **details: Any,
    ) -> dict[str, Any]:
        """One command and its answer; `ArmError` says why there is none."""
        self.tell(what, **details)
        return self.hear(timeout, on_progress)

    def tell(self, what: str, **details: Any) -> None:
        """Send a command whose answer is read later."""
        try:
            self.child.tell({"do": what, **details})
        except EndedError as error:
            raise self._death(error.ending) from None

    def hear(
        self, timeout: float | None = None, on_progress: Callable[[int], None] = lambda count: None
    ) -> dict[str, Any]:
        """Read the answer to a command."""
        seconds = timeout or self.timeout
        beside = self.companion._child if self.companion else None
        while True:
            try:
                answer = self.child.hear(seconds, beside)
            except HungError:
                raise ArmError(f"it hung: no answer in {seconds:g} s") from None
            except EndedError as error:
                raise self._death(error.ending) from None
            if "progress" not in answer:
                break
            on_progress(answer["progress"])
        if "error" in answer:
            raise _error(answer, self._bound_told)
        return answer

    def end(self, patience: float = 0.0) -> None:
        """End the process, if it was started."""
        if self._child:
            self._child.end(patience)

    @property
    def _bound_told(self) -> str:
        """The words about the memory limit; nothing if a device may have run out of memory."""
        if self.child.is_watched:
            return ""
        return f" (its process may take {size_text(self._bound)} of memory; --memory raises that)"

    def _death(self, ending: Ending) -> ArmError:
        """How the process ended, and its last output."""
        if ending.most:
            bound = size_text(ending.most)
            return OutOfMemoryError(f"it took more than {bound} of memory; --memory raises that")
        said = f": {ending.words[-_TOLD:]}" if ending.words else ""
        ended = f"{_how(ending)}{said}"
        if _NO_MEMORY.search(ending.words):
            return OutOfMemoryError(f"{ended}{self._bound_told}")
        return ArmError(ended)


def _how(ending: Ending) -> str:
    if ending.code is None:
        return "its process stopped answering and was killed"
    if ending.signal is None:
        return f"its process ended with code {ending.code}"
    hint = ", perhaps out of memory" if ending.signal == "SIGKILL" else ""
    return f"its process was killed by {ending.signal}{hint}"


def _error(answer: dict[str, Any], bound: str) -> ZooError:
    """The worker's error; what is unavailable here is not a failure of the model.

    bound: the words about the memory limit, if it was reached.
    """
    kinds: dict[str, type[ZooError]] = {
        "UnavailableError": UnavailableError,
        "UsageError": UsageError,
    }
    if answer["kind"] == "UnsupportedError":
        from bench.runtimes import UnsupportedError

        return UnsupportedError(answer["error"])
    if answer["kind"] == "MemoryError":
        return OutOfMemoryError(f"{answer['error'].rstrip('.')}{bound}")
    return kinds.get(answer["kind"], ArmError)(answer["error"])
