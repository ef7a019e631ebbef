"""Two arms in turns: call by call, on the same cores, over several instances of each.

A disturbance that hits one arm hits the other a moment later, so the ratio of their times is ten
times more precise than either time. The arms hand over directly to each other, and no other process
wakes up in between. The runtimes set what keeps a waiting arm quiet and a called one at its own
speed (`Order.cores`).

Both arms load at once, so that they share the state of memory: the one that loads first gets the
scattered pages of earlier processes, and is slower (docs/explanation/measuring.md).
"""

import os
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from bench.measuring.arm_process import ArmProcess
from bench.measuring.kernel import affinity
from bench.runtimes import Order
from bench.stats.ratios import PairedRatio, paired_ratio, sequential_ratio
from zoo.errors import UsageError
from zoo.machine.memory import default_bound

_LONG_NS = 5_000_000  # from here on a call pays for its own warming up after a hand-over
_WARM_TURNS = 10
_USUAL_WARM_UP, USUAL_CALLS = 10, 100


@dataclass(frozen=True)
class Plan:
    """How a pair is measured."""

    instances: int = 5  # pairs of processes
    seconds: float = 8.0  # seconds of turns, over all instances, without start-up
    least_turns: int = 8  # of each instance
    # Each arm has its time at once, on the same cores and with the same estimator, to show what
    # the turns are worth.
    sequential: bool = False
    timeout: float = 120.0  # seconds that an arm may take for an answer
    warm_seconds: float = 0.15  # seconds of turns that are discarded, in each instance


@dataclass
class Turns:
    """The measured times, in nanoseconds."""

    # For each instance rows [a1, b1, b2, a2]; in every other one b's calls enclosed a's.
    instances: list[list[list[int]]] = field(default_factory=list)
    # For each instance the times of a and those of b, where they did not take turns.
    apart: list[tuple[list[int], list[int]]] = field(default_factory=list)
    wrong: int = 0  # timed calls that gave other logits than before

    def ratio(self) -> PairedRatio:
        """Time of b / time of a."""
        if self.apart:
            a, b = ([np.asarray(pair[arm], float) for pair in self.apart] for arm in (0, 1))
            return sequential_ratio(a, b)
        return paired_ratio([np.asarray(rows, float) for rows in self.instances])


def take_turns(
    a: Order,
    b: Order,
    images: Path,
    batch: int,
    plan: Plan,
    on_instance: Callable[[], None] = lambda: None,
) -> Turns:
    """Measure b against a. images: .npy of uint8 [N, H, W, C], which both arms use."""
    (found,) = take_turns_at_each(a, b, [(images, batch)], plan, on_instance)
    return found


def take_turns_at_each(
    a: Order,
    b: Order,
    batches: Sequence[tuple[Path, int]],
    plan: Plan,
    on_instance: Callable[[], None] = lambda: None,
) -> list[Turns]:
    """The same at several batch sizes, each with its images, in the same processes.

    Each size gets the time of the plan.
    """
    cores = affinity(os.getpid())  # none where the system pins nothing: intervals are wider then
    if cores and max(a.threads, b.threads) > len(cores):
        raise UsageError(
            f"in turns each thread needs its own core, and there are {len(cores)}. Name fewer "
            "--threads."
        )
    found = [Turns() for _ in batches]
    for instance in range(plan.instances):
        # The one that starts first, and has the first word, is another one each time.
        pair = (a, b) if instance % 2 == 0 else (b, a)
        with ExitStack() as stack:
            ends = socket.socketpair()
            with ends[0], ends[1]:
                half = default_bound(len(pair))  # both are loaded at once
                arms = [
                    ArmProcess(
                        replace(order, cores=cores[: order.threads], memory=order.memory or half),
                        plan.timeout,
                        end.fileno(),
                    )
                    for order, end in zip(pair, ends, strict=True)
                ]
                arms[0].companion = arms[1]
                for arm in arms:
                    stack.callback(arm.end)  # the other one may fail before this one is entered
                    arm.start()
            for arm in arms:
                stack.enter_context(arm)
            for (images, size), turns in zip(batches, found, strict=True):
                for arm in arms:
                    arm.tell("batch", images=str(images), size=size)
                for arm in arms:
                    arm.hear()
                _time(arms, plan, turns, swapped=instance % 2 == 1)
        on_instance()
    return found


def _time(arms: list[ArmProcess], plan: Plan, found: Turns, *, swapped: bool) -> None:
    """Time one instance at one batch size. swapped: whether b comes before a."""
    seconds = plan.seconds / plan.instances
    if plan.sequential:
        times = [_alone(arm, seconds / 2, plan.warm_seconds, found) for arm in arms]
        found.apart.append((times[swapped], times[not swapped]))
        return
    rows, wrong = _turns(arms[0], arms[1], seconds, plan)
    if swapped:
        rows = [[a1, b1, b2, a2] for b1, a1, a2, b2 in rows]
    found.instances.append(rows)
    found.wrong += wrong


def usual_way(a: Order, b: Order, images: Path, batch: int, timeout: float = Plan.timeout) -> Turns:
    """What most scripts do: 100 calls of a, then 100 of b, and compare their medians.

    It gives no interval. It is here for comparison.
    """
    times: list[list[int]] = []
    wrong = 0
    for order in (a, b):
        with ArmProcess(order, timeout) as arm:
            arm.ask("batch", images=str(images), size=batch)
            arm.ask("calls", count=_USUAL_WARM_UP)
            answer = arm.ask("calls", count=USUAL_CALLS)
            times.append(answer["ns"])
            wrong += answer["wrong"]
    return Turns(apart=[(times[0], times[1])], wrong=wrong)


def _turns(
    first: ArmProcess, second: ArmProcess, seconds: float, plan: Plan
) -> tuple[list[list[int]], int]:
    """Rows [f1, s1, s2, f2]: a turn is two timed calls, which end one row and start the next."""
    untimed = _warm(first, second, plan.warm_seconds)
    second.tell("follow", peer=second.peer, untimed=untimed)
    first.tell("lead", peer=first.peer, seconds=seconds, least=plan.least_turns, untimed=untimed)
    ours = first.hear(first.timeout + seconds)
    theirs = second.hear()
    pairs = zip(*(iter(ours["ns"]),) * 2, *(iter(theirs["ns"]),) * 2, strict=False)
    rows = [[f1, s1, s2, f2] for f1, f2, s1, s2 in pairs]
    return rows, ours["wrong"] + theirs["wrong"]


def _alone(arm: ArmProcess, seconds: float, warm_seconds: float, found: Turns) -> list[int]:
    """The times of one arm that runs alone; `found` counts its wrong answers."""
    arm.ask("block", seconds=warm_seconds)
    answer = arm.ask("block", seconds=seconds)
    found.wrong += answer["wrong"]
    times: list[int] = answer["block"]["ns"]
    return times


def _warm(first: ArmProcess, second: ArmProcess, seconds: float) -> int:
    """Run warm-up turns; returns how many untimed calls each hand-over needs."""
    ends = time.monotonic() + seconds
    taken = 0
    while time.monotonic() < ends or taken < _WARM_TURNS:
        last = [arm.ask("calls", count=1)["ns"][0] for arm in (first, second)]
        taken += 1
        if min(last) > _LONG_NS and taken >= 2:
            return 0
    return 1
