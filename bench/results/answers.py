"""The winners: best accuracy, fastest, best within a budget, and the Pareto set.

Only rows that answer the same question are compared.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench.results.rows import Row

Rows = tuple[Row, ...]
Interval = tuple[float, float]

_AS_FAST = 1.03  # beyond both intervals: how far apart the luck of a process puts the same file


@dataclass(frozen=True)
class Question:
    """What comparable rows share: the same images, call, threads and machine."""

    dataset: str
    batch: int
    threads: int
    boundary: str
    scenario: str
    machine: str

    @classmethod
    def of(cls, row: Row) -> "Question":
        """The question that a row answers."""
        return cls(
            *(row.dataset or "", row.batch, row.threads, row.boundary, row.scenario),
            row.machine or "",
        )


@dataclass(frozen=True)
class Budget:
    """Limits on the time of a call and the size of a file; None: no limit.

    The budget is for the file's size and not for resident memory: the latter includes the whole
    process with its runtime, and differs between machines.
    """

    ms: float | None = None  # of the p50 of a call
    mb: float | None = None  # size of the ONNX file, 1 MB = 10^6 B

    def fits(self, row: Row) -> bool:
        """Whether a row is within the budget; unknown values are not."""
        fast = self.ms is None or (row.p50_ms is not None and row.p50_ms <= self.ms)
        small = self.mb is None or (row.file_bytes is not None and row.file_bytes <= self.mb * 1e6)
        return fast and small

    def __str__(self) -> str:
        limits = []
        if self.ms is not None:
            limits.append(f"{self.ms:g} ms a call (p50)")
        if self.mb is not None:
            limits.append(f"{self.mb:g} MB of ONNX file")
        return " and ".join(limits)


@dataclass(frozen=True)
class Answer:
    """The answer to one question."""

    question: Question
    rows: Rows
    best_accuracy: Row | None  # of equals, the fastest
    fastest: Row | None  # by p50
    within_budget: Row | None  # the most accurate within the budget
    # By rising p50: nothing else is as fast and more accurate, or as accurate and faster.
    pareto: Rows
    like_best: Rows  # whose 95% interval overlaps that of the most accurate
    like_fastest: Rows  # whose 95% interval overlaps that of the fastest

    @property
    def contested(self) -> bool:
        """Whether there are at least two rows, so that one of them can win."""
        return len(self.rows) > 1


def answer_of(question: Question, rows: Rows, budget: Budget) -> Answer:
    """The answer of these rows, all of the same question."""
    known = [row for row in rows if row.accuracy is not None]
    timed = [row for row in rows if row.p50_ms is not None]
    inside = [row for row in known if budget.fits(row)]
    best = min(known, key=_by_accuracy, default=None)
    fastest = min(timed, key=_by_p50, default=None)
    return Answer(
        question,
        rows,
        best_accuracy=best,
        fastest=fastest,
        within_budget=min(inside, key=_by_accuracy, default=None),
        pareto=pareto_set(rows),
        like_best=_overlapping(best, known, _accuracy_interval),
        like_fastest=_overlapping(fastest, timed, _p50_interval),
    )


def pareto_set(rows: Iterable[Row]) -> Rows:
    """Rows that no other beats in accuracy or p50 without losing in the other, by p50.

    Equally accurate rows are all in it if their p50 cannot be distinguished.
    """
    timed = [row for row in rows if row.p50_ms is not None and row.accuracy is not None]
    ordered = sorted(timed, key=lambda row: (_p50(row), -_accuracy(row)))
    kept: list[Row] = []
    leader = None  # the fastest of the most accurate so far
    for row in ordered:
        if leader is None or _accuracy(row) > _accuracy(leader):
            leader = row
        elif _accuracy(row) < _accuracy(leader) or not _as_fast(row, leader):
            continue
        kept.append(row)
    return tuple(kept)


def _as_fast(row: Row, faster: Row) -> bool:
    """Whether two p50 differ by no more than their intervals and the spread of processes.

    The same bytes on the same runtime always count as equally fast.
    """
    ran = [(one.sha256, one.runtime_version, one.provider, one.cuda_graph) for one in (row, faster)]
    if row.sha256 and ran[0] == ran[1]:
        return True
    low, _ = row.p50_interval or (_p50(row), 0)
    _, high = faster.p50_interval or (0, _p50(faster))
    return min(low, _p50(row)) <= max(high, _p50(faster)) * _AS_FAST


def _overlapping(
    winner: Row | None, rows: Iterable[Row], interval: Callable[[Row], Interval | None]
) -> Rows:
    """The other rows whose interval overlaps the winner's; an unknown interval overlaps none."""
    return tuple(
        row
        for row in rows
        if winner is not None and row is not winner and _meet(interval(winner), interval(row))
    )


def _meet(one: Interval | None, other: Interval | None) -> bool:
    return one is not None and other is not None and one[0] <= other[1] and other[0] <= one[1]


def _accuracy_interval(row: Row) -> Interval:
    point = _accuracy(row)
    return _or(row.accuracy_low, point), _or(row.accuracy_high, point)


def _p50_interval(row: Row) -> Interval | None:
    return row.p50_interval


def _or(value: float | None, instead: float) -> float:
    return instead if value is None else value


def _accuracy(row: Row) -> float:
    return _or(row.accuracy, float("-inf"))


def _p50(row: Row) -> float:
    return _or(row.p50_ms, float("inf"))


def _by_accuracy(row: Row) -> tuple[float, float]:
    return -_accuracy(row), _p50(row)


def _by_p50(row: Row) -> tuple[float, float]:
    return _p50(row), -_accuracy(row)
