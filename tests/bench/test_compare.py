"""The gate over two results files: it finds what got worse, and does not cry wolf."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.compare import compare_results
from bench.comparison import Comparison
from bench.judging_accuracy import judge_accuracy, paired_interval
from bench.judging_speed import ASSUMED_SPREAD, SpeedFinding, Spread, judge_speed
from bench.results import Row, beside, write_csv, write_predictions
from bench.stats import PairedRatio, paired_ratio
from zoo.errors import UsageError, ZooError

Compare = Callable[..., Comparison]
OLD, NEW = "a" * 64, "b" * 64
IMAGES = 10_000
RATIOS = st.floats(0.2, 5.0)
ERRORS = st.floats(0.0, 0.3)


def cell(p50: float | None = 1.0, error: float = 0.005, **parts: Any) -> Row:
    """A measured row. error: half the interval of p50, as a share."""
    facts: dict[str, Any] = {
        "subject": "cnn-digits",
        "precision": "fp32",
        "runtime": "onnxruntime",
        "provider": "cpu",
        "boundary": "host",
        "threads": 1,
        "batch": 1,
        "scenario": "latency",
        "model": "cnn",
        "dataset": "digits",
        "file_bytes": 1_000_000,
        "sha256": OLD,
        "engine": "onnxruntime 1.31.1",
        "nodes": 40,
        "placed_share": 1.0,
        "n": 1000,
        "blocks": 20,
        "machine": "here",
    }
    if p50 is not None:
        facts |= {"p50_ms": p50, "p50_low_ms": p50 * (1 - error), "p50_high_ms": p50 * (1 + error)}
    return Row(**(facts | parts))


def changed(p50: float | None = 1.0, error: float = 0.005, **parts: Any) -> Row:
    """The same cell of another file."""
    return cell(p50, error, **({"sha256": NEW} | parts))


def accurate(row: Row, correct: int, images: int = IMAGES, source: str = "measured") -> Row:
    return replace(
        row,
        accuracy=correct / images,
        correct=correct,
        images=images,
        accuracy_source=source,
    )


def twins(*p50s: float) -> list[Row]:
    """Rows of something that does not change; they show how sittings differ."""
    return [cell(p50, subject="still", model="still", batch=n) for n, p50 in enumerate(p50s, 1)]


QUIET_BASE, QUIET_NEW = twins(1, 1, 1, 1, 1), twins(1.01, 0.99, 1.01, 0.99, 1.005)


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    def run(base: Sequence[Row], new: Sequence[Row], **options: Any) -> Comparison:
        write_csv(tmp_path / "base.csv", base)
        write_csv(tmp_path / "new.csv", new)
        return compare_results(tmp_path / "base.csv", tmp_path / "new.csv", **options)

    return run


def speed_of(found: Comparison, index: int = 0) -> SpeedFinding:
    speed = found.rows[index].speed
    assert speed is not None
    return speed


def again(*ratios: float, noise: float = 0.001) -> Callable[[Row, Row], PairedRatio]:
    """Measures these ratios, one a call, as five instances of pairs would."""
    left = iter(ratios)

    def measure(base: Row, new: Row) -> PairedRatio:
        ratio = next(left)
        luck = np.exp(noise * np.array([-1.0, -0.5, 0.0, 0.5, 1.0]))
        return paired_ratio([np.array([[1.0, ratio * x, ratio * x, 1.0]] * 9) for x in luck])

    return measure


# Time


def test_a_planted_slowdown_is_proven(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [changed(1.2), *QUIET_NEW])
    speed = speed_of(found)
    assert (speed.how, speed.verdict, speed.outcome) == ("sittings", "slower", "breach")
    assert speed.ratio == pytest.approx(1.2)
    assert speed.low is not None
    assert speed.low > 1.05
    assert "measured on 5 unchanged rows" in speed.text
    assert [breach.kind for breach in found.breaches] == ["slower"]
    assert found.exit_code == 1


def test_a_slowdown_within_the_limit_is_told_but_no_breach(compare: Compare) -> None:
    found = compare([cell()], [changed()], remeasure=again(1.03))
    assert speed_of(found).verdict == "slower"
    assert speed_of(found).outcome == "held"
    assert (found.breaches, found.exit_code) == ((), 0)
    assert compare([cell()], [changed()], remeasure=again(1.03), strict=True).exit_code == 0


def test_what_is_not_sure_is_no_breach_unless_strict(compare: Compare) -> None:
    base, new = [cell(), *QUIET_BASE], [changed(1.07), *twins(1.04, 0.95, 1.05, 0.96, 1.0)]
    found = compare(base, new)
    assert speed_of(found).outcome == "inconclusive"
    assert (found.inconclusive, found.exit_code) == (1, 0)
    assert compare(base, new, strict=True).exit_code == 1


def test_few_unchanged_rows_leave_the_assumed_spread(compare: Compare) -> None:
    speed = speed_of(compare([cell()], [changed()]))
    assert "taken as 5.0 %" in speed.text
    assert speed.high is not None
    assert speed.high == pytest.approx(math.exp(1.96 * ASSUMED_SPREAD), abs=0.002)
    # Unless even those few are further apart.
    assert Spread.of([0.2]).sd == pytest.approx(0.2)
    assert Spread.of([0.01, -0.01]).sd == ASSUMED_SPREAD


def test_a_sitting_that_was_slower_as_a_whole_proves_nothing(compare: Compare) -> None:
    slow = twins(1.2, 1.21, 1.2, 1.19, 1.2)
    found = compare([cell(), *QUIET_BASE], [changed(1.2), *slow])
    assert found.breaches == ()
    assert any("the machine or its settings changed" in note for note in found.notes)


def test_measured_again_is_the_only_evidence(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [changed(1.5), *QUIET_NEW], remeasure=again(1.0))
    assert (speed_of(found).how, speed_of(found).verdict) == ("paired", "same")
    assert "measured again in turns, 5 instances" in speed_of(found).text
    assert found.exit_code == 0
    found = compare([cell(), *QUIET_BASE], [changed(1.0), *QUIET_NEW], remeasure=again(1.1))
    assert speed_of(found).outcome == "breach"


def test_what_did_not_change_is_not_measured_again(compare: Compare) -> None:
    asked: list[Row] = []
    new = twins(1.001, 0.999, 1.001, 0.999, 1.001)
    found = compare(QUIET_BASE, new, remeasure=lambda base, _: asked.append(base))
    assert asked == []
    assert {row.verdict for row in found.rows} == {"same (same file and engine)"}
    assert "same file, same engine" in speed_of(found).text
    assert (found.inconclusive, found.exit_code) == (0, 0)


@pytest.mark.parametrize("failing", [False, True])
def test_where_it_cannot_be_measured_again_the_sittings_count(
    compare: Compare, failing: bool
) -> None:
    def measure(base: Row, new: Row) -> None:
        if failing:
            raise ZooError("no such file")

    found = compare([cell(), *QUIET_BASE], [changed(1.2), *QUIET_NEW], remeasure=measure)
    assert (speed_of(found).how, speed_of(found).outcome) == ("sittings", "breach")
    assert ("could not be measured again: no such file" in speed_of(found).text) == failing


def test_the_very_same_thing_is_no_breach_however_slow(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [cell(1.5), *QUIET_NEW])
    assert speed_of(found).how == "identical"
    assert speed_of(found).verdict == "slower"
    assert (speed_of(found).outcome, found.breaches) == ("inconclusive", ())
    assert "not the model" in speed_of(found).text


@pytest.mark.parametrize(
    "parts",
    [{"engine": "onnxruntime 1.32.0"}, {"tf32": True}, {"nodes": 60}, {"conv_search": "heuristic"}],
    ids=lambda parts: next(iter(parts)),
)
def test_the_same_file_run_otherwise_is_not_the_same_thing(
    compare: Compare, parts: dict[str, Any]
) -> None:
    found = compare([cell(), *QUIET_BASE], [cell(1.5, **parts), *QUIET_NEW])
    assert speed_of(found).outcome == "breach"
    assert next(iter(parts)) in found.rows[0].changed


@pytest.mark.parametrize(
    "new",
    [changed(None), changed(p50_low_ms=None), changed(p50_low_ms=-0.1), changed(0.0)],
    ids=["no p50", "no interval", "an interval below 0", "no time at all"],
)
def test_without_an_interval_there_is_no_verdict(compare: Compare, new: Row) -> None:
    found = compare([cell()], [new])
    assert speed_of(found).how == "none"
    assert speed_of(found).text == "no p50 with an interval in new"
    assert (found.inconclusive, found.exit_code) == (1, 0)


def test_a_single_instance_proves_nothing(compare: Compare) -> None:
    alone = paired_ratio([np.array([[1.0, 2.0, 2.0, 1.0]] * 9)])
    found = compare([cell()], [changed()], remeasure=lambda *_: alone)
    assert (speed_of(found).low, speed_of(found).verdict) == (None, "inconclusive")
    json.dumps(found.to_json(), allow_nan=False)


@given(ratio=RATIOS, errors=st.tuples(ERRORS, ERRORS), shifts=st.lists(RATIOS, max_size=6))
def test_swapping_the_files_swaps_the_verdict(
    ratio: float, errors: tuple[float, float], shifts: list[float]
) -> None:
    base, new = cell(1.0, errors[0]), changed(ratio, errors[1])
    logs = [math.log(shift) for shift in shifts]
    forth = judge_speed(base, new, None, Spread.of(logs), allowed=0.05, margin=0.02)
    back = judge_speed(
        new, base, None, Spread.of([-log for log in logs]), allowed=0.05, margin=0.02
    )
    assert forth.ratio is not None
    assert forth.low is not None
    assert back.high is not None
    assert forth.ratio * (back.ratio or 0) == pytest.approx(1)
    assert forth.low * back.high == pytest.approx(1)
    swapped = {"faster": "slower", "slower": "faster"}
    assert swapped.get(forth.verdict, forth.verdict) == back.verdict


@given(ratio=RATIOS, error=ERRORS, spread=st.floats(0, 0.3), df=st.integers(3, 50))
def test_a_wider_spread_never_proves_more(
    ratio: float, error: float, spread: float, df: int
) -> None:
    def p(sd: float) -> float:
        pair = cell(1.0, error), changed(ratio, error)
        found = judge_speed(*pair, None, Spread(sd, df, df), allowed=0.05, margin=0.02)
        assert found.p is not None
        assert found.low is not None
        assert (found.p < 0.025) == (found.low > 1.05) or found.p == pytest.approx(0.025)
        return found.p

    if ratio > 1.05:
        assert p(spread) <= p(spread + 0.1) + 1e-3  # degrees of freedom shift a little
    else:
        assert p(spread) >= 0.5 - 1e-9


# Many rows


def _noise(random: np.random.Generator, sitting: float) -> tuple[list[Row], list[Row]]:
    """Two sittings of 40 changed cells and 6 unchanged ones, nothing of which got slower."""
    files: list[list[Row]] = []
    for make in (cell, changed):
        luck = np.exp(sitting * random.standard_normal(46) / math.sqrt(2))
        rows = [make(float(x), 0.01, batch=n) for n, x in enumerate(luck[:40])]
        files.append([*rows, *twins(*luck[40:])])
    return files[0], files[1]


def _cries_wolf(base: Sequence[Row], new: Sequence[Row], folder: Path, **options: Any) -> bool:
    for name, rows in (("base.csv", base), ("new.csv", new)):
        write_csv(folder / name, rows)
    found = compare_results(folder / "base.csv", folder / "new.csv", max_slowdown=0.0, **options)
    return any(breach.kind == "slower" for breach in found.breaches)


def test_pure_noise_in_many_rows_cries_wolf_in_few_comparisons(tmp_path: Path) -> None:
    """At the sharpest limit, nothing slower at all, where the tests are at their level."""
    random = np.random.default_rng(7)
    cries = sum(_cries_wolf(*_noise(random, 0.03), tmp_path) for _ in range(300))
    assert cries <= 15  # 5 %; 7.5 are expected at most


def test_noise_measured_again_cries_wolf_in_few_comparisons(tmp_path: Path) -> None:
    random = np.random.default_rng(8)

    def measure(base: Row, new: Row) -> PairedRatio:
        ratios = np.exp(random.normal(0, 0.004, 5))
        return paired_ratio([np.array([[1.0, ratio, ratio, 1.0]]) for ratio in ratios])

    base, new = _noise(random, 0.03)
    cries = sum(_cries_wolf(base, new, tmp_path, remeasure=measure) for _ in range(300))
    assert 1 <= cries <= 15  # without Holm nearly two in three


def test_one_slow_row_is_found_among_many(compare: Compare) -> None:
    base = [cell(batch=n) for n in range(1, 41)]
    new = [changed(batch=n) for n in range(1, 41)]
    found = compare(base, new, remeasure=again(*[1.0] * 17, 1.2, *[1.0] * 22))
    assert [breach.what for breach in found.breaches] == ["cnn fp32, batch 18"]


# Accuracy


def _answers(right: np.ndarray, labels: np.ndarray) -> np.ndarray:
    return np.where(right, labels, (labels + 1) % 10).astype(np.int64)


class Sitting:
    """Two files' predictions: `lost` and `gained` pictures of 10,000, 9,000 right before."""

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


