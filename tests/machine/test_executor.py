"""Executors: the same findings in the same order, wherever the task is run."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests.factories import Told
from tests.machine import works
from tests.machine.other_process import InAnotherProcess
from zoo.machine.executor import Executor, InThisProcess, TaskError

Work = Callable[..., Iterator[Any]]


def until_it_ends(executor: Executor, work: Work, task: int) -> tuple[list[Any], str]:
    """What is found, and how the task ended where it did so early."""
    found: list[Any] = []
    try:
        found.extend(executor.run(work, task, Told()))
    except TaskError as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize("executor", [InThisProcess(), InAnotherProcess()])
def test_findings_and_words_come_in_their_order(executor: Executor) -> None:
    told = Told()
    assert list(executor.run(works.count, 3, told)) == [0, 1, 2]
    assert told.lines == ["at 0", "at 1", "at 2"]


def test_here_a_finding_is_taken_before_the_work_goes_on() -> None:
    told = Told()
    found = InThisProcess().run(works.count, 3, told)
    assert next(found) == 0
    assert told.lines == ["at 0"]
    found.close()
    assert told.lines == ["at 0"]


def test_what_is_raised_here_is_raised_as_it_is() -> None:
    with pytest.raises(RuntimeError, match="out of numbers"):
        list(InThisProcess().run(works.fail, 2, Told()))


def test_another_process_is_another_process() -> None:
    (pid,), _ = until_it_ends(InAnotherProcess(), works.whose, 0)
    assert pid != os.getpid()


@pytest.mark.parametrize(
    ("work", "how"),
    [(works.fail, "RuntimeError: out of numbers"), (works.die, "ended by SIGKILL")],
)
def test_what_was_found_stays_when_another_process_ends_early(work: Work, how: str) -> None:
    found, said = until_it_ends(InAnotherProcess(), work, 2)
    assert found == [0, 1]
    assert how in said


def test_a_process_that_nobody_waits_for_is_ended() -> None:
    before = psutil.Process().children()
    found = InAnotherProcess().run(works.count, 1000, Told())
    assert next(found) == 0
    found.close()
    assert psutil.Process().children() == before
