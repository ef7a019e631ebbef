"""Series of comparisons: they go on, and nothing else is mixed in."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.pair.series import judged
from bench.results.evaluate import rows_of
from bench.results.files import beside
from bench.results.results_file import csv_text, read_csv
from bench.results.rows import USUAL
from tests.bench.pair.comparisons import SETTINGS, ComparePair, compared, kept
from zoo.errors import UsageError, ZooError

FORMER = "a,b,sha256_a,sha256_b,runtime_a,ratio,low,high,p50_a_us\ncnn,cnn,a,a,torch,1,1,1,400\n"


class TestSeries:
    def test_only_what_is_missing_is_measured(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        found = compare_files(file, file, repeat=2, out=out)
        assert found[:1] == rows_of([first])
        assert [row.repeat for row in found] == [1, 2]
        assert read_csv(out) == found
        assert beside(out, "environment.json").exists()

    def test_a_finished_series_is_only_read(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, started: list[str]
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        assert compare_files(file, file, out=out) == rows_of([first])
        assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
        assert started == []

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"seconds": 0.1}, {"turn_seconds"}),
            ({"way": USUAL, "batch": 2}, {"batch", "way"}),
            ({"neighbour": 0.5}, {"neighbour"}),
            ({"runtimes": ("onnxruntime", "faulty_sweep:Right")}, {"reference_runtime"}),
        ],
    )
    def test_another_series_is_not_mixed_in(
        self,
        compare_files: ComparePair,
        tiny_onnx: Any,
        tmp_path: Path,
        started: list[str],
        change: dict[str, Any],
        told: set[str],
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        one = kept(out, file)
        with pytest.raises(UsageError, match=r"another series .*Name another --out") as caught:
            compare_files(file, file, out=out, settings=replace(SETTINGS, **change))
        assert all(name in str(caught.value) for name in told)
        assert read_csv(out) == rows_of([one])
        assert started == []

    def test_what_is_told_of_a_file_is_of_the_series(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        from zoo.ort.given import Given

        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        kept(out, file)
        with pytest.raises(UsageError, match=r"description of the files \(--mean, --data"):
            compare_files(file, file, out=out, given=Given(data="digits"))

    def test_another_margin_judges_it_anew(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        (first,) = rows_of([kept(out, file)])
        (again,) = compare_files(file, file, out=out, settings=replace(SETTINGS, margin=0.0001))
        assert again == replace(first, margin=0.0001, verdict="inconclusive")
        assert read_csv(out) == [first]

    def test_no_margin_makes_a_verdict_of_wrong_answers(self) -> None:
        row = compared(ratio=None, ratio_low=None, ratio_high=None, verdict=None, wrong_answers=1)
        assert judged(row, 0.5).verdict is None

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"machine": "mthere"}, "machine"),
            ({"version": "faulty 0.9"}, "runtime_version"),
            ({"harness": "h0"}, "harness"),
        ],
    )
    def test_another_machine_runtime_or_harness_does_not_continue_it(
        self,
        compare_files: ComparePair,
        tiny_onnx: Any,
        tmp_path: Path,
        change: dict[str, str],
        told: str,
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        one = rows_of([kept(out, file, **change)])
        with pytest.raises(UsageError, match=f"its {told} differ"):
            compare_files(file, file, out=out, repeat=2)
        assert read_csv(out) == one
        assert compare_files(file, file, out=out) == one  # finished, it may be looked at

    def test_a_changed_file_is_another_series(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        out = tmp_path / "pairs.csv"
        kept(out, tiny_onnx())
        changed = tiny_onnx(classes=4)
        with pytest.raises(UsageError, match="another series"):
            compare_files(changed, changed, out=out)

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("precious\n1\n", "was not written by `bench`"),
            ("a,b\n1\n", "was not written by `bench`"),
            (FORMER, "in the columns of an earlier version"),
            (csv_text([compared()]), "nothing can be added to "),
        ],
    )
    def test_what_is_no_series_is_not_overwritten(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, text: str, told: str
    ) -> None:
        out = tmp_path / "pairs.csv"
        out.write_text(text)
        with pytest.raises(ZooError, match=rf"{told}(.|\n)*ame another --out"):
            compare_files(tiny_onnx(), tiny_onnx(), out=out)
        assert out.read_text() == text

    def test_a_sweep_is_no_series(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, sweep_of: Any
    ) -> None:
        out = sweep_of(tiny_onnx()).out
        text = out.read_text()
        with pytest.raises(UsageError, match=r"holds cells of `bench`\. Name another --out"):
            compare_files(tiny_onnx(), tiny_onnx(), out=out)
        assert out.read_text() == text

    def test_a_series_is_no_sweep(self, tiny_onnx: Any, tmp_path: Path, sweep_of: Any) -> None:
        file = tiny_onnx()
        kept(tmp_path / "results.csv", file)
        with pytest.raises(UsageError, match=r"comparisons of two models\. Name another --out"):
            sweep_of(file, resume=True)
