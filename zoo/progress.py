"""Progress of long work: silent, plain lines in a pipe, or bars on a terminal.

Work takes a `Progress` and calls `say` and `task`; the caller chooses its kind, so no other module
knows about terminals.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from zoo.escaping import printable, printable_lines

PLAIN_INTERVAL_S = 10.0


class Advance(Protocol):
    """Move a task forward by `count` units; `text` is a short state such as `loss 1.2`."""

    def __call__(self, count: int = 1, text: str = "") -> None: ...


class Progress:
    """Silent; the base class of the others and the default of the Python API."""

    def say(self, text: str) -> None:
        """Print one line that stays."""

    def now(self, text: str) -> None:
        """Report what is being done now, if verbose."""

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        """A piece of work of `total` units, shown while the block runs."""
        yield lambda count=1, text="": None


class PlainProgress(Progress):
    """Plain lines, for a pipe or a log file: at most one every `PLAIN_INTERVAL_S` for each task."""

    def __init__(
        self,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
        verbose: bool = False,
    ) -> None:
        self.stream = stream or sys.stderr
        self.clock = clock
        self.verbose = verbose

    def say(self, text: str) -> None:
        print(printable_lines(text), file=self.stream, flush=True)

    def now(self, text: str) -> None:
        if self.verbose:
            self.say(text)

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        started = last = self.clock()
        done = 0

        def advance(count: int = 1, text: str = "") -> None:
            nonlocal done, last
            done += count
            now = self.clock()
            if now - last >= PLAIN_INTERVAL_S:
                last = now
                left = (now - started) / max(done, 1) * (total - done)
                state = f", {text}" if text else ""
                self.say(f"{label}: {done}/{total}, {clock_text(left)} left{state}")

        yield advance


class RichProgress(Progress):
    """Bars on a terminal. still: draw only when work advances, never in between."""

    def __init__(self, still: bool = False, verbose: bool = False) -> None:
        from rich.console import Console

        self.still = still
        self.verbose = verbose
        self.console = Console(stderr=True)

    def say(self, text: str) -> None:
        self.console.print(printable_lines(text), markup=False, highlight=False)

    def now(self, text: str) -> None:
        if self.verbose:
            self.say(text)

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        from rich import progress as bars

        columns = (
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[state]}", markup=False),
        )
        # What is printed meanwhile goes above the bar, but not where standard output is a file.
        redirect = sys.stdout.isatty()
        with bars.Progress(
            *columns,
            console=self.console,
            transient=True,
            redirect_stdout=redirect,
            auto_refresh=not self.still,
        ) as display:
            task = display.add_task(printable(label), total=total, state="")

            def advance(count: int = 1, text: str = "") -> None:
                if text:
                    display.update(task, state=text)
                display.advance(task, count)
                if self.still:
                    display.refresh()

            yield advance


class BarsAlone(Progress):
    """Shows the bars of another `Progress`, without its lines."""

    def __init__(self, shown: Progress) -> None:
        self._shown = shown

    @contextmanager
    def task(self, label: str, total: int) -> Iterator[Advance]:
        with self._shown.task(label, total) as advance:
            yield advance


def progress_for(
    stream: TextIO | None = None, still: bool = False, verbose: bool = False
) -> Progress:
    """Bars when standard error is a terminal, plain lines otherwise; still: as `RichProgress`.

    verbose: report every step.
    """
    stream = stream or sys.stderr
    if stream.isatty():
        return RichProgress(still, verbose)
    return PlainProgress(stream, verbose=verbose)


def amount_text(number: float, digits: int = 1, units: tuple[str, str] = ("M", "k")) -> str:
    """An amount in millions, such as `1.6 M`, or if small in thousands, such as `31 k`."""
    if number < 1e5:
        return f"{number / 1e3:.0f} {units[1]}"
    return f"{number / 1e6:.{digits}f} {units[0]}"


def clock_text(seconds: float) -> str:
    """`42 s`, `3 min 05 s` or `1 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