def test_pictures_lost_prove_a_drop(compare: Compare, tmp_path: Path) -> None:
    found = Sitting(90, 10).compare(compare, tmp_path)
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.how, accuracy.lost, accuracy.gained) == ("pictures", 90, 10)
    assert accuracy.drop == pytest.approx(0.8)
    assert accuracy.mcnemar_p is not None
    assert accuracy.mcnemar_p < 1e-6
    assert [breach.kind for breach in found.breaches] == ["accuracy"]
    assert found.exit_code == 1


def test_as_many_gained_as_lost_is_no_drop(compare: Compare, tmp_path: Path) -> None:
    found = Sitting(40, 40).compare(compare, tmp_path)
    accuracy = found.rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.outcome, accuracy.drop, accuracy.mcnemar_p) == ("held", 0, 1)
    assert "-0.00" not in "".join(found.lines())


def test_a_drop_just_beyond_the_limit_is_not_proven(compare: Compare, tmp_path: Path) -> None:
    found = Sitting(60, 20).compare(compare, tmp_path)  # 0.4 points, 0.3 are allowed
    assert found.rows[0].inconclusive[-1:] == ("accuracy",)
    assert found.breaches == ()


def test_without_labels_the_classes_still_bound_it(compare: Compare, tmp_path: Path) -> None:
    sharp = Sitting(150, 0).compare(compare, tmp_path).rows[0].accuracy
    found = Sitting(150, 0).compare(compare, tmp_path, labels=False)
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
    pair = Sitting(90, 10)
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
        "the same file, by its card",
    )


