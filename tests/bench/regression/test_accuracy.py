"""What is said of accuracy: image by image where that was kept, else by the counts."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import xlogy

from bench.regression.accuracy import _score, judge_accuracy, paired_interval
from bench.regression.findings import Comparison
from bench.results.predictions import write_predictions
from tests.bench.regression.two_sweeps import IMAGES, Compare, accurate, cell, changed


def _answers(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.where(right, labels, (labels + 1) % 10).astype(np.int64)


class Losses:
    """Two files' predictions: `lost` and `gained` images of 10,000, 9,000 right before."""

    def __init__(self, lost: int, gained: int) -> None:
        self.labels = np.random.default_rng(0).integers(0, 10, IMAGES)
        before = np.arange(IMAGES) < 9000
        after = before.copy()
        after[:lost] = False
        after[9000 : 9000 + gained] = True
        self.before, self.after = _answers(before, self.labels), _answers(after, self.labels)
        self.base = accurate(cell(), 9000)
        self.new = accurate(changed(), 9000 - lost + gained)

    def compare(self, compare: Compare, tmp_path: Path, labels: bool = True) -> Comparison:
        known = {"labels|digits": self.labels} if labels else {}
        write_predictions(tmp_path / "base.csv", {self.base.arm: self.before} | known)
        write_predictions(tmp_path / "new.csv", {self.new.arm: self.after})
        return compare([self.base], [self.new])


def test_images_lost_prove_a_drop(compare: Compare, tmp_path: Path) -> None:
    found = Losses(90, 10).compare(compare, tmp_path)
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.how, accuracy.lost, accuracy.gained) == ("images", 90, 10)
    assert accuracy.drop == pytest.approx(0.8)
    assert accuracy.mcnemar_p is not None
    assert accuracy.mcnemar_p < 1e-6
    assert [breach.kind for breach in found.breaches] == ["accuracy"]
    assert found.exit_code == 1


def test_answers_of_one_batch_size_are_held_against_those_of_it(
    compare: Compare, tmp_path: Path
) -> None:
    sweep = Losses(90, 10)
    varying = {"answers_vary": "with the batch", "accuracy_batch": 64}
    base, new = replace(sweep.base, **varying), replace(sweep.new, **varying)
    known = {"labels|digits": sweep.labels, base.arm: sweep.labels}  # of another measurement
    write_predictions(tmp_path / "base.csv", {base.predictions: sweep.before} | known)
    write_predictions(tmp_path / "new.csv", {new.predictions: sweep.after} | known)
    accuracy = compare([base], [new]).rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.how, accuracy.lost, accuracy.gained) == ("images", 90, 10)


def test_as_many_gained_as_lost_is_no_drop(compare: Compare, tmp_path: Path) -> None:
    found = Losses(40, 40).compare(compare, tmp_path)
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.outcome, accuracy.drop, accuracy.mcnemar_p) == ("held", 0, 1)
    assert "-0.00" not in "".join(found.lines())


def test_a_drop_just_beyond_the_limit_is_not_proven(compare: Compare, tmp_path: Path) -> None:
    found = Losses(60, 20).compare(compare, tmp_path)  # 0.4 points, 0.3 are allowed
    assert found.rows[0].inconclusive[-1:] == ("accuracy",)
    assert found.breaches == ()


def test_without_labels_the_classes_still_bound_it(compare: Compare, tmp_path: Path) -> None:
    sharp = Losses(150, 0).compare(compare, tmp_path).rows[0].accuracy
    found = Losses(150, 0).compare(compare, tmp_path, labels=False)
    bound = found.rows[0].accuracy
    assert sharp is not None
    assert bound is not None
    assert (bound.how, bound.lost, bound.mcnemar_p) == ("classes", None, None)
    assert bound.drop == sharp.drop == pytest.approx(1.5)
    assert "labels not kept" in bound.text
    assert found.exit_code == 1


def test_without_predictions_the_shares_are_compared(compare: Compare) -> None:
    found = compare([accurate(cell(), 9000)], [accurate(changed(), 8920)])
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.how, accuracy.outcome) == ("shares", "inconclusive")
    assert accuracy.high == pytest.approx(0.8 + 100 * 1.96 * math.sqrt(0.188 / 10_000), abs=0.02)
    found = compare([accurate(cell(), 9000)], [accurate(changed(), 8500)])
    assert [breach.kind for breach in found.breaches] == ["accuracy"]


