"""Every figure of a row from its raw samples alone, also from those that were written down."""

import math
import statistics
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.measuring.samples import Block, Samples, Start
from bench.results.evaluate import evaluate, rows_of
from bench.results.journal import Journal
from bench.results.results_file import read_csv
from bench.results.rows import Row
from bench.stats.ratios import paired_ratio
from bench.stats.stats import median_interval, percentile
from tests.factories import asked, record, samples_of

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


def evaluated(samples: Samples, **parts: Any) -> Row:
    """The row of a cell by itself."""
    return evaluate(record(samples, **({"batch": 4, "margin": 0.02} | parts)))


EVERYTHING = Samples(
    blocks=blocks(evidence={"steal_share": 0.01, "delay_share": None, "clock_mhz": 3000.0}),
    floor_ns=[200, 300, 250],
    turns=turns(1.1),
    starts=[Start(300 * MS, 20 * MS, 3 * MS)] * 2 + [Start(900 * MS, 10 * MS, 5 * MS)],
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


def test_rows_are_made_of_what_was_written_and_of_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    journal = Journal(path)
    records = [
        record(Samples(blocks=blocks(0.9, seed=5)), cell="c0"),
        record(
            replace(EVERYTHING, wrong=0, steady=False, rerun=2, new_shape_ns=7 * MS),
            **{"precision": "int8", "reference": "onnxruntime cpu fp32", "margin": 0.02},
        ),
    ]
    for one in records:
        journal.add(one)
    assert samples_of(path) == {"c0": records[0].samples, "c1": records[1].samples}
    _, second = rows = rows_of(records)
    assert read_csv(path) == rows
    assert (second.ratio_agrees, second.rerun, second.wrong_answers) == (True, 2, 0)
    assert second.new_shape_ms == pytest.approx(6, abs=0.1)
    assert "had not settled" in str(second.warnings)
    again = Journal(path)
    again.load()
    assert again.rows == rows


def test_wrong_answers_have_no_ratio() -> None:
    found = evaluated(replace(EVERYTHING, wrong=3))
    assert (found.wrong_answers, found.ratio, found.verdict) == (3, None, None)
    assert found.p50_ms


def test_a_cell_that_was_not_timed_has_no_figures() -> None:
    found = evaluated(Samples(starts=EVERYTHING.starts), status="failed")
    assert found == asked(batch=4, margin=0.02, status="failed")


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


def test_the_floor_is_a_median() -> None:
    found = evaluated(Samples(blocks=blocks(), floor_ns=[100, 100, 5000]))
    assert found.floor_us == statistics.median([100, 100, 5000]) / 1e3
