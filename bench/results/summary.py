"""The short answer of a sweep: best accuracy, fastest, best within a budget, and the Pareto set.

Only `ok` rows count, and only rows that answer the same question are held against each other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.results.rows import OK, THROUGHPUT, Row
from bench.results.wording import Names, accuracy_text, joined, p50_text

Rows = tuple[Row, ...]

_AS_FAST = 1.03  # beyond both intervals: how far apart the luck of a process puts the same file


@dataclass(frozen=True)
class Question:
    """What rows share that may be compared: the same images, call, threads and machine."""

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
class Answer:
    """What the rows of one question say.

    best_accuracy: of equals, the fastest; fastest: by p50; within_budget: the most accurate whose
    p50 and file are inside; pareto: nothing else is as fast and more accurate, or as accurate and
    faster, by rising p50. like_best, like_fastest: whose 95 % interval meets the winner's.
    """

    question: Question
    rows: Rows
    best_accuracy: Row | None
    fastest: Row | None
    within_budget: Row | None
    pareto: Rows
    like_best: Rows
    like_fastest: Rows

    @property
    def contested(self) -> bool:
        """Whether there are two rows or more, so that one of them can win."""
        return len(self.rows) > 1


@dataclass(frozen=True)
class Summary:
    """An answer for each question; failed, skipped: how many rows say nothing of speed.

    peaks: of each arm whose batch size was doubled as long as that paid, the row that gave most.
    """

    answers: tuple[Answer, ...]
    peaks: Rows
    failed: int
    skipped: int
    budget_ms: float | None
    budget_mb: float | None
    names: Names

    def won(self, row: Row) -> list[str]:
        """What a row is the best in: some of `pareto`, `best accuracy`, `fastest`."""
        for answer in self.answers:
            won = {
                "pareto": _holds(answer.pareto, row),
                "best accuracy": row is answer.best_accuracy,
                "fastest": row is answer.fastest,
            }
            if any(won.values()):
                return [mark for mark, holds in won.items() if holds]
        return []

    def marks(self, row: Row) -> list[str]:
        """The same where there were others to win against."""
        alone = any(answer.rows == (row,) for answer in self.answers)
        return [] if alone else self.won(row)

    def lines(self) -> list[str]:
        """The summary in plain words, a heading and a few lines for each question."""
        lines = [] if self.answers or self.peaks else ["No cell was measured."]
        for answer in self.answers:
            lines.append(f"{self.heading(answer.question)}:")
            lines += [f"  {line}" for line in self.answer_lines(answer)]
        lines += [
            f"most images a second: {self.names.arm(row)}, {row.images_per_second:,.0f} "
            f"at batch {row.batch}"
            for row in self.peaks
        ]
        like_chance = [row for answer in self.answers for row in answer.rows if row.is_like_chance]
        if like_chance:
            names = joined(dict.fromkeys(map(self.names.arm, like_chance)))
            lines.append(
                f"warning: no better than guessing: {names}. Check --mean, --std and the order of "
                "the classes."
            )
        for count, what in ((self.failed, "failed"), (self.skipped, "skipped")):
            if count:
                lines.append(f"{_cells(count)} {what}; the reason is in the row.")
        return lines

    def heading(self, question: Question) -> str:
        """A question in words; what all of them share is left out."""
        others = [answer.question for answer in self.answers]
        words = [f"batch {question.batch}"]
        if question.threads or _differ(other.threads for other in others):
            words.append(f"{question.threads} thread{'s' * (question.threads != 1)}")
        words += [
            part
            for part, all_parts in (
                (f"{question.boundary} boundary", (other.boundary for other in others)),
                (question.scenario, (other.scenario for other in others)),
                (f"machine {question.machine[:8] or 'unknown'}", (o.machine for o in others)),
            )
            if _differ(all_parts)
        ]
        dataset = [question.dataset] if question.dataset else []
        return ", ".join([*dataset, *words])

    def answer_lines(self, answer: Answer) -> list[str]:
        """An answer in words, a line a fact."""
        if not answer.contested:
            return [self._told(answer.rows[0]), *self._within(answer)]
        lines = []
        if answer.best_accuracy:
            lines.append(
                f"best accuracy: {self._told(answer.best_accuracy)}{_alike(answer.like_best)}"
            )
        else:
            lines.append("best accuracy: not known; no row has one")
        if answer.fastest:
            lines.append(f"fastest: {self._told(answer.fastest)}{_alike(answer.like_fastest)}")
        lines += self._within(answer)
        if answer.pareto:
            lines.append(
                f"Pareto set ({len(answer.pareto)} of {len(answer.rows)}; no other is both faster "
                f"and more accurate, ties included): {joined(map(self.names.arm, answer.pareto))}"
            )
        return lines

    def _within(self, answer: Answer) -> list[str]:
        """What the budget says, a line at most."""
        budget = self.budget_text()
        if not budget:
            return []
        if not answer.contested:
            return [f"under {budget}: {'yes' if self.fits(answer.rows[0]) else 'no'}"]
        best = answer.within_budget
        return [f"best under {budget}: {self._told(best) if best else 'none'}"]

    def fits(self, row: Row) -> bool:
        """Whether a row is within the budget."""
        return _inside(row, self.budget_ms, self.budget_mb)

    def gaps(self) -> list[str]:
        """Why accuracies are not known, or by the card's word alone; a line for each reason."""
        of_card, none = dict[str, None](), defaultdict[str, list[str]](list)
        for row in (*(row for answer in self.answers for row in answer.rows), *self.peaks):
            if row.accuracy is None and row.accuracy_reason:
                none[row.accuracy_reason].append(self.names.arm(row))
            elif row.accuracy_source == "card":
                of_card[row.accuracy_reason or "nobody says why"] = None
        return [
            *(f"* accuracy as the card says it, not measured here: {why}" for why in of_card),
            *(f"no accuracy of {joined(dict.fromkeys(arms))}: {why}" for why, arms in none.items()),
        ]

    def budget_text(self) -> str:
        """The budget in words, empty where there is none. Megabytes are of the ONNX file."""
        limits = []
        if self.budget_ms is not None:
            limits.append(f"{self.budget_ms:g} ms a call (p50)")
        if self.budget_mb is not None:
            limits.append(f"{self.budget_mb:g} MB of ONNX file")
        return " and ".join(limits)

    def _told(self, row: Row) -> str:
        facts = [p50_text(row)] if row.p50_ms is not None else []
        if row.accuracy is not None:
            facts.insert(0, accuracy_text(row))
        if self.budget_mb is not None and row.file_bytes is not None:
            facts.append(f"{row.file_bytes / 1e6:.1f} MB")
        return ", ".join([self.names.arm(row), *facts])


