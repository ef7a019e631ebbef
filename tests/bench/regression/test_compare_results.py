"""The gate over two results files: it finds what got worse, and does not cry wolf."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.regression.compare_results import compare_results
from bench.results.files import beside
from bench.results.results_file import write_csv
from bench.results.rows import Row
from bench.stats.ratios import PairedRatio, paired_ratio
from tests.bench.regression.two_sweeps import (
    NEW,
    QUIET_BASE,
    Compare,
    accurate,
    again,
    cell,
    changed,
    speed_of,
    twins,
)
from zoo.errors import UsageError


def _noise(random: np.random.Generator, sweep: float) -> tuple[list[Row], list[Row]]:
    """Two sweeps of 40 changed cells and 6 unchanged ones, nothing of which got slower."""
    files: list[list[Row]] = []
    for make in (cell, changed):
        luck = np.exp(sweep * random.standard_normal(46) / math.sqrt(2))
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
    assert cries <= 15  # 5%; 7.5 are expected at most


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


def test_a_file_of_third_parties_may_have_moved(compare: Compare) -> None:
    def third_party(path: str, **parts: Any) -> Row:
        return cell(subject=path, precision="file", model=None, **parts)

    found = compare([third_party("old/a.onnx")], [third_party("new/a.onnx", sha256=NEW)])
    assert (len(found.rows), found.added, found.removed) == (1, (), ())
    two = [third_party("old/a.onnx"), third_party("other/a.onnx")]
    found = compare(two, [third_party("old/a.onnx"), third_party("new/a.onnx")])
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


def test_two_machines_are_refused_by_default(compare: Compare) -> None:
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
    assert "taken as 5.0%" in speed_of(found).text
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
    assert "taken as 5.0%" in speed_of(found).text
    assert speed_of(found, 1).text == "the same measurement in both files"
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
        ("", "was not written by `bench`"),
        ("a,b\n1,2\n", "was not written by `bench`"),
        ("subject,runtime,schema\ncnn,onnxruntime,99\n", "schema 99"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write_csv(tmp_path / "base.csv", [cell()])
    (tmp_path / "new.csv").write_text(text)
    for files in (("base.csv", "new.csv"), ("new.csv", "base.csv")):
        with pytest.raises(UsageError, match=message) as error:
            compare_results(*(tmp_path / name for name in files))
        assert error.value.exit_code == 2  # 1 says that a breach is proven


def test_a_missing_file_and_damaged_predictions_are_told(compare: Compare, tmp_path: Path) -> None:
    write_csv(tmp_path / "base.csv", [cell()])
    with pytest.raises(UsageError, match=r"there is no file .*none\.csv"):
        compare_results(tmp_path / "base.csv", tmp_path / "none.csv")
    beside(tmp_path / "base.csv", "predictions.npz").write_bytes(b"PK not a zip")
    with pytest.raises(UsageError, match=r"base\.predictions\.npz cannot be read"):
        compare([cell()], [cell()])


def test_what_cannot_be_opened_is_no_breach(tmp_path: Path) -> None:
    write_csv(tmp_path / "base.csv", [cell()])
    (tmp_path / "folder.csv").mkdir()
    for name in ("folder.csv", f"{'x' * 300}.csv"):
        with pytest.raises(UsageError, match="cannot be read as results"):
            compare_results(tmp_path / "base.csv", tmp_path / name)
