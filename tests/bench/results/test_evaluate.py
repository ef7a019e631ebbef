"""Every figure of a row from its raw samples alone, also from those that were written down."""

import math
import statistics
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.results.evaluate import add_break_even, evaluate
from bench.results.journal import Journal, read_samples
from bench.results.results_file import read_csv
from bench.results.rows import Row
from bench.results.samples import Block, Samples
from bench.stats.ratios import paired_ratio
from bench.stats.stats import median_interval, percentile
from tests.factories import asked

MS = 1_000_000


def blocks(
    median_ms: float = 1.0, count: int = 12, calls: int = 50, seed: int = 0, **facts: Any
) -> list[Block]:
    random = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        ns = [int(value) for value in median_ms * MS * np.exp(random.normal(0, 0.02, calls))]
        made.append(Block(ns, sum(ns) + 1000 * calls, **facts))
    return made


def turns(ratio: float, instances: int = 5, rows: int = 40, noise: float = 0.002) -> Any:
    random = np.random.default_rng(1)
    made = []
    for _ in range(instances):
        quads = MS * np.exp(random.normal(0, noise, (rows, 4)))
        quads[:, 1:3] *= ratio
        made.append([[int(value) for value in quad] for quad in quads])
    return made


def evaluated(samples: Samples, reference: Row | None = None, **parts: Any) -> Row:
    made = asked(**({"batch": 4, "margin": 0.02} | parts))
    evaluate(made, samples, reference)
    return made


EVERYTHING = Samples(
    blocks=blocks(evidence={"steal_share": 0.01, "delay_share": None, "clock_mhz": 3000.0}),
    floor_ns=[200, 300, 250],
    turns=turns(1.1),
    starts=[{"cold": 300 * MS, "load": 20 * MS, "first": 3 * MS}] * 2
    + [{"cold": 900 * MS, "load": 10 * MS, "first": 5 * MS}],
)


def test_the_figures_of_an_arm_by_itself() -> None:
    found = evaluated(EVERYTHING)
    pool = np.concatenate([one.ns for one in EVERYTHING.blocks]) / MS
    assert (found.n, found.blocks) == (600, 12)
    assert found.p50_ms == pytest.approx(np.median(pool))
    assert found.p90_ms == pytest.approx(np.quantile(pool, 0.9))
    as_floats = [np.asarray(one.ns, float) for one in EVERYTHING.blocks]
    _, low, high = median_interval(as_floats)
    assert (found.p50_low_ms, found.p50_high_ms) == (low / MS, high / MS)
    wall = sum(one.wall_ns for one in EVERYTHING.blocks) / 1e9
    assert found.images_per_second == pytest.approx(600 * 4 / wall)
    assert found.floor_us == 0.25
    assert found.floor_share == pytest.approx(0.25e-3 / found.p50_ms)
    assert found.steal_share == pytest.approx(0.01)
    assert (found.delay_share, found.pressure_share) == (None, None)
    assert found.clock_mhz == pytest.approx(3000)


def test_the_figures_of_a_pair() -> None:
    found = evaluated(EVERYTHING)
    wanted = paired_ratio([np.asarray(one, float) for one in EVERYTHING.turns])
    assert (found.ratio, found.ratio_low, found.ratio_high) == (
        wanted.ratio,
        wanted.low,
        wanted.high,
    )
    assert found.ratio == pytest.approx(1.1, rel=0.01)
    assert (found.instances, found.turns, found.verdict) == (5, 200, "slower")
    assert evaluated(EVERYTHING, margin=0.5).verdict == "same"


def test_cold_costs_are_medians() -> None:
    found = evaluated(EVERYTHING)
    assert (found.starts, found.cold_ms, found.load_ms, found.first_ms) == (3, 300, 20, 3)


def test_every_figure_can_be_computed_again_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = Journal(path)
    reference = evaluated(Samples(blocks=blocks(0.9, seed=5)), cell="c0", precision="fp32")
    measured = evaluated(
        EVERYTHING, reference, precision="int8", wrong_answers=3, steady=False, rerun=2
    )
    journal.add(reference, Samples(blocks=blocks(0.9, seed=5)))
    journal.add(measured, EVERYTHING)
    kept = read_samples(path)
    assert kept["c1"] == EVERYTHING
    first, second = read_csv(path)
    assert second == measured
    empty = {
        name: None
        for name in asdict(measured)
        if name.startswith(("p50", "p9", "ratio", "floor", "cold", "load_", "first"))
        or name in ("n", "blocks", "images_per_second", "withheld", "warnings", "verdict", "turns")
    }
    assert len(empty) > 15
    for written, before in ((first, None), (second, first)):
        again = replace(written, **empty)
        evaluate(again, kept[written.cell], before)
        assert again == written


