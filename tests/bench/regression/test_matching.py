"""Which rows of two files are of one cell, and which files are not compared at all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.regression.limits import Pair
from bench.regression.matching import Keyed, match, predictions_of
from bench.results.predictions import write_predictions
from bench.results.results_file import write_csv
from bench.results.rows import Row
from tests.factories import cell
from zoo.errors import UsageError


@dataclass(frozen=True)
class Matched:
    before: Keyed
    after: Keyed
    pairs: list[Pair]
    notes: list[str]

    @property
    def subjects(self) -> list[tuple[str, str]]:
        """Of each pair."""
        return [(pair.base.subject, pair.new.subject) for pair in self.pairs]


@pytest.fixture
def matched(tmp_path: Path) -> Callable[..., Matched]:
    """Write two results files and match their rows."""

    def of(base: list[Row], new: list[Row], any_machine: bool = False) -> Matched:
        notes: list[str] = []
        for name, rows in (("base.csv", base), ("new.csv", new)):
            write_csv(tmp_path / name, rows)
        return Matched(
            *match(tmp_path / "base.csv", tmp_path / "new.csv", any_machine, notes), notes
        )

    return of


def third_party(path: str, **parts: Any) -> Row:
    return cell(subject=path, precision="file", model=None, **parts)


def test_rows_pair_by_what_they_measure_in_the_order_of_the_base(
    matched: Callable[..., Matched],
) -> None:
    base = [cell(batch=4), cell(batch=2), cell(batch=1)]
    found = matched(base, [cell(2.0, batch=1), cell(batch=8), cell(3.0, batch=4)])
    assert [(pair.base.batch, pair.new.p50_ms) for pair in found.pairs] == [(4, 3.0), (1, 2.0)]
    assert [row.batch for row in found.before.values()] == [4, 2, 1]
    assert [row.batch for row in found.after.values()] == [1, 8, 4]
    assert found.notes == []


@pytest.mark.parametrize("other", ["precision", "runtime", "provider", "boundary", "scenario"])
def test_rows_of_other_arms_or_scenarios_are_no_pair(
    matched: Callable[..., Matched], other: str
) -> None:
    found = matched([cell(), cell(batch=2)], [cell(**{other: "another"}), cell(batch=2)])
    assert [pair.base.batch for pair in found.pairs] == [2]


def test_a_third_party_file_may_have_been_moved(matched: Callable[..., Matched]) -> None:
    ours = cell(subject="x/a.onnx")
    base = [third_party("old/a.onnx"), third_party("old/b.onnx"), ours]
    new = [third_party("new/a.onnx"), third_party("new/b.onnx"), ours]
    assert matched(base, new).subjects == [
        *(("old/a.onnx", "new/a.onnx"), ("old/b.onnx", "new/b.onnx"), ("x/a.onnx", "x/a.onnx")),
    ]


def test_what_is_ours_does_not_go_by_the_name_of_its_last_part(
    matched: Callable[..., Matched],
) -> None:
    same = third_party("b.onnx")
    found = matched([cell(subject="x/a.onnx"), same], [cell(subject="y/a.onnx"), same])
    assert found.subjects == [("b.onnx", "b.onnx")]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_name_that_several_files_have_tells_nothing(
    matched: Callable[..., Matched], swapped: bool
) -> None:
    one, two = [third_party("new/a.onnx")], [third_party("old/a.onnx"), third_party("other/a.onnx")]
    same = third_party("b.onnx")
    files = ([*one, same], [*two, same])
    assert matched(*(files[::-1] if swapped else files)).subjects == [("b.onnx", "b.onnx")]
    both = [third_party("new/a.onnx"), third_party("newer/a.onnx"), same]
    assert matched([*two, same], both).subjects == [("b.onnx", "b.onnx")]


def test_the_last_of_several_measurements_counts_and_that_is_said(
    matched: Callable[..., Matched], tmp_path: Path
) -> None:
    found = matched([cell(9.0), cell(8.0), cell(1.0)], [cell(1.0)])
    assert [pair.base.p50_ms for pair in found.pairs] == [1.0]
    told = "2 rows measured again later in it; only the last one counts"
    assert found.notes == [f"{tmp_path / 'base.csv'}: {told}"]


def test_files_without_a_row_in_common_are_refused(matched: Callable[..., Matched]) -> None:
    with pytest.raises(UsageError, match=r"starts with .*batch 1, the second with .*batch 2\."):
        matched([cell()], [cell(batch=2)])


@pytest.mark.parametrize("empty", [0, 1])
def test_a_file_without_rows_is_refused(matched: Callable[..., Matched], empty: int) -> None:
    files: list[list[Row]] = [[cell()], [cell()]]
    files[empty] = []
    with pytest.raises(UsageError, match="has no rows: nothing was measured"):
        matched(*files)


def test_times_of_two_machines_are_refused_by_default(matched: Callable[..., Matched]) -> None:
    base = [cell(), cell(batch=2, machine="")]
    new = [cell(), cell(batch=2, machine="there")]
    with pytest.raises(UsageError, match=r"from machine unknown, .*from there: their times"):
        matched(base, new)
    assert len(matched(base, new, any_machine=True).pairs) == 2


def test_another_machine_matters_only_where_something_was_measured(
    matched: Callable[..., Matched],
) -> None:
    failed = cell(None, batch=2, status="failed", machine="there", harness="h2")
    found = matched([cell(), cell(batch=2)], [cell(), failed])
    assert (len(found.pairs), found.notes) == (2, [])


def test_another_harness_is_said_once(matched: Callable[..., Matched]) -> None:
    base = [cell(batch=n, harness="h1" if n else None) for n in range(3)]
    found = matched(base, [cell(batch=n, harness="h2") for n in range(3)])
    (note,) = found.notes
    assert "between the two files (h1 -> h2, unknown -> h2): a difference in time" in note
    assert matched(base, base).notes == []


def test_predictions_are_lists_of_classes(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    assert predictions_of(path) == {}
    write_predictions(path, {"a": np.array([1, 2]), "b": np.array([3], np.uint8)})
    found = predictions_of(path)
    assert {name: classes.tolist() for name, classes in found.items()} == {"a": [1, 2], "b": [3]}
    for wrong in (np.array([[1], [2]]), np.array([1.0, 2.0]), np.array(1)):
        write_predictions(path, {"a": wrong})
        with pytest.raises(UsageError, match=r"cannot be read \(a is not a list of classes\)"):
            predictions_of(path)
