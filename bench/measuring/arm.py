"""The parent's side of an arm: start its process, ask, and say plainly when it dies or hangs."""

import contextlib
import json
import math
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.runtimes import Order
from bench.runtimes.registry import bounded_by_address_space, process_environment
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.machine.memory import Watch, default_bound, size_text

ROOT = Path(__file__).parents[2]
_TOLD = 400  # characters of what a dying process said
_PATIENCE = 5.0  # seconds for a process to end by itself
_NO_MEMORY = re.compile(r"bad_alloc|cannot allocate|MemoryError", re.I)  # last words


class ArmError(ZooError):
    """An arm failed: it raised, died or hung. The message is the reason for its row."""


class OutOfMemoryError(ArmError):
    """The memory did not suffice for what was asked of an arm."""


class Arm:
    """A process with one model, started by `with`; it sleeps in read() while nobody asks."""

    def __init__(self, order: Order, timeout: float = 120.0, peer: int | None = None) -> None:
        """timeout: seconds for an answer. peer: one end of a socket to the arm to turn with."""
        self.order = order
        self.timeout = timeout
        self.peer = peer
        self.facts: dict[str, Any] = {}
        self.started_at = 0
        self.companion: Arm | None = None  # whose memory is watched, too, while this one is heard
        self._bound = 0
        self._watch: Watch | None = None
        self._took_too_much = False
        self._open: contextlib.ExitStack | None = None

    def __enter__(self) -> "Arm":
        try:
            if not self.started_at:
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
                    patience = _PATIENCE
        finally:
            self.end(patience)

    def start(self) -> None:
        """Start the process and have it load, so that several get ready at once; then enter it by
        `with`, which hears whether it did.

        Whoever may not come to that has to call `end`.
        """
        self._bound = self.order.memory or default_bound()
        environment = {**os.environ, **process_environment(self.order)}
        environment["PYTHONPATH"] = os.pathsep.join(
            part for part in (str(ROOT), os.environ.get("PYTHONPATH")) if part
        )
        self._buffer = b""
        with contextlib.ExitStack() as kept, contextlib.ExitStack() as lent:
            inward, self._commands = os.pipe()
            lent.callback(os.close, inward)
            kept.callback(os.close, self._commands)
            self._answers, outward = os.pipe()
            lent.callback(os.close, outward)
            kept.callback(os.close, self._answers)
            self._said = kept.enter_context(tempfile.TemporaryFile())
            self.started_at = time.monotonic_ns()
            self._process = subprocess.Popen(
                # -P: a folder `bench` where somebody works is not ours.
                [sys.executable, "-P", "-m", "bench.measuring.worker", str(inward), str(outward)],
                pass_fds=(inward, outward, *(() if self.peer is None else (self.peer,))),
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=self._said,
                env=environment,
            )
            self._open = kept.pop_all()
        if not bounded_by_address_space(self.order):
            self._watch = Watch(self._process.pid, self._bound)
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
        """A command whose answer is heard later."""
        line = json.dumps({"do": what, **details}) + "\n"
        try:
            os.write(self._commands, line.encode())
        except BrokenPipeError:
            raise self._death() from None

    def hear(
        self, timeout: float | None = None, on_progress: Callable[[int], None] = lambda count: None
    ) -> dict[str, Any]:
        """The answer to what was told."""
        while True:
            answer: dict[str, Any] = json.loads(self._line(timeout or self.timeout))
            if "progress" not in answer:
                break
            on_progress(answer["progress"])
        if "error" in answer:
            raise _error(answer, self._bound_told)
        return answer

    def _line(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        while b"\n" not in self._buffer:
            left = max(0.0, deadline - time.monotonic())
            heard = select.select([self._answers], [], [], min(left, self._look()))[0]
            if heard:
                part = os.read(self._answers, 1 << 16)
                if not part:
                    raise self._death()
                self._buffer += part
            elif time.monotonic() >= deadline:
                self._process.kill()
                raise ArmError(f"it hung: no answer in {timeout:g} s")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _look(self) -> float:
        """End a process whose memory is watched and too large; seconds until the next look."""
        every = self.companion._look() if self.companion else math.inf
        if self._watch is None:
            return every
        if self._watch.exceeded():
            self._took_too_much = True
            self._process.kill()
        return min(every, self._watch.every)

    @property
    def _bound_told(self) -> str:
        """For a want of memory; nothing where it may be that of a device."""
        if self._watch:
            return ""
        return f" (its process may take {size_text(self._bound)} of memory; --memory raises that)"

    def _death(self) -> ArmError:
        """How the process ended, and the last that it said."""
        code = self._ended(_PATIENCE)
        if self._took_too_much:
            bound = size_text(self._bound)
            return OutOfMemoryError(f"it took more than {bound} of memory; --memory raises that")
        self._said.seek(0)
        text = self._said.read().decode(errors="replace").strip()
        said = f": {text[-_TOLD:]}" if text else ""
        if code < 0:
            name = signal.Signals(-code).name
            hint = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
            ended = f"its process was killed by {name}{hint}{said}"
        else:
            ended = f"its process ended with code {code}{said}"
        if _NO_MEMORY.search(text):
            return OutOfMemoryError(f"{ended}{self._bound_told}")
        return ArmError(ended)

    def end(self, patience: float = 0.0) -> None:
        """Have the process gone, and with it its pipes; nothing where it never started."""
        if self._open is None:
            return
        try:
            with self._open:
                self._open = None
        finally:
            self._ended(patience)

    def _ended(self, patience: float) -> int:
        """The exit code, after killing a process that does not end by itself."""
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(patience)
        finally:
            self._process.kill()  # does nothing to one that has ended
            code = self._process.wait()
        return code


def _error(answer: dict[str, Any], bound: str) -> ZooError:
    """As the worker raised it: what is not available here is no failure of the model.

    bound: what is said of the bound of memory where that did not suffice.
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
