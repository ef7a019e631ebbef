"""A results file can be read again: by us, by pandas, and one of before by us of today."""

import csv
from dataclasses import asdict, fields, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import NoneType
from typing import Any, get_args, get_type_hints

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bench.results.results_file import csv_text, read_csv, write_csv
from bench.results.rows import COLUMNS, FORMER_NAMES, SCHEMA, Row
from tests.factories import asked
from zoo.errors import UsageError, ZooError

KINDS = get_type_hints(Row)
KEPT = Path(__file__).parents[3] / "docs" / "results"
# What a file name, an error or a class may hold, but for halves of characters: no UTF-8 has them.
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
VALUES = {
    str: TEXTS,
    bool: st.booleans(),
    int: st.integers(0, 2**70),
    float: st.just(0.0) | st.floats(1e-60, 1e60),
}
SHARES = ("placed_share", "accuracy", "accuracy_low", "accuracy_high", "agreement", "mcnemar_p")
SHARES += ("neighbour", "shown_agreement")


def kind_of(name: str) -> type:
    """The type of a column, whether it may be empty or not."""
    (kind,) = set(get_args(KINDS[name]) or (KINDS[name],)) - {NoneType}
    return kind


def values(name: str) -> st.SearchStrategy[Any]:
    found = st.floats(0, 1) if name in SHARES else VALUES[kind_of(name)]
    if KINDS[name] is kind_of(name):
        return found
    return st.none() | (found.filter(bool) if kind_of(name) is str else found)


# A few columns at a time: all 80 at once are slow to draw, and slower to shrink.
PARTS = st.sampled_from([name for name in COLUMNS if name not in ("schema", "correct")]).flatmap(
    lambda name: st.tuples(st.just(name), values(name))
)
ROWS = st.lists(PARTS, max_size=6).map(lambda parts: Row(**dict(parts)))


