"""Who wins a sweep: only measured rows, only against rows that answer the same question."""

import pytest

from bench.results.rows import FAILED, SKIPPED, Row
from bench.results.summary import summarise
from tests.factories import scored


def subjects(rows: tuple[Row, ...]) -> list[str]:
    return [row.subject for row in rows]


def test_a_row_alone_wins_nothing() -> None:
    alone = scored("a")
    found = summarise([alone, scored("a", batch=64), scored("b", batch=64)])
    assert found.lines()[:2] == [
        "digits, batch 1, 1 thread:",
        "  a fp32, 90.00% (89.50% to 90.50%), 1.00 ms (0.990 to 1.01)",
    ]
    assert found.lines()[2] == "digits, batch 64, 1 thread:"
    assert found.marks(alone) == []
    assert found.won(alone) == ["pareto", "best accuracy", "fastest"]  # for a table's flags
    assert found.marks(found.answers[1].rows[0]) != []
    text = "\n".join(summarise([alone, scored("b", status=FAILED)]).lines())
    assert not any(word in text for word in ("best", "fastest", "Pareto"))


def test_a_row_alone_is_within_a_budget_or_not() -> None:
    for accuracy in (0.9, None):
        for budget, told in ((2, "yes"), (0.5, "no")):
            found = summarise([scored("a", 1.0, accuracy)], budget)
            assert found.lines()[-1] == f"  under {budget} ms a call (p50): {told}"


def test_what_guesses_is_named_once() -> None:
    rows = [scored("good", classes=10)]
    assert "guessing" not in "".join(summarise(rows).lines())
    rows += [scored("bad", accuracy=0.1, classes=10, batch=batch) for batch in (1, 64)]
    (told,) = (line for line in summarise(rows).lines() if "guessing" in line)
    assert told.startswith("warning: no better than guessing: bad fp32. Check --mean, --std")


def test_only_measured_rows_are_summed_up() -> None:
    rows = [scored("a", 2), scored("b", 1, status=FAILED), scored("c", None, None, status=SKIPPED)]
    found = summarise(rows)
    assert [subjects(answer.rows) for answer in found.answers] == [["a"]]
    assert (found.failed, found.skipped) == (1, 1)
    assert "1 cell failed; see the column `reason`." in found.lines()


@pytest.mark.parametrize(
    "other",
    [{"batch": 64}, {"threads": 2}, {"machine": "m"}, {"boundary": "device"}, {"dataset": "c"}],
)
def test_rows_of_different_questions_are_not_compared(other: dict[str, object]) -> None:
    found = summarise([scored("a", 2), scored("b", 1, **other)])
    assert len(found.answers) == 2
    headings = [found.heading(answer.question) for answer in found.answers]
    assert len(set(headings)) == 2


def test_of_equally_accurate_rows_the_fastest_is_best() -> None:
    (answer,) = summarise([scored("slow", 2), scored("fast", 1), scored("worse", 0.5, 0.8)]).answers
    assert answer.best_accuracy is not None
    assert answer.best_accuracy.subject == "fast"
    assert subjects(answer.like_best) == ["slow"]


def test_a_winner_by_less_than_its_interval_is_said_to_be_one() -> None:
    found = summarise([scored("a", 1.0), scored("b", 1.015), scored("c", 2.0)])
    (line,) = (line for line in found.lines() if "fastest" in line)
    assert line == (
        "  fastest: a fp32, 90.00% (89.50% to 90.50%), 1.00 ms (0.990 to 1.01); tied with 1 other"
    )


def test_budgets_are_for_p50_and_for_the_file() -> None:
    rows = [
        scored("big", 1, 0.95, file_bytes=5_000_000),
        scored("slow", 9, 0.93, file_bytes=1),
        scored("fits", 1, 0.9, file_bytes=1),
    ]
    for limits, best in (({"budget_ms": 2.0}, "big"), ({"budget_mb": 4.0}, "slow")):
        (answer,) = summarise(rows, **limits).answers
        assert answer.within_budget is not None
        assert answer.within_budget.subject == best
    found = summarise(rows, 2, 4)
    assert any(
        line.startswith("  best under 2 ms a call (p50) and 4 MB of ONNX file: fits")
        for line in found.lines()
    )
    assert "best under 0.5 ms a call (p50): none" in "\n".join(summarise(rows, 0.5).lines())


def test_what_is_not_known_does_not_fit_a_budget() -> None:
    (answer,) = summarise([scored("a", file_bytes=None)], budget_mb=100).answers
    assert answer.within_budget is None


def test_rows_without_accuracy_still_have_a_fastest() -> None:
    found = summarise([scored("a", 2, None), scored("b", 1, None)])
    (answer,) = found.answers
    assert answer.fastest is not None
    assert (answer.best_accuracy, answer.fastest.subject, answer.pareto) == (None, "b", ())
    assert "  best accuracy: unknown; no row has an accuracy" in found.lines()


def test_marks_are_of_the_row_itself_and_not_of_an_equal_one() -> None:
    first, twin = scored("a"), scored("a")
    found = summarise([first, twin, scored("b", 9, 0.99)])
    assert found.marks(first) == ["pareto", "fastest"]
    assert found.marks(twin) == ["pareto"]


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert summarise([]).lines() == ["No cell was measured."]