def test_percentiles_are_withheld_with_the_reason() -> None:
    few = evaluated(Samples(blocks=blocks(count=10, calls=4)))
    assert (few.p90_ms, few.p99_ms, few.p999_ms) == (None, None, None)
    assert few.withheld == "p90: n=40 < 46; p99: n=40 < 473; p999: n=40 < 4742"
    more = evaluated(Samples(blocks=blocks(count=12, calls=50)))
    assert more.p90_ms is not None
    assert more.p999_ms is None
    assert more.withheld is not None
    assert "p90" not in more.withheld
    assert "p999: n=600 < 4742" in more.withheld
    many = evaluated(Samples(blocks=blocks(count=100, calls=100)))
    assert many.withheld is None
    assert many.p50_ms < many.p90_ms < many.p99_ms < many.p999_ms  # type: ignore[operator]


def test_the_interval_of_few_blocks_is_of_times_or_withheld_with_the_reason() -> None:
    def of(*levels: int) -> Row:
        return evaluated(Samples(blocks=[Block([level * MS], level * MS) for level in levels]))

    told = of(200, 261, 350)
    assert told.p50_low_ms is not None
    assert told.p50_high_ms is not None
    assert 0 < told.p50_low_ms < 261 < told.p50_high_ms
    assert "interval" not in str(told.withheld)
    wild = of(61, 261, 900)
    assert (wild.p50_ms, wild.p50_low_ms, wild.p50_high_ms) == (261, None, None)
    assert str(wild.withheld).startswith("interval of p50: blocks=3 from 61.0 to 900 ms; p90: ")


def test_clustered_samples_count_for_less() -> None:
    random = np.random.default_rng(3)
    made = [Block([int(MS * level)] * 100, 100 * MS) for level in np.exp(random.normal(0, 0.5, 10))]
    found = evaluated(Samples(blocks=made))
    assert found.p90_ms is None
    assert "p90: n=1000 (worth " in str(found.withheld)
    assert percentile([np.asarray(one.ns, float) for one in made], 0.9).value is None


@pytest.mark.parametrize(
    ("samples", "parts", "warning"),
    [
        (Samples(blocks=blocks(0.001), floor_ns=[250]), {}, "25% of p50 is the harness"),
        (Samples(blocks=blocks(), floor_ns=[250]), {}, None),
        (Samples(blocks=blocks(disturbed="steal")), {}, "12 of 12 blocks were disturbed by others"),
        (Samples(blocks=blocks()), {"steady": False}, "had not settled when the warm-up ended"),
        (Samples(blocks=blocks()), {"steady": True}, None),
        (Samples(blocks=blocks()), {"wrong_answers": 2}, "2 timed calls gave other logits"),
        (Samples(blocks=blocks()), {"wrong_answers": 0}, None),
        (
            Samples(blocks=blocks(), unpaired="it hung"),
            {},
            "it could not be paired with the reference: it hung",
        ),
        (
            Samples(blocks=blocks()),
            {"answers_vary": "it depends on its batch (much)", "accuracy_batch": 4},
            "it depends on its batch (much), so its accuracy is that of batch 4",
        ),
        (
            Samples(blocks=blocks()),
            {"class_order": "by name"},
            "the file lists the same classes in another order, so its answers are matched by name",
        ),
        (
            Samples(blocks=blocks()),
            {"classes": 10, "accuracy": 0.12, "accuracy_low": 0.09, "accuracy_high": 0.15},
            "its accuracy is no better than guessing one of 10 classes",
        ),
        (
            Samples(blocks=blocks()),
            {"classes": 10, "accuracy": 0.14, "accuracy_low": 0.11, "accuracy_high": 0.17},
            None,
        ),
    ],
)
def test_what_to_know_before_believing_a_row(
    samples: Samples, parts: dict[str, Any], warning: str | None
) -> None:
    found = evaluated(samples, **parts).warnings
    assert found is None if warning is None else warning in str(found)


def test_warnings_are_made_anew_and_add_up() -> None:
    samples = Samples(blocks=blocks(0.001, disturbed="steal"), floor_ns=[250])
    found = evaluated(samples, wrong_answers=1, warnings="an old one")
    told = str(found.warnings).split("; ")
    assert len(told) == 3
    evaluate(found, samples)
    assert str(found.warnings).split("; ") == told


