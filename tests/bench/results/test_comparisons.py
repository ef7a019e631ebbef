"""What comparisons come to, in words."""

from typing import Any

import pytest

from bench.results.comparisons import Comparisons, names_of, series_of
from bench.results.rows import Row
from tests.bench.pair.comparisons import compared
from tests.factories import cell

FASTER = {"ratio": 0.4, "ratio_low": 0.385, "ratio_high": 0.42, "verdict": "faster"}
MEASURED: dict[str, Any] = {
    "images": 10_000,
    "correct": 8750,
    "reference_correct": 8792,
    "agreement": 0.98,
    "mcnemar_p": 0.003,
    "max_difference": 1.25,
}


def told(*rows: Row) -> str:
    return "\n".join(Comparisons(rows).lines())


class TestAnswer:
    @pytest.mark.parametrize(
        ("columns", "said"),
        [
            (
                FASTER,
                "cnn-digits int8 is 2.50x faster than cnn-digits fp32 "
                "(2.38x to 2.60x, 95% interval)",
            ),
            (
                {"ratio": 1.06, "ratio_low": 1.05, "ratio_high": 1.07, "verdict": "slower"},
                "cnn-digits int8 is 1.06x slower than cnn-digits fp32 "
                "(1.05x to 1.07x, 95% interval)",
            ),
            (
                {},
                "cnn-digits int8 and cnn-digits fp32 take the same time "
                "(ratio 1.001, 0.998 to 1.004; within the margin of 2%)",
            ),
            (
                {"ratio_low": 0.97, "ratio_high": 1.06, "verdict": "inconclusive"},
                "undecided: cnn-digits int8 takes 1.001 times as long as cnn-digits fp32 "
                "(0.970 to 1.060; the margin is 2%); raise --seconds or --instances for a "
                "narrower interval",
            ),
            (
                {"way": "usual", "ratio_low": None, "ratio_high": None, "verdict": None},
                "cnn-digits int8 takes 1.001 times as long as cnn-digits fp32, by their "
                "medians; --way usual gives no interval, so this is not conclusive",
            ),
            (
                {
                    "ratio": None,
                    "status": "failed",
                    "reason": "3 timed calls gave different logits",
                },
                "no answer: 3 timed calls gave different logits",
            ),
        ],
    )
    def test_of_one(self, columns: dict[str, Any], said: str) -> None:
        assert Comparisons((compared(**columns),)).answer() == said

    def test_of_a_series_that_agrees(self) -> None:
        rows = [compared(repeat=at, **FASTER | {"ratio": 0.4 + at / 100}) for at in (0, 1, 2)]
        assert Comparisons(tuple(rows)).answer() == (
            "cnn-digits int8 is 2.44x faster than cnn-digits fp32 in all 3 comparisons "
            "(median; range 2.38x to 2.50x)"
        )

    def test_of_a_series_that_does_not(self) -> None:
        rows = (compared(), compared(repeat=2, **FASTER))
        said = Comparisons(rows).answer()
        assert said.startswith("undecided: cnn-digits int8 against cnn-digits fp32 is same in 1,")
        assert said.endswith("of 2 comparisons (median ratio 0.700, range 0.400 to 1.001)")

    def test_wrong_answers_leave_a_series_without_one(self) -> None:
        failed = compared(repeat=2, ratio=None, status="failed", reason="wrong")
        said = Comparisons((compared(), failed)).answer()
        assert said == "no answer: wrong in 1 of 2 comparisons"


class TestLines:
    def test_accuracy_agreement_and_whether_it_is_chance(self) -> None:
        assert told(compared(**MEASURED)).splitlines() == [
            "cnn-digits int8 classifies 0.42 points fewer test images correctly than cnn-digits "
            "fp32 "
            "(8,750 and 8,792 of 10,000); the difference is beyond chance "
            "(McNemar's exact test, p = 0.003)",
            "both give the same class to 9,800 of 10,000 test images (98.00%); their logits differ "
            "by up to 1.2",
        ]
        assert "is not beyond chance" in told(compared(**MEASURED | {"mcnemar_p": 0.2}))
        same = told(compared(**MEASURED | {"correct": 8792}))
        assert "both classify 8,792 of 10,000 test images correctly" in same

    def test_without_a_test_set_it_is_speed_alone(self) -> None:
        lines = told(compared(accuracy_reason="nothing says which")).splitlines()
        assert lines == [
            "both give the same answers to the 8 images timed",
            "speed only, no accuracy: nothing says which",
        ]
        other = compared(same_answers=False, shown_agreement=0.75, shown_difference=0.5)
        assert told(other).startswith(
            "both give the same class to 6 of 8 timed images (75.00%); their logits "
            "differ by up to 0.50"
        )

    def test_how_far_a_series_is_apart(self) -> None:
        rows = [compared(), compared(repeat=2, ratio=1.06, ratio_low=1.05, ratio_high=1.07)]
        assert told(*rows).splitlines()[:2] == [
            "the ratio is uncertain by about 0.62% (median); "
            "equal speed is ruled out in 1 of 2 comparisons",
            "the ratio is more than 5% away from 1 in 1 of 2 comparisons",
        ]


class TestNames:
    @pytest.mark.parametrize(
        ("columns", "names"),
        [
            ({}, ("cnn-digits fp32", "cnn-digits int8")),
            (
                {"precision": "fp32", "runtime": "torch"},
                ("cnn-digits fp32 in onnxruntime", "cnn-digits fp32 in torch"),
            ),
            ({"precision": "fp32"}, ("cnn-digits fp32 (A)", "cnn-digits fp32 (B)")),
            ({"subject": "x/a.onnx", "precision": "file"}, ("cnn-digits fp32", "a.onnx")),
            (
                {
                    **{"subject": "x/a.onnx", "precision": "file"},
                    **{"reference_subject": "y/a.onnx", "reference_precision": "file"},
                },
                ("y/a.onnx", "x/a.onnx"),
            ),
        ],
    )
    def test_tell_the_two_apart(self, columns: dict[str, Any], names: tuple[str, str]) -> None:
        assert names_of(compared(**columns)) == names


def test_series_are_told_apart_and_cells_left_out() -> None:
    rows = [compared(), cell(), compared(repeat=2), compared(reference_precision="int8")]
    assert [len(one.rows) for one in series_of(rows)] == [2, 1]
