"""What a new file may be worse by: placement and size are plain numbers."""

import math
from typing import Any

import pytest

from bench.regression.accuracy import AccuracyFinding
from bench.regression.findings import Breach, RowFinding
from bench.regression.limits import Limits, Pair, finding, name_of
from bench.regression.speed import SpeedFinding
from bench.results.rows import Row
from bench.results.wording import Names
from tests.bench.regression.two_sweeps import Compare, cell, changed
from zoo.errors import UsageError


def found(base: Row, new: Row, limits: Limits | None = None) -> RowFinding:
    """What is said of a cell beside its time and its accuracy."""
    return finding(Pair(base, new), None, None, Names(), limits or Limits())


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
        ("size", "cnn fp32", "1.2 MB (+20.0%)")
    ]
    assert compare(base, new, max_growth=0.2).breaches == ()


@pytest.mark.parametrize(
    "limit", [{"max_slowdown": -0.1}, {"margin": math.nan}, {"max_growth": math.inf}]
)
def test_limits_that_make_no_sense_are_refused(compare: Compare, limit: dict[str, float]) -> None:
    option = f"--{next(iter(limit)).replace('_', '-')}"
    with pytest.raises(UsageError, match=f"{option} is"):
        compare([cell()], [cell()], **limit)


def test_no_limit_is_a_limit_too() -> None:
    assert Limits(0, 0, 0, 0).max_growth == 0


def test_limits_are_told_in_words() -> None:
    told = "5% slower, 0.3 points of accuracy lost; up to 2% counts as the same"
    assert str(Limits()) == told
    assert str(Limits(max_growth=0.125)) == told.replace("lost", "lost, 12.5% larger")


@pytest.mark.parametrize(
    ("base", "new", "measured"),
    [("ok", "ok", True), ("failed", "ok", False), ("ok", "failed", False)],
)
def test_a_pair_is_measured_where_both_are(base: str, new: str, measured: bool) -> None:
    pair = Pair(cell(status=base), cell(status=new))
    assert pair.measured == measured
    row = found(pair.base, pair.new)
    assert (row.size is not None, row.placement is not None) == (measured, measured)
    assert row.changed == ""


def test_what_ran_otherwise_is_told_of_what_was_measured() -> None:
    assert found(cell(), changed()).changed == "file"
    assert found(cell(status="failed"), changed()).changed == ""


@pytest.mark.parametrize(
    ("base", "new", "limit", "said"),
    [
        (1_000_000, 1_000_000, 0.0, ("1.0 MB", "held")),
        (1_000_000, 2_000_000, None, ("2.0 MB (+100.0%)", "held")),
        (1_000_000, 2_000_000, 1.0, ("2.0 MB (+100.0%)", "held")),
        (1_000_000, 2_000_000, 0.9, ("2.0 MB (+100.0%)", "breach")),
        (2_000_000, 1_000_000, 0.0, ("1.0 MB (-50.0%)", "held")),
        (None, 1_000_000, 0.0, None),
        (0, 1_000_000, 0.0, None),
        (1_000_000, None, 0.0, None),
    ],
)
def test_size(
    base: int | None, new: int | None, limit: float | None, said: tuple[str, str] | None
) -> None:
    row = found(cell(file_bytes=base), cell(file_bytes=new), Limits(max_growth=limit))
    assert (row.size and (row.size.text, row.size.outcome)) == said
    grown = [Breach("size", "cnn-digits fp32", said[0])] if said and said[1] == "breach" else []
    assert list(row.breaches) == grown


@pytest.mark.parametrize(
    ("base", "new", "said"),
    [
        ({"placed_share": None}, {}, None),
        ({}, {"placed_share": None}, ("unknown in new", "inconclusive")),
        ({}, {}, ("100%", "held")),
        ({"placed_share": 0.9}, {"placed_share": 0.9}, ("90%", "held")),
        ({"placed_share": 0.9}, {"placed_share": 0.8}, ("90% -> 80%", "breach")),
        (
            {"placed_share": 0.9, "nodes": None},
            {"placed_share": 0.8, "nodes": None},
            ("90% -> 80%", "breach"),
        ),
        ({}, {"elsewhere": "Conv"}, ("runs elsewhere: Conv", "breach")),
        ({"elsewhere": "Conv"}, {}, ("100%", "held")),
    ],
)
def test_placement_is_told(
    base: dict[str, Any], new: dict[str, Any], said: tuple[str, str] | None
) -> None:
    row = found(cell(**base), cell(**new))
    assert (row.placement and (row.placement.text, row.placement.outcome)) == said


@pytest.mark.parametrize(
    ("base", "new", "lost"),
    [
        ("ok", "failed", True),
        ("ok", "skipped", False),
        ("ok", "ok", False),
        ("failed", "failed", False),
        ("failed", "ok", False),
    ],
)
def test_what_was_measured_and_fails_now_is_lost(base: str, new: str, lost: bool) -> None:
    row = found(cell(status=base), cell(status=new, reason="killed" if new == "failed" else ""))
    breach = Breach("lost", "cnn-digits fp32, batch 1", "failed: killed")
    assert row.breaches == ((breach,) if lost else ())


def test_why_there_is_nothing_to_compare() -> None:
    assert found(cell(), cell()).note == ""
    both = found(cell(status="skipped"), cell(status="failed", reason="killed"))
    assert both.note == "skipped in base; failed in new: killed"


@pytest.mark.parametrize(("outcome", "kinds"), [("held", []), ("breach", ["slower", "accuracy"])])
def test_breaches_of_time_and_accuracy(outcome: Any, kinds: list[str]) -> None:
    speed = SpeedFinding("paired", "in turns", 1.0, 2.0, 2.0, 1.9, 2.1, outcome=outcome)
    accuracy = AccuracyFinding("measured", "of 10 images", 0.9, 0.8, outcome=outcome)
    row = finding(Pair(cell(), cell()), speed, accuracy, Names(), Limits())
    assert [breach.kind for breach in row.breaches] == kinds
    assert (row.key, row.what) == (cell().key, "cnn-digits fp32, batch 1")


def test_a_cell_and_a_file_are_named() -> None:
    assert name_of(cell(scenario=""), Names()) == "cnn-digits fp32, batch 1"
    assert name_of(cell(scenario="throughput"), Names()) == "cnn-digits fp32, batch 1, throughput"
    large = cell(subject="a.onnx", precision="file", file_bytes=3_000_000)
    small = cell(subject="a.onnx", precision="file")
    (breach,) = found(small, large, Limits(max_growth=0.1)).breaches
    assert breach.what == "a.onnx"