class TestAgreement:
    """The ratio of the turns beside that of the two arms by themselves."""

    def found(self, solo: float, paired: float, **reference: Any) -> Row:
        other = evaluated(Samples(blocks=blocks(1.0, seed=2)))
        samples = Samples(blocks=blocks(solo, seed=3), turns=turns(paired))
        return evaluated(samples, replace(other, **reference))

    def test_they_agree(self) -> None:
        found = self.found(1.1, 1.1)
        assert found.ratio_agrees is True
        assert found.warnings is None

    def test_they_disagree(self) -> None:
        for solo in (1.5, 0.8):
            found = self.found(solo, 1.1)
            assert found.ratio_agrees is False
            assert f"p50 have the ratio {solo:.1f}" in str(found.warnings)

    def test_a_little_apart_is_no_warning(self) -> None:
        assert self.found(1.12, 1.1).ratio_agrees is True

    @pytest.mark.parametrize(
        "bounds",
        [
            {"p50_low_ms": None, "p50_high_ms": None},
            {"p50_low_ms": -3.0, "p50_high_ms": 9.0},
            {"p50_low_ms": 0.0, "p50_high_ms": 9.0},
        ],
    )
    def test_a_reference_of_which_little_is_known_contradicts_nothing(
        self, bounds: dict[str, Any]
    ) -> None:
        assert self.found(1.1, 1.1, **bounds).ratio_agrees is True
        assert self.found(1.5, 1.1, **bounds).ratio_agrees is True

    def test_nor_does_an_arm_of_a_single_block(self) -> None:
        other = evaluated(Samples(blocks=blocks(1.0, seed=2)))
        alone = Samples(blocks=blocks(1.5, count=1, seed=3), turns=turns(1.1))
        found = evaluated(alone, other)
        assert (found.p50_low_ms, found.p50_high_ms) == (None, None)
        assert str(found.withheld).startswith("interval of p50: blocks=1 < 3; p90: ")
        assert found.ratio_agrees is True

    def test_without_a_reference_nothing_is_said(self) -> None:
        found = evaluated(Samples(blocks=blocks(1.5), turns=turns(1.1)))
        assert (found.ratio_agrees, found.warnings) == (None, None)


def test_bounds_that_nothing_is_known_of_are_empty(tmp_path: Path) -> None:
    found = evaluated(Samples(blocks=blocks(count=1), turns=turns(1.0, instances=1)))
    assert found.p50_ms is not None
    assert (found.p50_low_ms, found.p50_high_ms, found.ratio_high) == (None, None, None)
    assert found.verdict == "inconclusive"
    numbers = [value for value in asdict(found).values() if isinstance(value, float)]
    assert all(map(math.isfinite, numbers))


def test_a_row_without_samples_stays_empty() -> None:
    found = evaluated(Samples())
    assert found == asked(batch=4, margin=0.02)


def test_what_is_known_of_evidence_is_weighted_by_time() -> None:
    made = [
        Block([MS], wall, None, {"steal_share": share})
        for wall, share in ((1000, 0.0), (3000, 0.4), (500, None))
    ]
    assert evaluated(Samples(blocks=made)).steal_share == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("cold", "call", "calls"), [(100.0, 0.5, 0), (900.0, 0.5, 801), (900.0, 1.5, None)]
)
def test_when_an_arm_has_overtaken_torch(cold: float, call: float, calls: int | None) -> None:
    torch = asked(runtime="torch", cold_ms=500.0, p50_ms=1.0)
    other = asked(cold_ms=cold, p50_ms=call)
    unknown = asked(cold_ms=None, p50_ms=1.0)
    elsewhere = asked(batch=64, cold_ms=1.0, p50_ms=1.0)
    add_break_even([torch, other, unknown, elsewhere])
    assert other.break_even_calls == calls
    assert [one.break_even_calls for one in (torch, unknown, elsewhere)] == [None] * 3


def test_the_floor_is_a_median() -> None:
    found = evaluated(Samples(blocks=blocks(), floor_ns=[100, 100, 5000]))
    assert found.floor_us == statistics.median([100, 100, 5000]) / 1e3


def test_the_first_call_at_another_batch_size_is_paid_for_by_both() -> None:
    torch = asked(runtime="torch", cold_ms=500.0, p50_ms=1.0, new_shape_ms=100.0)
    other = asked(cold_ms=900.0, p50_ms=0.5, new_shape_ms=40.0)
    add_break_even([torch, other])
    assert other.break_even_calls == 681  # (940 - 600) / 0.5, and one


def test_a_tenth_of_the_time_may_be_the_harness() -> None:
    made = [Block([MS] * 50, 50 * MS, None, {}) for _ in range(12)]
    assert evaluated(Samples(blocks=made, floor_ns=[MS // 10])).warnings is None
    warned = evaluated(Samples(blocks=made, floor_ns=[MS // 10 + 1000])).warnings
    assert warned is not None
    assert "10% of p50 is the harness" in warned


@pytest.mark.parametrize(("reference_ms", "agrees"), [(0.5, True), (0.6, False), (0.4, False)])
def test_by_themselves_two_arms_may_be_as_far_apart_as_in_turns(
    reference_ms: float, agrees: bool
) -> None:
    reference = evaluated(Samples(blocks=blocks(reference_ms, seed=5)))
    found = evaluated(Samples(blocks=blocks(1.0), turns=turns(2.0)), reference)
    assert found.ratio_agrees == agrees


@pytest.mark.parametrize("known", [0.5, 2.0])
def test_without_an_interval_two_arms_cannot_contradict_their_turns(known: float) -> None:
    reference = evaluated(Samples(blocks=blocks(1.0, count=1)))
    assert reference.p50_interval is None
    found = evaluated(Samples(blocks=blocks(known), turns=turns(0.1)), reference)
    assert found.ratio_agrees is True
