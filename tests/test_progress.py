"""What a pipe, a terminal and nobody at all get to see of long work."""

import io
import re
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from zoo.progress import (
    PLAIN_INTERVAL_S,
    BarsAlone,
    PlainProgress,
    Progress,
    RichProgress,
    amount_text,
    clock_text,
    progress_for,
)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def plain(stream: io.StringIO, clock: Clock) -> PlainProgress:
    return PlainProgress(stream, clock)


def test_plain_lines_come_at_most_once_an_interval(
    plain: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    with plain.task("work", 12) as advance:
        for _ in range(12):
            clock.now += PLAIN_INTERVAL_S / 4
            advance()
    counts = [line.split(",")[0] for line in stream.getvalue().splitlines()]
    assert counts == ["work: 4/12", "work: 8/12", "work: 12/12"]


def test_a_plain_line_tells_how_much_is_done_and_left(
    plain: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    with plain.task("decode", 40) as advance:
        clock.now += PLAIN_INTERVAL_S
        advance(10, "loss 1.2")
    assert stream.getvalue() == "decode: 10/40, 30 s left, loss 1.2\n"


def test_short_work_prints_no_line(plain: PlainProgress, stream: io.StringIO, clock: Clock) -> None:
    with plain.task("work", 2) as advance:
        clock.now += PLAIN_INTERVAL_S / 3
        advance()
        advance()
    assert stream.getvalue() == ""


def test_each_task_counts_for_itself(
    plain: PlainProgress, stream: io.StringIO, clock: Clock
) -> None:
    for label in ("one", "two"):
        with plain.task(label, 4) as advance:
            clock.now += PLAIN_INTERVAL_S
            advance()
    assert stream.getvalue() == "one: 1/4, 30 s left\ntwo: 1/4, 30 s left\n"


def test_progress_never_mixes_with_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    PlainProgress().say("to standard error")
    assert capsys.readouterr() == ("", "to standard error\n")


def test_the_default_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.say("unheard")
    with progress.task("work", 2) as advance:
        advance()
        advance(1, "unseen")
    assert capsys.readouterr() == ("", "")


def test_what_is_being_done_is_told_to_those_who_want_all_of_it() -> None:
    for verbose, heard in ((False, ""), (True, "converting\n")):
        pipe = io.StringIO()
        progress_for(pipe, verbose=verbose).now("converting")
        assert pipe.getvalue() == heard


def test_bars_alone_say_no_line(clock: Clock, stream: io.StringIO) -> None:
    quiet = BarsAlone(PlainProgress(stream, clock, verbose=True))
    quiet.say("unheard")
    quiet.now("unheard")
    with quiet.task("work", 2) as advance:
        clock.now += PLAIN_INTERVAL_S
        advance()
    assert stream.getvalue() == "work: 1/2, 10 s left\n"


def test_a_terminal_gets_bars_and_a_pipe_gets_lines() -> None:
    pipe = io.StringIO()
    chosen = progress_for(pipe)
    assert isinstance(chosen, PlainProgress)
    chosen.say("hello")
    assert pipe.getvalue() == "hello\n"
    assert isinstance(progress_for(Terminal()), RichProgress)


@pytest.fixture
def bars(stream: io.StringIO) -> RichProgress:
    progress = RichProgress()
    progress.console = Console(file=stream, force_terminal=True, width=100)
    return progress


def test_bars_show_label_count_and_state(bars: RichProgress, stream: io.StringIO) -> None:
    with bars.task("decode", 3) as advance:
        advance(2)
        advance(1, "loss 1.2")
    assert all(part in stream.getvalue() for part in ("decode", "3/3", "loss 1.2"))


def test_brackets_in_a_message_are_text_not_markup(bars: RichProgress, stream: io.StringIO) -> None:
    bars.say("folder [bold]images[/bold] and [/]")
    assert "folder [bold]images[/bold] and [/]" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (4800, "1 h 20 min"),
        (360000, "100 h 00 min"),
    ],
)
def test_clock_text(seconds: float, text: str) -> None:
    assert clock_text(seconds) == text


@given(st.floats(0, 1e7))
def test_clock_text_says_the_time_to_its_last_unit(seconds: float) -> None:
    units = {"h": 3600, "min": 60, "s": 1}
    parts = [
        (int(count), units[unit]) for count, unit in re.findall(r"(\d+) (\w+)", clock_text(seconds))
    ]
    told = sum(count * unit for count, unit in parts)
    assert abs(seconds - told) <= parts[-1][1]
    assert all(count < 60 for count, _ in parts[1:])


@pytest.mark.parametrize("terminal", [True, False])
def test_what_is_printed_meanwhile_reaches_standard_output_where_that_is_a_file(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    out, error = Terminal() if terminal else io.StringIO(), Terminal()
    monkeypatch.setattr("sys.stdout", out)
    progress = RichProgress()
    progress.console = Console(file=error, force_terminal=True)
    with progress.task("work", 2):
        print("an answer")
    # On a terminal both are the same screen, and the bar makes room for the line.
    assert ("an answer" in error.getvalue(), "an answer" in out.getvalue()) == (
        terminal,
        not terminal,
    )


def test_still_bars_are_drawn_when_work_goes_forward_only(stream: io.StringIO) -> None:
    from rich.console import Console

    progress = RichProgress(still=True)
    progress.console = Console(file=stream, force_terminal=True, width=100)
    before = set(threading.enumerate())  # one of them, another test's, may end meanwhile
    with progress.task("pairs", 4) as advance:
        assert set(threading.enumerate()) <= before
        advance(2)
        assert "2/4" in stream.getvalue()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 k"), (30_730, "31 k"), (99_999, "100 k"), (100_000, "0.1 M"), (1_561_500, "1.6 M")],
)
def test_small_amounts_are_told_in_thousands(number: int, text: str) -> None:
    assert amount_text(number) == text


def test_digits_and_units_of_an_amount_can_be_told() -> None:
    assert amount_text(1_561_500, 2) == "1.56 M"
    assert amount_text(32_000, 1, ("MB", "kB")) == "32 kB"