@pytest.mark.parametrize("spoilt", ["length", "labels", "rows"])
def test_predictions_of_something_else_are_not_used(
    compare: Compare, tmp_path: Path, spoilt: str
) -> None:
    pair = Losses(90, 10)
    if spoilt == "length":
        pair.after = pair.after[:-1]
    elif spoilt == "labels":
        pair.labels = (pair.labels + 5) % 10
    else:
        pair.new = replace(pair.new, correct=8921)
    accuracy = pair.compare(compare, tmp_path).rows[0].accuracy
    assert accuracy is not None
    assert accuracy.how == "shares"


def test_figures_of_the_card_need_proof_too(compare: Compare) -> None:
    base, new = accurate(cell(), 9000), accurate(changed(), 8960, source="card")
    found = compare([base], [new])
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.how, accuracy.outcome, found.exit_code) == ("card", "inconclusive", 0)
    assert accuracy.p is not None
    assert "the card keeps no predictions" in accuracy.text
    found = compare([base], [accurate(changed(), 8500, source="card")])
    assert [breach.kind for breach in found.breaches] == ["accuracy"]
    bare = replace(new, correct=None, images=None, accuracy=0.5)
    found = compare([base], [bare])
    assert (found.breaches, found.inconclusive) == ((), 1)


def test_the_card_of_one_file_says_one_thing(compare: Compare) -> None:
    base, new = (accurate(cell(p50), 320, 360, source="card") for p50 in (1.0, 1.001))
    accuracy = compare([base], [new]).rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.outcome, accuracy.drop, accuracy.text) == (
        *("held", 0.0),
        "the same file, accuracy from its card",
    )


def test_the_same_file_with_the_same_accuracy_needs_no_predictions(compare: Compare) -> None:
    base = accurate(cell(), 9000)
    found = compare([base], [accurate(cell(1.001), 9000)])
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.how, accuracy.outcome, accuracy.drop) == ("shares", "held", 0.0)
    assert accuracy.text == "the same file, the same accuracy"
    assert "undecided" not in found.rows[0].verdict
    for new in (accurate(cell(1.001), 8999), accurate(changed(), 9000)):
        assert "accuracy" in compare([base], [new]).rows[0].inconclusive
    unknown = replace(base, sha256=None)
    assert "accuracy" in compare([unknown], [replace(unknown, n=7)]).rows[0].inconclusive


def test_an_accuracy_that_is_gone_is_inconclusive(compare: Compare) -> None:
    new = changed(accuracy_reason="no data")
    accuracy = compare([accurate(cell(), 9000)], [new]).rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.outcome, accuracy.text) == ("inconclusive", "new has no accuracy: no data")
    assert compare([cell()], [accurate(changed(), 9000)]).rows[0].accuracy is None


def test_rows_of_one_session_are_one_breach(compare: Compare) -> None:
    base = [accurate(cell(batch=n), 9000) for n in (1, 8, 64)]
    new = [accurate(changed(batch=n), 8000) for n in (1, 8, 64)]
    found = compare(base, new)
    assert [(breach.kind, breach.what) for breach in found.breaches] == [("accuracy", "cnn fp32")]
    assert all(row.breaches for row in found.rows)


@pytest.mark.parametrize(
    ("lost", "gained", "images", "low", "high"),
    # Tango (1998), without his correction's half image, to which many images are close.
    [(1200, 1100, 100_000, 0.00006, 0.00194), (500, 500, 50_000, -0.00124, 0.00124)],
)
def test_the_paired_interval_is_the_usual_one_for_many_images(
    lost: int, gained: int, images: int, low: float, high: float
) -> None:
    assert paired_interval(lost, gained, images) == pytest.approx((low, high), abs=2e-5)


@given(st.integers(1, 20_000), st.floats(0, 1), st.floats(0, 1))
def test_the_paired_interval_holds_the_difference_and_mirrors(
    images: int, some: float, others: float
) -> None:
    lost = int(some * images)
    gained = int(others * (images - lost))
    low, high = paired_interval(lost, gained, images)
    assert -1 <= low <= (lost - gained) / images <= high <= 1
    mirrored = paired_interval(gained, lost, images)
    assert mirrored == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.parametrize(("images", "gained"), [(360, 0.0), (360, 0.01), (10_000, 0.001)])
