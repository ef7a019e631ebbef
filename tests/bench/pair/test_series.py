"""Series of comparisons: they go on, nothing else is mixed in, and what they show in words."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.pair.series import FORMER_NAMES, csv_text, read_pairs, summary
from bench.pair.settings import USUAL
from tests.bench.pair.comparisons import ROW, SETTINGS, ComparePair, kept
from zoo.errors import UsageError, ZooError


class TestSeries:
    def test_only_what_is_missing_is_measured(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        found = compare_files(file, file, repeat=2, out=out)
        assert found[0] == first
        assert [row.repeat for row in found] == [1, 2]
        assert read_pairs(out) == found

    def test_a_finished_series_is_only_read(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, started: list[str]
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        text = out.read_text()
        assert compare_files(file, file, out=out) == [first]
        assert out.read_text() == text
        assert started == []

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"seconds": 0.1}, "its seconds differ"),
            ({"way": USUAL, "batch": 2}, "its batch, way differ"),
            ({"neighbour": 0.5}, "its neighbour differ"),
            ({"threads": 1, "batch": 2}, "its batch differ"),
        ],
    )
    def test_another_series_is_not_mixed_in(
        self,
        compare_files: ComparePair,
        tiny_onnx: Any,
        tmp_path: Path,
        started: list[str],
        change: dict[str, Any],
        told: str,
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        one = kept(out, file)
        with pytest.raises(UsageError) as caught:
            compare_files(file, file, out=out, settings=replace(SETTINGS, **change))
        names = set(told.removeprefix("its ").removesuffix(" differ").split(", "))
        assert all(name in str(caught.value) for name in names)
        assert "Name another --out" in str(caught.value)
        assert read_pairs(out) == [one]
        assert started == []

    def test_another_margin_judges_it_anew(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        (again,) = compare_files(file, file, out=out, settings=replace(SETTINGS, margin=0.001))
        assert again == replace(first, margin=0.001, verdict="inconclusive")

    def test_no_margin_makes_a_verdict_of_wrong_answers(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        out.write_text(csv_text([replace(kept(out, file), wrong_answers=1)]))
        assert [row.verdict for row in compare_files(file, file, out=out)] == [""]

    @pytest.mark.parametrize(
        "change",
        [
            {"machine": "mthere"},
            {"machine": None},
            {"runtime_version_b": "faulty 0.9"},
            {"harness": "h0"},
        ],
    )
    def test_another_machine_runtime_or_harness_does_not_go_on_with_it(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        one = replace(kept(out, file), **change)
        out.write_text(csv_text([one]))
        with pytest.raises(UsageError, match=f"its {next(iter(change))} differ"):
            compare_files(file, file, out=out, repeat=2)
        assert read_pairs(out) == [one]
        assert compare_files(file, file, out=out) == [one]  # finished, it may be looked at

    def test_files_of_before_provenance_was_kept_can_be_read(self, tmp_path: Path) -> None:
        out = tmp_path / "pairs.csv"
        heading, line = csv_text([ROW]).splitlines()
        out.write_text(f"{heading.rsplit(',', 8)[0]}\n{line.rsplit(',', 8)[0]}\n")
        unknown = dict.fromkeys(("machine", "runtime_version_a", "runtime_version_b", "harness"))
        older = replace(ROW, **unknown)
        assert read_pairs(out) == [older]

    def test_columns_by_their_former_names_are_read(self, tmp_path: Path) -> None:
        out = tmp_path / "pairs.csv"
        text = csv_text([ROW])
        for former, name in FORMER_NAMES.items():
            assert text.count(f",{name},") == 1
            text = text.replace(f",{name},", f",{former},")
        out.write_text(text)
        assert read_pairs(out) == [ROW]

    def test_a_changed_file_is_another_series(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        out = tmp_path / "pairs.csv"
        kept(out, tiny_onnx())
        changed = tiny_onnx(classes=4)
        with pytest.raises(UsageError, match="another series"):
            compare_files(changed, changed, out=out)

    @pytest.mark.parametrize("text", ["precious\n1\n", "a,b\n1\n"])
    def test_what_is_no_series_is_not_overwritten(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, text: str
    ) -> None:
        out = tmp_path / "pairs.csv"
        out.write_text(text)
        with pytest.raises(ZooError, match="is no file of comparisons"):
            compare_files(tiny_onnx(), tiny_onnx(), out=out)
        assert out.read_text() == text


class TestSummary:
    def test_verdicts_ratios_and_intervals_are_counted(self) -> None:
        rows = [
            ROW,
            replace(ROW, ratio=1.06, low=1.05, high=1.07, verdict="slower"),
            replace(ROW, ratio=0.999, low=0.99, high=1.01),
        ]
        first, second, third = summary(rows)
        assert first == "3 comparisons of cnn fp32 with cnn fp32: same 2, slower 1 (margin 2.0%)"
        assert second == (
            "time B / time A 1.0010 (from 0.9990 to 1.0600); more than 5% from 1 in 1 of 3"
        )
        assert third == (
            "half-width of the 95 % interval 0.94% of the ratio (median); "
            "1 lies in 2 of 3 intervals"
        )

    def test_half_of_an_interval_is_a_share_of_what_it_is_around(self) -> None:
        (*_, third) = summary([replace(ROW, ratio=2.0, low=1.9, high=2.1, verdict="slower")])
        assert "interval 5.00% of the ratio" in third

    def test_the_usual_way_has_no_verdicts(self) -> None:
        rows = [replace(ROW, low=None, high=None, verdict="", ratio=0.9)]
        first, second = summary(rows)
        assert first == "1 comparison of cnn fp32 with cnn fp32"
        assert second.endswith("more than 5% from 1 in 1 of 1")

    def test_other_answers_are_said(self) -> None:
        assert "the two do not give the same logits" in summary([replace(ROW, same_answers=False)])

    def test_of_nothing(self) -> None:
        assert summary([]) == ["no comparison was made"]
