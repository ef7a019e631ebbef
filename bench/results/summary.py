"""The summary of a sweep in words. Only `ok` rows count."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.results.answers import Answer, Budget, Question, Rows, answer_of
from bench.results.comparisons import Comparisons, series_of
from bench.results.rows import OK, Row
from bench.results.wording import Names, accuracy_text, joined, p50_text
from bench.scenarios.registry import read_as


@dataclass(frozen=True)
class Summary:
    """An answer for each question, and the messages of other rows."""

    answers: tuple[Answer, ...]
    # For each arm whose batch size was doubled as long as that helped, the best row.
    peaks: Rows
    failed: int  # cells
    skipped: int  # cells
    budget: Budget
    names: Names
    comparisons: tuple[Comparisons, ...] = ()  # of two models

    def won(self, row: Row) -> list[str]:
        """What a row is best in: some of `pareto`, `best accuracy`, `fastest`."""
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
        """The same, if there were other rows to win against."""
        alone = any(answer.rows == (row,) for answer in self.answers)
        return [] if alone else self.won(row)

    def lines(self) -> list[str]:
        """The summary in plain words, a heading and a few lines for each question."""
        lines = [] if self.answers or self.peaks or self.comparisons else ["No cell was measured."]
        for answer in self.answers:
            lines.append(f"{self.heading(answer.question)}:")
            lines += [f"  {line}" for line in self.answer_lines(answer)]
        lines += [
            f"highest throughput: {self.names.arm(row)}, {row.images_per_second:,.0f} "
            f"images/s at batch {row.batch}"
            for row in self.peaks
        ]
        for comparison in self.comparisons:
            lines += [comparison.answer(), *(f"  {line}" for line in comparison.lines())]
        like_chance = [row for answer in self.answers for row in answer.rows if row.is_like_chance]
        if like_chance:
            names = joined(dict.fromkeys(map(self.names.arm, like_chance)))
            lines.append(
                f"warning: no better than guessing: {names}. Check --mean, --std and the order of "
                "the classes."
            )
        for count, what in ((self.failed, "failed"), (self.skipped, "skipped")):
            if count:
                lines.append(f"{_cells(count)} {what}; see the column `reason`.")
        return lines

    def heading(self, question: Question) -> str:
        """A question in words, without what all questions share."""
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
        """An answer in words, one line per fact."""
        if not answer.contested:
            return [self._told(answer.rows[0]), *self._within(answer)]
        lines = []
        if answer.best_accuracy:
            lines.append(
                f"best accuracy: {self._told(answer.best_accuracy)}{_alike(answer.like_best)}"
            )
        else:
            lines.append("best accuracy: unknown; no row has an accuracy")
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
        """The line about the budget, if there is one."""
        budget = str(self.budget)
        if not budget:
            return []
        if not answer.contested:
            return [f"under {budget}: {'yes' if self.budget.fits(answer.rows[0]) else 'no'}"]
        best = answer.within_budget
        return [f"best under {budget}: {self._told(best) if best else 'none'}"]

    def gaps(self) -> list[str]:
        """Why accuracies are unknown, or only taken from the card; one line per reason."""
        of_card, none = dict[str, None](), defaultdict[str, list[str]](list)
        for row in (*(row for answer in self.answers for row in answer.rows), *self.peaks):
            if row.accuracy is None and row.accuracy_reason:
                none[row.accuracy_reason].append(self.names.arm(row))
            elif row.accuracy_source == "card":
                of_card[row.accuracy_reason or "the reason is unknown"] = None
        return [
            *(f"* accuracy quoted from the card, not measured here: {why}" for why in of_card),
            *(
                f"no accuracy for {joined(dict.fromkeys(arms))}: {why}"
                for why, arms in none.items()
            ),
        ]

    def _told(self, row: Row) -> str:
        facts = [p50_text(row)] if row.p50_ms is not None else []
        if row.accuracy is not None:
            facts.insert(0, accuracy_text(row))
        if self.budget.mb is not None and row.file_bytes is not None:
            facts.append(f"{row.file_bytes / 1e6:.1f} MB")
        return ", ".join([self.names.arm(row), *facts])


def summarise(
    rows: Sequence[Row],
    budget_ms: float | None = None,
    budget_mb: float | None = None,
    *,
    names: Names | None = None,
) -> Summary:
    """Summarise rows, with the most accurate within a budget (see `Budget`)."""
    budget = Budget(budget_ms, budget_mb)
    cells = [row for row in rows if not row.is_comparison]
    measured = sorted((row for row in cells if row.status == OK), key=_order)
    searches = [row for row in measured if read_as(row.scenario).searches]
    others = [row for row in measured if not read_as(row.scenario).searches]
    grouped = [(question, tuple(group)) for question, group in groupby(others, Question.of)]
    return Summary(
        answers=tuple(answer_of(*group, budget) for group in grouped),
        peaks=_peaks(searches),
        failed=sum(row.status == "failed" for row in rows),
        skipped=sum(row.status == "skipped" for row in rows),
        budget=budget,
        names=names or Names.of(rows),
        comparisons=tuple(series_of(rows)),
    )


def _peaks(rows: Iterable[Row]) -> Rows:
    best: dict[tuple[str, ...], Row] = {}
    for row in rows:
        arm = (row.machine or "", row.arm, row.boundary, str(row.threads))
        if arm not in best or _throughput(row) > _throughput(best[arm]):
            best[arm] = row
    return tuple(best.values())


def _throughput(row: Row) -> float:
    return row.images_per_second or 0.0


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
    return f"; tied with {len(rows)} other{'s' * (len(rows) != 1)}"