def test_a_drop_that_is_just_allowed_is_seldom_called_too_large(images: int, gained: float) -> None:
    random = np.random.default_rng(3)
    shares = [gained + 0.003, gained, 1 - 2 * gained - 0.003]
    wrong = 0
    for lost, won, _ in random.multinomial(images, shares, 1000):
        labels = np.zeros(images, np.int64)
        before = np.where(np.arange(images) < won, 1, 0)
        after = np.where(np.arange(images) >= images - lost, 1, 0)
        base = accurate(cell(), images - int(won), images)
        new = accurate(changed(), images - int(lost), images)
        kept = {base.arm: before, "labels|digits": labels}
        found = judge_accuracy(base, new, kept, {new.arm: after}, allowed=0.3)
        assert found is not None
        assert found.p is not None
        wrong += found.p < 0.05
    assert wrong <= 65


@pytest.mark.parametrize(
    ("lost", "gained", "images", "drop"),
    [
        (40, 12, 360, 0.02),
        (40, 12, 360, 0.3),
        (7, 3, 100, 0.1),
        (0, 9, 50, 0.2),
        (12, 40, 360, 0.5),
    ],
)
def test_the_score_is_tangos(lost: int, gained: int, images: int, drop: float) -> None:
    """With the share of images gained that makes these counts likeliest, found by trying."""
    share = np.linspace(1e-9, (1 - drop) / 2 - 1e-9, 2_000_001)
    likelihood = (
        lost * np.log(share + drop)
        + gained * np.log(share)
        + (images - lost - gained) * np.log(1 - 2 * share - drop)
    )
    likeliest = share[likelihood.argmax()]
    error = math.sqrt(images * (2 * likeliest + drop * (1 - drop)))
    distance = lost - gained - images * drop
    wanted = math.copysign(abs(distance) - 0.5, distance) / error
    assert _score(lost, gained, images, drop) == pytest.approx(wanted, rel=1e-5)
    turned = _score(gained, lost, images, -drop)
    assert turned == pytest.approx(-wanted, rel=1e-5)


def test_shares_of_other_images_are_held_against_each_other_as_agresti_and_caffo_do() -> None:
    """90 of 100 and 150 of 200, each with one more right and one more wrong."""
    base, new = accurate(cell(), 90, 100), accurate(changed(), 150, 200)
    found = judge_accuracy(base, new, {}, {}, allowed=2.0)
    assert found is not None
    before, after = 91 / 102, 151 / 202
    error = math.sqrt(before * (1 - before) / 102 + after * (1 - after) / 202)
    ends = [100 * (before - after + sign * 1.959964 * error) for sign in (-1, 1)]
    assert (found.low, found.high) == pytest.approx(ends)
    assert found.drop == pytest.approx(15)
    assert found.p == pytest.approx(NormalDist().cdf((0.02 - before + after) / error))


@given(
    st.integers(50, 10_000).flatmap(
        lambda n: st.tuples(st.integers(0, n // 4), st.integers(0, n // 4), st.just(n))
    ),
    st.floats(0.0005, 0.2),
)
def test_tango_s_score_is_that_of_the_likeliest_shares(
    counts: tuple[int, int, int], drop: float
) -> None:
    """The shares that make the counts likeliest where accuracy fell by `drop`, as SciPy finds them.

    Half an image is taken off the distance: the continuity correction.
    """
    lost, gained, images = counts

    def unlikely(only_gained: float) -> float:
        rest = images - lost - gained
        shares = only_gained + drop, only_gained, 1 - 2 * only_gained - drop
        return -float(sum(xlogy((lost, gained, rest), shares)))

    end = (1 - drop) / 2
    found = minimize_scalar(unlikely, bounds=(0, end), method="bounded", options={"xatol": 1e-12})
    distance = lost - gained - images * drop
    corrected = math.copysign(max(abs(distance) - 0.5, 0), distance)
    score = corrected / math.sqrt(images * (2 * found.x + drop * (1 - drop)))
    assert _score(lost, gained, images, drop) == pytest.approx(score, rel=1e-3, abs=1e-6)
