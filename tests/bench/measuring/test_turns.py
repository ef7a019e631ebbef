"""Turns: who is called when, on which cores, and that the ratio points the right way."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measuring.arm_process import ArmProcess
from bench.measuring.turns import USUAL_CALLS, Plan, take_turns, take_turns_at_each, usual_way
from bench.runtimes import Order
from zoo.errors import UsageError, ZooError

pytestmark = pytest.mark.usefixtures("adapters", "nothing_left")

Recorded = Callable[[], list[dict[str, Any]]]
A, B = Order("a", "recording:Recording"), Order("b", "recording:Recording")
ONE, THREE = Order("1", "recording:Burning"), Order("3", "recording:Burning")
CORES = tuple(sorted(os.sched_getaffinity(0)))
plan_of = partial(Plan, warm_seconds=0.02)
# As few turns as there can be.
BRIEF = plan_of(instances=1, seconds=0.0, least_turns=5)


def groups(lines: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Which arm was called how often in a row."""
    calls = [line["arm"] for line in lines if line["what"] == "call"]
    return [(arm, len(list(same))) for arm, same in groupby(calls)]


def by_instance(lines: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Two processes each, in the order in which they came."""
    pids = list(dict.fromkeys(line["pid"] for line in lines))
    return [
        [line for line in lines if line["pid"] in pair]
        for pair in zip(pids[::2], pids[1::2], strict=True)
    ]


# Who is called when


def test_calls_are_handed_over_in_the_order_abba(images_npy: Path, recorded: Recorded) -> None:
    turns = take_turns(A, B, images_npy, 1, BRIEF)
    (rows,) = turns.instances
    assert len(rows) == 5
    # An untimed call, then two timed ones: the end of a row and the beginning of the next.
    lines = [line for line in recorded() if line["what"] == "call"]
    assert groups(lines)[-11:] == [("a", 2), *[("b", 3), ("a", 3)] * 5]
    # Before them each had its first ones (one, and each of 12 batches), then single calls in turn.
    assert Counter(line["arm"] for line in lines[:26]) == {"a": 13, "b": 13}
    warming = groups(lines[26:])[:-11]
    assert warming == [("a", 1), ("b", 1)] * (len(warming) // 2)
    assert len(warming) >= 20


def test_both_load_at_once(
    images_npy: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or one would get the memory that others left, and the other a better one."""
    said: list[str] = []
    tell, hear = ArmProcess.tell, ArmProcess.hear

    def telling(arm: ArmProcess, what: str, **details: Any) -> None:
        said.append(f"{what} {arm.order.model}")
        tell(arm, what, **details)

    def hearing(arm: ArmProcess, *arguments: Any) -> dict[str, Any]:
        said.append(f"heard {arm.order.model}")
        return hear(arm, *arguments)

    monkeypatch.setattr(ArmProcess, "tell", telling)
    monkeypatch.setattr(ArmProcess, "hear", hearing)
    take_turns(A, B, images_npy, 1, replace(BRIEF, instances=2))
    once = ["load a", "load b", "heard a", "heard b", "batch a", "batch b", "heard a", "heard b"]
    assert said[:8] == once
    swapped = [line[:-1] + {"a": "b", "b": "a"}[line[-1]] for line in once]
    second = said.index("load b", 2)
    assert said[second : second + 8] == swapped


def test_long_calls_need_no_untimed_one(images_npy: Path, recorded: Recorded) -> None:
    slow = [replace(order, runtime="recording:Slow") for order in (A, B)]
    take_turns(*slow, images_npy, 12, BRIEF)
    assert groups(recorded())[-11:] == [("a", 1), *[("b", 2), ("a", 2)] * 5]


def test_the_images_rotate(images_npy: Path, recorded: Recorded) -> None:
    take_turns(A, B, images_npy, 4, BRIEF)
    shown = [line["image"] for line in recorded() if line["what"] == "call"][-31:]
    assert set(shown) == {0, 4, 8}


def test_each_instance_is_two_new_processes_and_the_other_arm_begins(
    images_npy: Path, recorded: Recorded
) -> None:
    done: list[int] = []
    plan = replace(BRIEF, instances=3)
    turns = take_turns(A, B, images_npy, 4, plan, lambda: done.append(len(recorded())))
    assert len(turns.instances) == 3
    assert turns.wrong == 0
    instances = by_instance(recorded())
    assert done == [sum(map(len, instances[: n + 1])) for n in range(3)]
    for number, lines in enumerate(instances):
        first, second = ("a", "b") if number % 2 == 0 else ("b", "a")
        assert sorted(line["arm"] for line in lines if line["what"] == "load") == ["a", "b"]
        assert groups(lines)[-11:] == [(first, 2), *[(second, 3), (first, 3)] * 5]
        assert [line["arm"] for line in lines if line["what"] == "close"] == [second, first]


def test_several_batch_sizes_share_their_processes_and_each_has_its_turns(
    images_npy: Path, recorded: Recorded
) -> None:
    plan = replace(BRIEF, instances=2)
    found = take_turns_at_each(A, B, [(images_npy, 1), (images_npy, 4)], plan)
    assert [len(turns.instances) for turns in found] == [2, 2]
    assert all(len(rows) == 5 for turns in found for rows in turns.instances)
    for number, lines in enumerate(by_instance(recorded())):
        first, second = ("a", "b") if number % 2 == 0 else ("b", "a")
        assert sorted(line["arm"] for line in lines if line["what"] == "load") == ["a", "b"]
        assert groups(lines)[-11:] == [(first, 2), *[(second, 3), (first, 3)] * 5]
        calls = [line for line in lines if line["what"] == "call"]
        assert {line["image"] for line in calls[-31:]} == {0, 4, 8}


def test_turns_go_on_for_the_time_given(images_npy: Path) -> None:
    short, long = (
        take_turns(ONE, ONE, images_npy, 4, plan_of(1, seconds, 1)) for seconds in (0.02, 0.3)
    )
    assert len(long.instances[0]) > 2 * len(short.instances[0])


def test_an_arm_that_hangs_is_waited_for_as_long_as_told(images_npy: Path) -> None:
    hanging = Order("x", "faulty:Hangs")
    with pytest.raises(ZooError, match=r"no answer in 0\.5 s"):
        take_turns(hanging, hanging, images_npy, 1, replace(BRIEF, timeout=0.5))
    with pytest.raises(ZooError, match=r"no answer in 0\.5 s"):
        usual_way(hanging, hanging, images_npy, 1, 0.5)


# What comes out


def test_rows_name_the_arms_as_asked_whichever_began(images_npy: Path) -> None:
    turns = take_turns(ONE, THREE, images_npy, 4, plan_of(2, 0.2, 8))
    for rows in turns.instances:
        a1, b1, b2, a2 = np.median(np.asarray(rows, float), axis=0)
        assert max(a1, a2) < 0.75 * min(b1, b2)
    ratio = turns.ratio()
    assert 2 < ratio.ratio < 4.5
    assert ratio.instances == 2
    other = take_turns(THREE, ONE, images_npy, 4, plan_of(1, 0.1, 8))
    assert 1 / 4.5 < other.ratio().ratio < 1 / 2


def test_the_sequential_way_has_no_turns_and_the_same_estimator(
    images_npy: Path, recorded: Recorded
) -> None:
    plan = plan_of(2, 0.1, sequential=True)
    slow = [replace(order, runtime="recording:Slow") for order in (A, B)]
    turns = take_turns(*slow, images_npy, 4, plan)
    assert turns.instances == []
    assert len(turns.apart) == 2
    for number, lines in enumerate(by_instance(recorded())):
        first, second = ("a", "b") if number % 2 == 0 else ("b", "a")
        calls = [line for line in lines if line["what"] == "call"]
        # At first both at once: one, and each of 3 batches.
        assert Counter(line["arm"] for line in calls[:8]) == {"a": 4, "b": 4}
        assert [arm for arm, _ in groups(calls[8:])] == [first, second]
    burnt = take_turns(ONE, THREE, images_npy, 4, plan)
    for a, b in burnt.apart:
        assert 2 < np.median(b) / np.median(a) < 4.5
    assert 2 < burnt.ratio().ratio < 4.5


def test_the_usual_way_is_a_hundred_of_each(images_npy: Path, recorded: Recorded) -> None:
    usual_way(A, B, images_npy, 4)
    # The first one, each of 3 batches, 10 to warm up.
    assert groups(recorded()) == [("a", 14 + USUAL_CALLS), ("b", 14 + USUAL_CALLS)]
    assert {tuple(line["cores"]) for line in recorded() if line["what"] == "load"} == {()}
    ((a, b),) = usual_way(ONE, THREE, images_npy, 4).apart
    assert 2 < np.median(b) / np.median(a) < 4.5


# Cores and priorities


@pytest.mark.parametrize("threads", range(1, len(CORES) + 1))
def test_both_arms_are_told_the_same_cores(
    threads: int, images_npy: Path, recorded: Recorded
) -> None:
    a, b = (replace(order, threads=threads) for order in (A, B))
    take_turns(a, b, images_npy, 4, BRIEF)
    loads = [line for line in recorded() if line["what"] == "load"]
    assert [tuple(line["cores"]) for line in loads] == [CORES[:threads]] * 2


@pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")
def test_threads_are_pinned_each_to_its_core(planted_onnx: Path, images_npy: Path) -> None:
    from bench.measuring.arm_process import ArmProcess

    for threads in (1, 2):
        cores = CORES[:threads]
        order = Order(str(planted_onnx), "recording:OnnxRuntimeThreads", threads=threads)
        with ArmProcess(replace(order, cores=cores)) as arm:
            own = arm.facts["what_ran"]["threads"]
            arm.ask("batch", images=str(images_npy), size=4)
            assert arm.ask("calls", count=4)["wrong"] == 0
        assert own[0] == [cores[0]]
        assert all(len(told) == 1 for told in own)
        assert {told[0] for told in own} == set(cores)
        with ArmProcess(order) as arm:
            assert arm.facts["what_ran"]["threads"][0] == list(CORES)


# What goes wrong


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Absent", "no such device"),
        ("Raises", "the runtime broke"),
        ("KilledLater", "killed by SIGKILL"),
        ("RaisesLater", "the runtime broke later"),
    ],
)
def test_one_arm_that_fails_takes_the_other_with_it(
    name: str, reason: str, first: bool, images_npy: Path
) -> None:
    pair = (Order("x", f"faulty:{name}"), Order("x", "faulty:Echo"))
    plan = replace(BRIEF, least_turns=100, timeout=20.0)
    with pytest.raises(ZooError, match=reason):
        take_turns(*(pair if first else pair[::-1]), images_npy, 4, plan)


