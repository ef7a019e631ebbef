"""Unexpected errors: one line for the user, and the traceback in a file."""

import errno
import os
import platform
import shlex
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TextIO

import click

from zoo import __version__
from zoo.errors import UsageError, ZooError
from zoo.escaping import printable_lines
from zoo.files import cause_of

EXIT_FAULT = 70
# Errors of the machine that any program may meet; any other error is a bug of this program.
_REFUSALS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
}


class OutputError(ZooError):
    """Output failed; `gone`: because nobody reads it any more."""

    def __init__(self, stream: TextIO, error: OSError) -> None:
        name = "standard error" if stream is sys.stderr else "standard output"
        super().__init__(f"cannot write to {name}: {cause_of(error)}.")
        self.gone = error.errno == errno.EPIPE


class Output(TextIOWrapper):
    """Standard output or error: it accepts any text, and is named in the error if it fails."""

    @classmethod
    def over(cls, stream: TextIO) -> "Output":
        """In place of one that Python opened."""
        return cls(
            stream.buffer,
            encoding=stream.encoding,
            errors="backslashreplace",  # a name may hold what the terminal cannot show
            line_buffering=stream.isatty(),
        )

    def write(self, text: str) -> int:
        with self._naming_itself():
            return super().write(text)

    def flush(self) -> None:
        with self._naming_itself():
            super().flush()

    @contextmanager
    def _naming_itself(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
                os.dup2(nowhere.fileno(), self.fileno())  # Python tries once more when it ends
            raise OutputError(self, error) from error


def open_streams() -> None:
    """Make both streams accept any text; an error if there is no standard output."""
    if sys.stderr is None:
        # Else the first file that is opened would become standard error.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    if sys.stdout is None:
        raise UsageError("standard output is closed. Send it to a file or to /dev/null.")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is getattr(sys, f"__{name}__"):  # and it was not replaced
            setattr(sys, name, Output.over(stream))


def tell(text: str) -> None:
    """Print to standard error, if possible."""
    with suppress(OutputError):
        print(printable_lines(text), file=sys.stderr, flush=True)


@contextmanager
def last_resort() -> Iterator[None]:
    """End the process with one line and an exit code if the block raises an unexpected error."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except OutputError as error:
        if not error.gone:
            tell(f"error: {error}")
        sys.exit(error.exit_code)
    except (ZooError, click.ClickException, click.Abort, click.exceptions.Exit):
        raise
    except Exception as error:
        sys.exit(_told(error))


def _told(error: Exception) -> int:
    """Say what happened; the exit code."""
    if isinstance(error, MemoryError):
        tell("error: out of memory. Close other programs and try again.")
        return 1
    if isinstance(error, OSError) and error.errno in _REFUSALS:
        what = error.filename or f"a file (in {tempfile.gettempdir()}, or in the cache)"
        tell(f"error: cannot write {what}: {cause_of(error)}.")
        return 1
    tell(f"error: {_fault(error)}")
    return EXIT_FAULT


def _fault(error: Exception) -> str:
    """What went wrong in one line, and where the traceback is, always a new file."""
    what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
    said = f"this is a bug in the program ({what})"
    about = f"onnx-zoo {__version__}, Python {platform.python_version()}, {platform.platform()}"
    trace = "".join(traceback.format_exception(error))
    report = f"{about}\n{shlex.join(sys.argv)}\n\n{trace}"
    try:
        handle, path = tempfile.mkstemp(prefix="onnx-zoo-fault-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
            file.write(report)
    except OSError:
        return f"{said}.\n{report}"
    return f"{said}. Please report it with {path}, which holds the traceback."