def summarise(
    rows: Sequence[Row],
    budget_ms: float | None = None,
    budget_mb: float | None = None,
    *,
    names: Names | None = None,
) -> Summary:
    """Sum rows up. budget_ms: for the p50 of a call; budget_mb: for the ONNX file, 1 MB = 10^6 B.

    The budget for memory is the file's size and not the resident memory: the latter is of the whole
    process with its runtime, and differs from one machine to the next.
    """
    measured = sorted((row for row in rows if row.status == OK), key=_order)
    latency = [row for row in measured if row.scenario != THROUGHPUT]
    grouped = [(question, tuple(group)) for question, group in groupby(latency, Question.of)]
    return Summary(
        answers=tuple(_answer(*group, budget_ms, budget_mb) for group in grouped),
        peaks=_peaks(row for row in measured if row.scenario == THROUGHPUT),
        failed=sum(row.status == "failed" for row in rows),
        skipped=sum(row.status == "skipped" for row in rows),
        budget_ms=budget_ms,
        budget_mb=budget_mb,
        names=names or Names.of(rows),
    )


def _peaks(rows: Iterable[Row]) -> Rows:
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        arm = (row.machine or "", row.arm, row.boundary, str(row.threads))
        if arm not in best or _throughput(row) > _throughput(best[arm]):
            best[arm] = row
    return tuple(best.values())


def _throughput(row: Row) -> float:
    return _or(row.images_per_second, 0.0)


def _answer(
    question: Question, rows: Rows, budget_ms: float | None, budget_mb: float | None
) -> Answer:
    known = [row for row in rows if row.accuracy is not None]
    timed = [row for row in rows if row.p50_ms is not None]
    inside = [row for row in known if _inside(row, budget_ms, budget_mb)]
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
    """Rows that no other beats in accuracy or p50 without losing in the other, by rising p50.

    Of equally accurate rows all are in it that are as fast, as far as their p50 can tell.
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
    """Whether two p50 differ by no more than their intervals and what processes differ by.

    The same bytes on the same engine are as fast as themselves, whatever was measured.
    """
    ran = [(one.sha256, one.engine, one.provider, one.cuda_graph) for one in (row, faster)]
    if row.sha256 and ran[0] == ran[1]:
        return True
    low, _ = row.p50_interval or (_p50(row), 0)
    _, high = faster.p50_interval or (0, _p50(faster))
    return min(low, _p50(row)) <= max(high, _p50(faster)) * _AS_FAST


def _inside(row: Row, budget_ms: float | None, budget_mb: float | None) -> bool:
    """What is not known does not fit."""
    fast = budget_ms is None or (row.p50_ms is not None and row.p50_ms <= budget_ms)
    small = budget_mb is None or (row.file_bytes is not None and row.file_bytes <= budget_mb * 1e6)
    return fast and small


Interval = tuple[float, float]


def _overlapping(
    winner: Row | None, rows: Iterable[Row], interval: Callable[[Row], Interval | None]
) -> Rows:
    """The others whose interval meets the winner's; an unknown one meets none."""
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


def _order(row: Row) -> tuple[str, str, str, str, int, int]:
    return (
        *(row.dataset or "", row.machine or "", row.boundary, row.scenario),
        *(row.threads, row.batch),
    )


def _holds(rows: Rows, row: Row) -> bool:
    return any(row is other for other in rows)


def _differ(values: Iterable[object]) -> bool:
    return len(set(values)) > 1


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _alike(rows: Rows) -> str:
    if not rows:
        return ""
    whose = "that of 1 other" if len(rows) == 1 else f"those of {len(rows)} others"
    return f"; its interval meets {whose}"
