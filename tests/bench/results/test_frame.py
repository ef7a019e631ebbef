"""A results file as pandas has it: typed, and each column with what it means."""

from pathlib import Path

import pandas as pd
import pytest

import bench
from bench.results.results_file import write_csv
from bench.results.rows import COLUMNS
from tests.factories import asked
from tests.test_imports import HEAVY, loaded_by
from zoo.errors import UsageError

KEPT = Path(__file__).parents[3] / "docs" / "results"


def test_columns_have_their_types_however_empty_they_are(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write_csv(path, [asked(p50_ms=0.5, n=7, steady=False, warnings="odd"), asked()])
    found = bench.read(path)
    assert list(found) == list(COLUMNS)
    kinds = {"n": "Int64", "p50_ms": "float64", "steady": "boolean", "warnings": "string"}
    for frame in (found, found[1:], found[:0]):
        assert {name: str(frame[name].dtype) for name in kinds} == kinds
    assert found.n.isna().tolist() == [False, True]
    assert (found.n[0], found.p50_ms[0], found.steady[0]) == (7, 0.5, False)
    assert found.reason.tolist() == ["", ""]
    assert found.attrs["columns"]["p50_ms"] == "median time of a call"


def test_a_file_without_rows_has_the_same_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "results.csv", [])
    found = bench.read(str(tmp_path / "results.csv"))
    assert (len(found), found.batch.dtype) == (0, pd.Int64Dtype())


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.csv")), ids=lambda path: path.name)
def test_files_of_older_schemas_have_the_columns_of_today(path: Path) -> None:
    measured = bench.read(path).query("status == 'ok'")
    of_onnxruntime = measured[measured.runtime == "onnxruntime"]
    assert set(of_onnxruntime.runtime_version) == {"onnxruntime 1.31.1"}
    assert not measured.runtime_version.isna().any()
    assert measured.p50_ms.min() > 0


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file .*gone\.csv"):
        bench.read(tmp_path / "gone.csv")


def test_pandas_is_loaded_when_a_file_is_read_and_not_before() -> None:
    assert loaded_by("import bench; bench.read") & HEAVY == set()
