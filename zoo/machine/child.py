"""A Python process that answers in lines of JSON: how to start, ask and end it, and its own side.

It sleeps in read() between requests. Each answer has a deadline, memory may be watched, and if no
answer comes, `Ending` says why.
"""

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from zoo.machine.memory import Watch

Message = dict[str, Any]
_ROOT = str(Path(__file__).absolute().parents[2])
PATIENCE = 5.0  # seconds for a process to end by itself


@dataclass(frozen=True)
class Ending:
    """How a process ended that had not answered yet."""

    code: int | None  # its exit code; None where it closed its pipe, lived on and was killed
    words: str = ""  # what it printed, where that is kept
    most: int | None = None  # bytes of memory, where it was killed for taking more than that

    @property
    def signal(self) -> str | None:
        """The signal that killed it, such as `SIGSEGV`."""
        return signal.Signals(-self.code).name if self.code and self.code < 0 else None


class EndedError(Exception):
    """The process ended before it answered."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(str(ending))
        self.ending = ending


class HungError(Exception):
    """No answer came in time, and the process was killed."""


class Child:
    """A process that runs from now until `end`."""

    def __init__(
        self,
        module: str,
        *,
        environment: Mapping[str, str] | None = None,
        inherited: Sequence[int] = (),
        keep_words: bool = False,
        patience: float = PATIENCE,
    ) -> None:
        """Start `python -m MODULE`, which takes `own_pipes` first of all.

        environment: additional variables. inherited: file descriptors to pass on. keep_words:
        whether its output is kept for its `Ending`. patience: seconds it has to end by itself once
        its pipe is closed.
        """
        import tempfile  # not for `own_pipes`: it would be a tenth of a small process's start

        self._patience = patience
        self._unread = b""
        self._watch: Watch | None = None
        self._took_too_much = False
        variables = {**os.environ, **(environment or {})}
        paths = [_ROOT, *filter(None, [variables.get("PYTHONPATH")])]
        with contextlib.ExitStack() as stack:
            self._words = stack.enter_context(tempfile.TemporaryFile()) if keep_words else None
            self.started_at = time.monotonic_ns()
            self._process = subprocess.Popen(
                # -P: a folder where somebody works may hold modules that are called like ours.
                [sys.executable, "-P", "-m", module],
                pass_fds=inherited,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words or subprocess.DEVNULL,
                env={**variables, "PYTHONPATH": os.pathsep.join(paths)},
                bufsize=0,
            )
            for pipe in (self._process.stdin, self._process.stdout):
                assert pipe
                stack.callback(pipe.close)
            self._open = stack.pop_all()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it lives."""
        return self._process.poll()

    @property
    def is_watched(self) -> bool:
        """Whether its memory is watched."""
        return self._watch is not None

    def watch(self, most: int) -> None:
        """Kill it if it exceeds this many bytes of memory; checked during `hear`."""
        self._watch = Watch(self.pid, most)

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a line; `EndedError` if nobody reads it."""
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            raise EndedError(self._ending()) from None

    def hear(self, seconds: float, beside: "Child | None" = None) -> Message:
        """The next line that it sends; `HungError` or `EndedError` if none comes.

        beside: another process whose memory is watched meanwhile.
        """
        assert self._process.stdout
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                left = max(0.0, deadline - time.monotonic())
                pause = min(one._hold_to_memory() for one in (self, beside) if one)
                if selector.select(min(left, pause)):
                    part = self._process.stdout.read(1 << 16)
                    if not part:
                        raise EndedError(self._ending())
                    self._unread += part
                elif time.monotonic() >= deadline:
                    self._process.kill()
                    raise HungError
        line, _, self._unread = self._unread.partition(b"\n")
        message: Message = json.loads(line)
        return message

    def end(self, patience: float = 0.0) -> None:
        """End it, killing it unless it ends by itself in time; may be called again."""
        try:
            self._open.close()
        finally:
            self._wait(patience)

    def _hold_to_memory(self) -> float:
        """Kill it if it uses too much memory; returns the seconds until the next check."""
        if self._watch is None:
            return math.inf
        if self._watch.exceeded():
            self._took_too_much = True
            self._process.kill()
        return self._watch.every

    def _ending(self) -> Ending:
        code = self._wait(self._patience)
        words = ""
        if self._words is not None:
            self._words.seek(0)
            words = self._words.read().decode(errors="replace").strip()
        most = self._watch.most if self._watch and self._took_too_much else None
        return Ending(code, words, most)

    def _wait(self, patience: float) -> int | None:
        """Its exit code, None if it has to be killed. It is gone even if this is interrupted."""
        try:
            return self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        finally:
            self._process.kill()  # does nothing to one that has ended
            self._process.wait()


def own_pipes() -> tuple[TextIO, TextIO]:
    """In the process itself: the stream of requests, and the one for answers.

    From then on nothing else reads standard input, and what a library prints cannot be taken for an
    answer: it goes to standard error.
    """
    told = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return told, answers