def test_an_accuracy_that_is_gone_is_inconclusive(compare: Compare) -> None:
    new = changed(accuracy_reason="no data")
    accuracy = compare([accurate(cell(), 9000)], [new]).rows[0].accuracy
    assert accuracy is not None
    assert (accuracy.outcome, accuracy.text) == ("inconclusive", "no accuracy in new: no data")
    assert compare([cell()], [accurate(changed(), 9000)]).rows[0].accuracy is None


def test_rows_of_one_session_are_one_breach(compare: Compare) -> None:
    base = [accurate(cell(batch=n), 9000) for n in (1, 8, 64)]
    new = [accurate(changed(batch=n), 8000) for n in (1, 8, 64)]
    found = compare(base, new)
    assert [(breach.kind, breach.what) for breach in found.breaches] == [("accuracy", "cnn fp32")]
    assert all(row.breaches for row in found.rows)


@pytest.mark.parametrize(
    ("lost", "gained", "images", "low", "high"),
    # Tango (1998), without his correction's half picture, to which many pictures are close.
    [(1200, 1100, 100_000, 0.00006, 0.00194), (500, 500, 50_000, -0.00124, 0.00124)],
)
def test_the_paired_interval_is_the_usual_one_for_many_pictures(
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


# Everything else


def test_rows_are_added_removed_and_lost(compare: Compare) -> None:
    failed = cell(None, batch=4, status="failed", reason="killed")
    base = [cell(batch=n) for n in (1, 2, 3, 4, 5)] + [replace(failed, batch=6), cell(batch=8)]
    new = [
        cell(batch=1),
        failed,
        cell(None, batch=5, status="skipped", reason="no such thing"),
        cell(batch=7),
        cell(batch=8),
    ]
    found = compare(base, new)
    assert found.added == ("cnn fp32, batch 7",)
    assert found.removed == tuple(f"cnn fp32, batch {n}" for n in (2, 3, 6))
    assert [(breach.kind, breach.what) for breach in found.breaches] == [
        ("lost", "cnn fp32, batch 4"),
        ("lost", "cnn fp32, batch 2"),
        ("lost", "cnn fp32, batch 3"),
    ]
    assert found.breaches[0].text == "failed: killed"
    assert found.rows[2].note == "skipped in new: no such thing"
    assert found.exit_code == 1
    assert "--subset" in found.breaches[1].text
    found = compare(base, new, subset=True)
    assert [breach.what for breach in found.breaches] == ["cnn fp32, batch 4"]
    assert len(found.removed) == 3


def test_a_file_of_other_origin_may_have_moved(compare: Compare) -> None:
    def foreign(path: str, **parts: Any) -> Row:
        return cell(subject=path, precision="file", model=None, **parts)

    found = compare([foreign("old/a.onnx")], [foreign("new/a.onnx", sha256=NEW)])
    assert (len(found.rows), found.added, found.removed) == (1, (), ())
    two = [foreign("old/a.onnx"), foreign("other/a.onnx")]
    found = compare(two, [foreign("old/a.onnx"), foreign("new/a.onnx")])
    assert [row.key[0] for row in found.rows] == ["old/a.onnx"]
    assert (len(found.added), len(found.removed)) == (1, 1)


def test_a_recorded_graph_is_another_cell(compare: Compare) -> None:
    found = compare([cell(), cell(batch=2)], [cell(cuda_graph=True), cell(batch=2)])
    assert len(found.rows) == 1
    assert found.added == ("cnn fp32 CUDA graph, batch 1",)
    assert compare([cell(cuda_graph=None)], [cell(cuda_graph=False)]).rows


def test_a_row_that_works_again_is_no_breach(compare: Compare) -> None:
    base = [cell(), cell(None, batch=2, status="failed", reason="killed")]
    found = compare(base, [cell(), cell(batch=2)])
    assert found.exit_code == 0
    assert found.rows[1].verdict == "failed in base: killed"


@pytest.mark.parametrize(
    ("base", "new", "breach"),
    [
        ({}, {"placed_share": 0.9}, True),
        ({}, {"elsewhere": "Conv on the CPU"}, True),
        ({"elsewhere": "Conv"}, {"elsewhere": "Conv"}, False),
        ({"placed_share": 0.9}, {"placed_share": 1.0}, False),
        # One node of 40 elsewhere, then one of 30: nothing moved.
        ({"placed_share": 39 / 40}, {"nodes": 30, "placed_share": 29 / 30}, False),
        ({"placed_share": 39 / 40}, {"nodes": 30, "placed_share": 28 / 30}, True),
    ],
)
def test_placement(
    compare: Compare, base: dict[str, Any], new: dict[str, Any], breach: bool
) -> None:
    found = compare([cell(**base)], [changed(**new)])
    assert [one.kind for one in found.breaches] == (["placement"] if breach else [])


def test_placement_that_is_not_known_any_more_is_inconclusive(compare: Compare) -> None:
    assert "placement" in compare([cell()], [changed(placed_share=None)]).rows[0].inconclusive


def test_growth_is_a_breach_where_it_is_limited(compare: Compare) -> None:
    base = [cell(), cell(batch=8)]
    new = [changed(file_bytes=1_200_000), changed(batch=8, file_bytes=1_200_000)]
    assert compare(base, new).breaches == ()
    found = compare(base, new, max_growth=0.1)
    assert [(one.kind, one.what, one.text) for one in found.breaches] == [
        ("size", "cnn fp32", "1.2 MB (+20.0 %)")
    ]
    assert compare(base, new, max_growth=0.2).breaches == ()


def test_two_machines_are_refused_unless_told(compare: Compare) -> None:
    base, new = [cell(), cell(batch=2)], [changed(3.0, machine="there"), cell(batch=2)]
    with pytest.raises(UsageError, match=r"machine here.*there.*--any-machine") as error:
        compare(base, new)
    assert error.value.exit_code == 2
    found = compare(base, new, any_machine=True)
    assert speed_of(found).ratio == pytest.approx(3.0)
    assert (speed_of(found).verdict, speed_of(found).outcome) == ("inconclusive", "inconclusive")
    assert found.exit_code == 0
    found = compare(base, new, any_machine=True, remeasure=again(1.2))
    assert speed_of(found).outcome == "breach"


@pytest.mark.parametrize(
    ("base", "new", "told"),
    [("h1", "h1", None), (None, None, None), ("h1", "h2", "h1 -> h2"), (None, "h2", "unknown -> ")],
)
def test_another_harness_is_a_warning(
    compare: Compare, base: str | None, new: str | None, told: str | None
) -> None:
    found = compare([cell(harness=base)], [changed(harness=new)])
    notes = [note for note in found.notes if "the harness changed" in note]
    assert len(notes) == (told is not None)
    assert told is None or told in notes[0]
    assert found.exit_code == 0


def test_the_same_file_on_two_machines_sets_no_spread(compare: Compare) -> None:
    new = [replace(row, machine="there") for row in twins(2.0, 3.0, 2.5, 2.1)]
    found = compare([cell(), *twins(1, 1, 1, 1)], [changed(), *new], any_machine=True)
    assert "taken as 5.0 %" in speed_of(found).text
    assert speed_of(found, 1).outcome == "held"
    assert not any("measure the baseline again" in note for note in found.notes)


def test_a_file_against_itself_is_all_the_same(compare: Compare, tmp_path: Path) -> None:
    compare([accurate(cell(), 9000), changed(2.0, batch=4)], [cell()])
    path = tmp_path / "base.csv"
    found = compare_results(path, path, strict=True, max_growth=0.0)
    assert {speed_of(found, index).verdict for index in (0, 1)} == {"same"}
    assert (found.breaches, found.rows[1].inconclusive) == ((), ())


def test_rows_that_a_sweep_took_over_say_nothing_of_the_spread(compare: Compare) -> None:
    found = compare([cell(), *QUIET_BASE], [changed(1.1), *QUIET_BASE])
    assert "taken as 5.0 %" in speed_of(found).text
    assert speed_of(found, 1).text == "one measurement, in both files"
    assert (speed_of(found, 1).verdict, found.breaches) == ("same", ())


def test_the_last_of_two_measurements_of_a_row_counts(compare: Compare) -> None:
    found = compare([cell(9.0), cell(1.0)], [cell(1.0)])
    assert speed_of(found).base_ms == 1.0
    assert any("1 row measured again later in it" in note for note in found.notes)


def test_nothing_in_common_is_refused(compare: Compare) -> None:
    with pytest.raises(UsageError, match=r"no row in common.*batch 1.*batch 2.*same options"):
        compare([cell()], [cell(batch=2)])


def test_no_rows_are_refused(compare: Compare) -> None:
    with pytest.raises(UsageError, match="has no rows"):
        compare([cell()], [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no results file"),
        ("a,b\n1,2\n", "no results file"),
        ("subject,runtime,schema\ncnn,onnxruntime,99\n", "schema 99"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write_csv(tmp_path / "base.csv", [cell()])
    (tmp_path / "new.csv").write_text(text)
    with pytest.raises(ZooError, match=message):
        compare_results(tmp_path / "base.csv", tmp_path / "new.csv")


def test_a_missing_file_and_damaged_predictions_are_told(compare: Compare, tmp_path: Path) -> None:
    write_csv(tmp_path / "base.csv", [cell()])
    with pytest.raises(UsageError, match=r"there is no file .*none\.csv"):
        compare_results(tmp_path / "base.csv", tmp_path / "none.csv")
    beside(tmp_path / "base.csv", "predictions.npz").write_bytes(b"PK not a zip")
    with pytest.raises(ZooError, match=r"base\.predictions\.npz cannot be read"):
        compare([cell()], [cell()])


@pytest.mark.parametrize(
    "limit", [{"max_slowdown": -0.1}, {"margin": math.nan}, {"max_growth": math.inf}]
)
def test_limits_that_make_no_sense_are_refused(compare: Compare, limit: dict[str, float]) -> None:
    option = f"--{next(iter(limit)).replace('_', '-')}"
    with pytest.raises(UsageError, match=f"{option} is"):
        compare([cell()], [cell()], **limit)


# Telling


def test_markdown_begins_with_the_summary_and_escapes(compare: Compare) -> None:
    evil = "a|b<img src=x>`@you`\n# [x](y)"
    base = [cell(subject=evil, model=None), cell(batch=2)]
    new = [changed(1.5, subject=evil, model=None), cell(batch=2)]
    text = compare(base, new, remeasure=again(1.5)).markdown()
    assert text.startswith("**Benchmark: 1 proven breach, 2 rows compared, 0 inconclusive")
    assert text.isascii() or "�" in text
    assert "<img" not in text
    assert "@you" not in text
    assert "](y)" not in text.replace("\\](y)", "")
    cells = [line.replace("\\|", "") for line in text.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in cells} == {7}
    assert text.count("<details>") == text.count("</details>") == 2


def test_lines_hold_everything_and_steer_no_terminal(compare: Compare) -> None:
    base = [cell(subject="\x1b[2Jx", model=None), accurate(cell(batch=2), 9000), cell(batch=4)]
    new = [changed(subject="\x1b[2Jx", model=None), accurate(changed(batch=2), 9000)]
    found = compare(base, new, remeasure=again(1.0, 1.2))
    text = "\n".join(found.lines())
    assert "\x1b" not in text
    assert found.summary in found.lines()[0]
    assert "BREACH slower: cnn fp32, batch 2: x1.200 (1.1" in text
    assert "removed  cnn fp32, batch 4" in text
    assert "accuracy of cnn fp32, batch 2: shares only" in text


def test_json_holds_everything(compare: Compare) -> None:
    found = compare([accurate(cell(), 9000)], [accurate(changed(), 8000)])
    told = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert told["exit_code"] == 1
    assert told["inconclusive"] == 1
    assert told["rows"][0]["accuracy"]["drop"] == pytest.approx(10)
    assert told["rows"][0]["inconclusive"] == ["time"]
    assert told["breaches"][0]["kind"] == "accuracy"


@settings(max_examples=50, deadline=None)
@given(
    p50s=st.lists(st.tuples(RATIOS, RATIOS, ERRORS), min_size=1, max_size=8),
    same=st.booleans(),
    correct=st.tuples(st.integers(0, 100), st.integers(0, 100)),
)
def test_whatever_was_measured_can_be_told(
    tmp_path_factory: pytest.TempPathFactory,
    p50s: list[tuple[float, float, float]],
    same: bool,
    correct: tuple[int, int],
) -> None:
    folder = tmp_path_factory.mktemp("any")
    make = cell if same else changed
    base = [accurate(cell(a, e, batch=n), correct[0], 100) for n, (a, _, e) in enumerate(p50s)]
    new = [accurate(make(b, e, batch=n), correct[1], 100) for n, (_, b, e) in enumerate(p50s)]
    write_csv(folder / "base.csv", base)
    write_csv(folder / "new.csv", new)
    forth = compare_results(folder / "base.csv", folder / "new.csv")
    back = compare_results(folder / "new.csv", folder / "base.csv")
    assert not {one.what for one in forth.breaches} & {one.what for one in back.breaches}
    for found in (forth, back):
        json.dumps(found.to_json(), allow_nan=False)
        assert len(found.lines()) >= 2 + len(p50s)
        assert found.markdown().endswith("\n")
