"""The process that disturbs: there while it is wanted, and gone after."""

import time

import psutil
import pytest

from bench.measuring.neighbour import neighbour

pytestmark = pytest.mark.usefixtures("nothing_left")


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "neighbour" in str(child.cmdline())]


def used(process: psutil.Process) -> float:
    """Seconds of a core so far."""
    return sum(process.cpu_times()[:2])


def test_none_is_none() -> None:
    with neighbour(0):
        assert children() == []


def test_it_is_busy_for_no_more_than_its_share() -> None:
    """Beside other work it may get less."""
    with neighbour(0.1):
        (child,) = children()
        began, before = time.monotonic(), used(child)
        time.sleep(0.5)
        assert used(child) - before < 0.5 * (time.monotonic() - began)
    with neighbour(0.9):
        (child,) = children()
        before, ends = used(child), time.monotonic() + 20
        while used(child) < before + 0.1:
            assert time.monotonic() < ends
            time.sleep(0.02)


def test_it_is_gone_after_an_error() -> None:
    during: list[int] = []

    def interrupted() -> None:
        with neighbour(0.5):
            during.append(len(children()))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert during == [1]
    assert children() == []