def test_an_arm_nobody_knows(images_npy: Path) -> None:
    for pair in ((A, Order("x", "nowhere:Runtime")), (Order("x", "nowhere:Runtime"), A)):
        with pytest.raises(UsageError, match="cannot be imported"):
            take_turns(*pair, images_npy, 4, BRIEF)


def test_more_threads_than_cores_take_no_turns(images_npy: Path) -> None:
    many = replace(A, threads=len(CORES) + 1)
    for pair in ((A, many), (many, A)):
        with pytest.raises(UsageError, match=f"there are {len(CORES)}"):
            take_turns(*pair, images_npy, 4, BRIEF)


def test_wrong_answers_of_turns_are_counted(images_npy: Path) -> None:
    pair = (Order("x", "faulty:Echo"), Order("x", "faulty:SometimesWrong"))
    # With the warm-up both come past their 100th call.
    plan = replace(BRIEF, least_turns=100)
    assert take_turns(*pair, images_npy, 4, plan).wrong > 10
    assert take_turns(*pair, images_npy, 4, plan_of(1, 0.05, sequential=True)).wrong > 10
    assert usual_way(*pair, images_npy, 4).wrong > 0


def test_an_interrupt_between_two_instances(images_npy: Path, recorded: Recorded) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_turns(A, B, images_npy, 4, BRIEF, interrupt)


def test_an_interrupt_among_the_turns(
    images_npy: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.measuring.arm_process import ArmProcess

    tell = ArmProcess.tell

    def interrupted(arm: ArmProcess, what: str, **details: Any) -> None:
        tell(arm, what, **details)
        if what == "lead":
            raise KeyboardInterrupt

    monkeypatch.setattr(ArmProcess, "tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        take_turns(A, B, images_npy, 4, replace(BRIEF, seconds=60.0))
