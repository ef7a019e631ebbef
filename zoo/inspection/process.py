"""The process that files of unknown origin are opened in, and what it says before it ends."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.errors import ZooError
from zoo.machine.memory import Watch, size_text

_START_SECONDS, _END_SECONDS = 60.0, 5.0
STEPS = {  # what it tells that it begins, in words
    "read": "reading it",
    "parse": "parsing it",
    "structure": "looking through its graph",
    "checker": "checking it with onnx.checker",
    "load": "loading it into onnxruntime",
    "run": "running it",
    "vectors": "running its test vectors",
    "test": "running it on the test set",
    "predict": "running it on these images",
}


class TooLargeError(Exception):
    """The process takes more memory than it may; the message is how much it may."""


class Worker:
    """The process and its two pipes."""

    def __init__(self) -> None:
        package = str(Path(__file__).absolute().parent.parent.parent)
        paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
        # What threads reserve without need counts against the memory limit, too.
        frugal = {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "zoo.inspection.quarantine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **frugal},
            bufsize=0,
        )
        self._unread = b""
        self._watch: Watch | None = None
        self.step = "read"
        try:
            ready = self._read(time.monotonic() + _START_SECONDS)
        except TimeoutError:
            self.end()
            raise ZooError(
                f"the process that inspects ONNX files took more than {_START_SECONDS:.0f} s to "
                "start. End other work on this machine, and try again."
            ) from None
        except BaseException:
            self.end()
            raise
        if ready is None or "ready" not in ready:
            self.end()
            silent = "the process that inspects ONNX files ended at once."
            raise ZooError((ready or {}).get("unusable", silent))

    def ask(
        self, request: Mapping[str, Any], seconds: float, advance: Callable[[int], object]
    ) -> dict[str, Any]:
        """The answer, which is of this side's making where the process ends without one.

        `step` follows the last step begun; no answer in time is a TimeoutError.
        """
        deadline = time.monotonic() + seconds
        self.step = "predict" if "run" in request else "read"
        self._write(json.dumps(request).encode() + b"\n")
        while message := self._read(deadline):
            if "advance" in message:
                advance(message["advance"])
                deadline = time.monotonic() + seconds
            elif "step" in message:
                self.step = message["step"]
            else:
                return message
        return {"refused": f"{STEPS[self.step]} ended the process{self._cause()}", "spent": True}

    def watch(self, most: int) -> None:
        """End it when its resident memory goes beyond so many bytes, while an answer is awaited."""
        self._watch = Watch(self._process.pid, most)

    def end(self) -> None:
        """Kill the process and wait for it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _write(self, line: bytes) -> None:
        assert self._process.stdin
        try:
            self._process.stdin.write(line)
        except BrokenPipeError:
            return  # it died: the next read finds its end

    def _read(self, deadline: float) -> dict[str, Any] | None:
        """The next message; None when the process ended."""
        assert self._process.stdout
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                left = max(0.0, deadline - time.monotonic())
                every = self._watch.every if self._watch else left
                if not selector.select(min(left, every)):
                    if time.monotonic() >= deadline:
                        raise TimeoutError
                    if self._watch and self._watch.exceeded():
                        raise TooLargeError(size_text(self._watch.most))
                    continue
                chunk = self._process.stdout.read(1 << 20)
                if not chunk:
                    return None
                self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def _cause(self) -> str:
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            return ""  # it closed its end of the pipe and lives on; `end` kills it
        return f" ({signal.Signals(-code).name})" if code < 0 else f" (exit code {code})"