class TestCsv:
    @given(st.lists(ROWS, max_size=3))
    @example([Row(reason="carriage\rreturn")])
    @example([Row(macs=2**60 + 1)])
    def test_what_was_written_is_read(self, rows: list[Row]) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder, "results.csv")
            write_csv(path, rows)
            assert read_csv(path) == rows

    def test_pandas_sees_the_types(self, tmp_path: Path) -> None:
        full = {bool: True, int: 3, float: 0.25, str: "text"}
        rows = [asked(**{name: full[kind_of(name)] for name in COLUMNS if name != "schema"})]
        write_csv(tmp_path / "full.csv", [*rows, *rows])
        found = pd.read_csv(tmp_path / "full.csv")
        assert list(found) == list(COLUMNS)
        for name in COLUMNS:
            dtype, kind = found[name].dtype, kind_of(name)
            assert pd.api.types.is_bool_dtype(dtype) == (kind is bool), name
            assert pd.api.types.is_integer_dtype(dtype) == (kind is int), name
            assert pd.api.types.is_float_dtype(dtype) == (kind is float), name
            assert pd.api.types.is_string_dtype(dtype) == (kind is str), name

    def test_what_is_unknown_is_nan_to_pandas(self, tmp_path: Path) -> None:
        known = asked(p50_ms=0.5, n=7, steady=False, warnings='no, really\n"quoted"')
        write_csv(tmp_path / "some.csv", [known, asked()])
        found = pd.read_csv(tmp_path / "some.csv")
        for name in ("p50_ms", "n", "steady", "warnings"):
            assert found[name].notna().tolist() == [True, False]
        assert found.p50_ms.dtype == found.n.dtype == float
        assert found.steady[0] is False or found.steady[0] == 0
        assert found.warnings[0] == known.warnings

    def test_a_real_sweep_has_the_right_types(self, swept: Any) -> None:
        found = pd.read_csv(swept.out)
        assert len(found) == len(swept.rows)
        for name in ("threads", "batch", "schema"):
            assert pd.api.types.is_integer_dtype(found[name]), name
        for name in ("p50_ms", "ratio", "accuracy", "cold_ms", "peak_rss_mib"):
            assert pd.api.types.is_float_dtype(found[name]), name
        for name in ("subject", "precision", "runtime", "status", "machine", "cell", "sha256"):
            assert pd.api.types.is_string_dtype(found[name]), name

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("a,b\n1,2\n", "was not written by `bench`"),
            ("", "was not written by `bench`"),
            ("subject,runtime,schema\ncnn,onnxruntime,0\n", "schema 0"),
            ("subject,runtime,schema\ncnn,onnxruntime,1\n", "line 2: threads is '', not a whole"),
            ("subject,runtime,schema\n\xff,onnxruntime,1\n", "cannot be read"),
        ],
    )
    def test_what_is_no_results_file_is_named(self, tmp_path: Path, text: str, told: str) -> None:
        path = tmp_path / "results.csv"
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(ZooError) as caught:
            read_csv(path)
        assert told in str(caught.value)
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("n", "many", "n is 'many', not a whole number"),
            ("n", "0.5", "n is '0.5', not a whole number"),
            ("p50_ms", "inf", "p50_ms is 'inf', not a number"),
            ("p50_ms", "nan", "p50_ms is 'nan', not a number"),
            ("steady", "1", "steady is '1', not True or False"),
            ("p50_ms", "1e-308", "p50_ms is '1e-308', which is not a possible measurement"),
            ("p50_ms", "1e308", "p50_ms is '1e308', which is not a possible measurement"),
            ("ratio", "-1", "ratio is '-1', which is not a possible measurement"),
            ("threads", "-1", "threads is '-1', which is not a possible measurement"),
            ("accuracy", "1.5", "accuracy is '1.5', which is not a possible measurement"),
        ],
    )
    def test_a_cell_of_a_wrong_kind_is_named(
        self, tmp_path: Path, name: str, text: str, told: str
    ) -> None:
        path = tmp_path / "results.csv"
        cells = {
            column: str(value) for column, value in asdict(asked()).items() if value is not None
        }
        cells[name] = text
        path.write_text(f"{','.join(cells)}\n{','.join(cells.values())}\n")
        with pytest.raises(ZooError, match=f"line 2: {told}"):
            read_csv(path)

    def test_a_file_from_before_a_column_can_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "results.csv"
        cells = {name: value for name, value in asdict(asked()).items() if name != "harness"}
        texts = ["" if value is None else str(value) for value in cells.values()]
        path.write_text(f"{','.join(cells)}\n{','.join(texts)}\n")
        assert read_csv(path) == [asked(harness=None)]

    @pytest.mark.parametrize("path", sorted(KEPT.glob("*.csv")), ids=lambda path: path.name)
    def test_the_results_that_are_kept_can_be_read(self, path: Path) -> None:
        assert read_csv(path)

    def test_another_schema_says_to_measure_again(self, tmp_path: Path) -> None:
        path = tmp_path / "results.csv"
        write_csv(path, [replace(asked(), schema=SCHEMA + 1)])
        with pytest.raises(ZooError, match=rf"schema {SCHEMA + 1}; .* reads 1, 2. Measure again"):
            read_csv(path)

    @pytest.mark.parametrize("schema", FORMER_NAMES)
    def test_columns_by_their_former_names_are_read(self, tmp_path: Path, schema: int) -> None:
        path = tmp_path / "results.csv"
        row = asked(**dict.fromkeys(FORMER_NAMES[schema].values(), "kept"))
        write_csv(path, [replace(row, schema=schema)])
        text = path.read_text()
        for former, name in FORMER_NAMES[schema].items():
            assert text.count(f",{name},") == 1
            text = text.replace(f",{name},", f",{former},")
        path.write_text(text)
        assert read_csv(path) == [row]

    def test_a_file_of_schema_1_keeps_all_that_it_says(self) -> None:
        path = KEPT / "2026-11-21-cpu.csv"
        assert {row.schema for row in read_csv(path)} == {SCHEMA}
        assert {row.runtime_version for row in read_csv(path)} == {"onnxruntime 1.31.1"}
        with path.open(encoding="utf-8", newline="") as handle:
            for line, row in zip(csv.DictReader(handle), read_csv(path), strict=True):
                assert line["schema"] == "1"
                for name, text in line.items():
                    value = getattr(row, FORMER_NAMES[1].get(name, name))
                    assert name == "schema" or ("" if value is None else str(value)) == text

    def test_a_file_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"no file .*gone\.csv"):
            read_csv(tmp_path / "gone.csv")

    def test_every_column_says_what_it_is(self) -> None:
        assert all(COLUMNS.values())
        assert list(COLUMNS) == [part.name for part in fields(Row)]
        assert csv_text([]).strip().split(",") == list(COLUMNS)
