"""`compare A B`: rows, series that go on, and what is refused before anything is measured."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.environment import environment
from bench.harness import harness
from bench.pairs import (
    SEQUENTIAL,
    USUAL,
    PairRow,
    PairSettings,
    compare_pair,
    csv_text,
    find_way,
    read_pairs,
    summary,
)
from bench.schedule import USUAL_CALLS, Turns
from bench.stats import verdict
from bench.subjects import Given
from zoo.artifacts import sha256
from zoo.errors import UnavailableError, UsageError, ZooError

SETTINGS = PairSettings(
    runtimes=("faulty_sweep:Right", "faulty_sweep:Right"), seconds=0.05, instances=2
)
ROW = PairRow(
    a="cnn fp32",
    b="cnn fp32",
    sha256_a="a" * 64,
    sha256_b="a" * 64,
    runtime_a="onnxruntime",
    runtime_b="onnxruntime",
    provider="cpu",
    threads=1,
    batch=1,
    way="turns",
    seconds=8.0,
    instances=5,
    neighbour=0.0,
    margin=0.02,
    repeat=1,
    ratio=1.001,
    low=0.998,
    high=1.004,
    verdict="same",
    turns=5000,
    p50_a_us=400.0,
    p50_b_us=400.4,
    wrong=0,
    same_answers=True,
    wall_seconds=11.0,
    when="2026-11-21T12:00:00+00:00",
    machine=environment().machine,
    engine_a="faulty 1.0",
    engine_b="faulty 1.0",
    harness="h1",
)
Compare = Callable[..., list[PairRow]]


@pytest.fixture
def compare(faulty_engines: None, module_hurry: None) -> Compare:
    def run(
        *targets: Path | str, settings: PairSettings = SETTINGS, **options: Any
    ) -> list[PairRow]:
        return list(compare_pair([str(target) for target in targets], settings, **options))

    return run


class TestRows:
    def test_a_file_against_itself(self, compare: Compare, tiny_onnx: Any, tmp_path: Path) -> None:
        file, out = tiny_onnx(), tmp_path / "deep" / "pairs.csv"
        settings = replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime"))
        (row,) = compare(file, file, settings=settings, out=out)
        assert read_pairs(out) == [row]
        assert (row.a, row.b) == (f"{file} file", f"{file} file")
        assert row.sha256_a == row.sha256_b
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.ratio < row.high
        assert row.verdict == verdict(row, 0.02)  # type: ignore[arg-type]
        assert (row.wrong, row.same_answers, row.repeat) == (0, True, 1)
        assert row.machine == environment().machine
        assert row.engine_a == row.engine_b
        assert str(row.engine_a).startswith("onnxruntime 1.")
        assert row.turns >= 2 * 8
        assert min(row.p50_a_us, row.p50_b_us) > 0
        (line,) = (tmp_path / "deep" / "pairs.samples.jsonl").read_text().splitlines()
        kept = Turns(instances=json.loads(line)["turns"])
        assert kept.ratio().ratio == pytest.approx(row.ratio, abs=1e-6)
        assert kept.ratio().turns == row.turns

    def test_two_precisions_of_an_artifact(self, compare: Compare, mlp_exports: Path) -> None:
        (row,) = compare(
            "mlp",
            "mlp-digits",
            settings=replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime")),
            precisions=("fp32", "int8"),
            exports=mlp_exports,
        )
        assert (row.a, row.b) == ("mlp-digits fp32", "mlp-digits int8")
        assert row.sha256_a != row.sha256_b
        assert not row.same_answers

    def test_other_answers_are_told(self, compare: Compare, tiny_onnx: Any) -> None:
        settings = replace(SETTINGS, runtimes=("onnxruntime", "faulty_sweep:Drifts"))
        (row,) = compare(tiny_onnx(), tiny_onnx(), settings=settings)
        assert (row.runtime_a, row.runtime_b) == settings.runtimes
        assert row.same_answers  # at first
        assert row.wrong > 0
        assert row.verdict == ""
        assert any("timed calls gave other logits" in line for line in summary([row]))

    @pytest.mark.parametrize("name", ["CPU", "CPUExecutionProvider", "cpu"])
    def test_a_provider_has_one_name(
        self, compare: Compare, tiny_onnx: Any, name: str, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        kept(out, file)
        (row,) = compare(file, file, settings=replace(SETTINGS, provider=name), out=out)
        assert row.provider == "cpu"

    def test_the_usual_way_has_none(self, compare: Compare, tiny_onnx: Any, tmp_path: Path) -> None:
        out = tmp_path / "usual.csv"
        (row,) = compare(tiny_onnx(), tiny_onnx(), settings=replace(SETTINGS, way=USUAL), out=out)
        assert (row.low, row.high, row.verdict) == (None, None, "")
        assert row.turns == USUAL_CALLS
        assert row.ratio == pytest.approx(row.p50_b_us / row.p50_a_us, rel=0.1)
        assert read_pairs(out) == [row]

    def test_the_sequential_way_has_an_interval_too_and_a_neighbour_does_not_outlive_it(
        self, compare: Compare, tiny_onnx: Any
    ) -> None:
        import psutil

        def children() -> set[int]:
            return {child.pid for child in psutil.Process().children()}

        before = children()
        settings = replace(SETTINGS, way=SEQUENTIAL, neighbour=0.5)
        (row,) = compare(tiny_onnx(), tiny_onnx(), settings=settings)
        assert (row.way, row.neighbour) == ("sequential", 0.5)
        assert row.low is not None
        assert row.high is not None
        assert row.low < row.ratio < row.high
        assert row.verdict
        assert children() <= before


def kept(path: Path, file: Path) -> PairRow:
    """The row of a comparison of a file with itself, by `SETTINGS`, as it stands in `path`."""
    facts: dict[str, Any] = {
        **dict.fromkeys("ab", f"{file} file"),
        **dict.fromkeys(("sha256_a", "sha256_b"), sha256(file)),
        **dict.fromkeys(("runtime_a", "runtime_b"), SETTINGS.runtimes[0]),
        "seconds": SETTINGS.seconds,
        "instances": SETTINGS.instances,
        "harness": harness(*SETTINGS.runtimes),
    }
    row = replace(ROW, **facts)
    path.write_text(csv_text([row]))
    return row


class TestSeries:
    def test_only_what_is_missing_is_measured(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        found = compare(file, file, repeat=2, out=out)
        assert found[0] == first
        assert [row.repeat for row in found] == [1, 2]
        assert read_pairs(out) == found

    def test_a_finished_series_is_only_read(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path, started: list[str]
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        text = out.read_text()
        assert compare(file, file, out=out) == [first]
        assert out.read_text() == text
        assert started == []

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"seconds": 0.1}, "its seconds differ"),
            ({"way": USUAL, "batch": 2}, "its batch, way differ"),
            ({"neighbour": 0.5}, "its neighbour differ"),
        ],
    )
    def test_another_series_is_not_mixed_in(
        self,
        compare: Compare,
        tiny_onnx: Any,
        tmp_path: Path,
        started: list[str],
        change: dict[str, Any],
        told: str,
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        one = kept(out, file)
        with pytest.raises(UsageError) as caught:
            compare(file, file, out=out, settings=replace(SETTINGS, **change))
        names = set(told.removeprefix("its ").removesuffix(" differ").split(", "))
        assert all(name in str(caught.value) for name in names)
        assert "Name another --out" in str(caught.value)
        assert read_pairs(out) == [one]
        assert started == []

    def test_another_margin_judges_it_anew(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        first = kept(out, file)
        (again,) = compare(file, file, out=out, settings=replace(SETTINGS, margin=0.001))
        assert again == replace(first, margin=0.001, verdict="inconclusive")

    def test_no_margin_makes_a_verdict_of_wrong_answers(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        out.write_text(csv_text([replace(kept(out, file), wrong=1)]))
        assert [row.verdict for row in compare(file, file, out=out)] == [""]

    @pytest.mark.parametrize(
        "change",
        [{"machine": "mthere"}, {"machine": None}, {"engine_b": "faulty 0.9"}, {"harness": "h0"}],
    )
    def test_another_machine_engine_or_harness_does_not_go_on_with_it(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path, change: dict[str, Any]
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        one = replace(kept(out, file), **change)
        out.write_text(csv_text([one]))
        with pytest.raises(UsageError, match=f"its {next(iter(change))} differ"):
            compare(file, file, out=out, repeat=2)
        assert read_pairs(out) == [one]
        assert compare(file, file, out=out) == [one]  # finished, it may be looked at

    def test_files_of_before_provenance_was_kept_can_be_read(self, tmp_path: Path) -> None:
        out = tmp_path / "pairs.csv"
        heading, line = csv_text([ROW]).splitlines()
        out.write_text(f"{heading.rsplit(',', 4)[0]}\n{line.rsplit(',', 4)[0]}\n")
        older = replace(ROW, machine=None, engine_a=None, engine_b=None, harness=None)
        assert read_pairs(out) == [older]

    def test_a_changed_file_is_another_series(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        out = tmp_path / "pairs.csv"
        kept(out, tiny_onnx())
        changed = tiny_onnx(classes=4)
        with pytest.raises(UsageError, match="another series"):
            compare(changed, changed, out=out)

    @pytest.mark.parametrize("text", ["precious\n1\n", "a,b\n1\n"])
    def test_what_is_no_series_is_not_overwritten(
        self, compare: Compare, tiny_onnx: Any, tmp_path: Path, text: str
    ) -> None:
        out = tmp_path / "pairs.csv"
        out.write_text(text)
        with pytest.raises(ZooError, match="is no file of comparisons"):
            compare(tiny_onnx(), tiny_onnx(), out=out)
        assert out.read_text() == text


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"runtimes": ("onxruntime", "onnxruntime")}, "Did you mean onnxruntime"),
            ({"runtimes": ("onnxruntime", "gone:Class")}, "gone:Class cannot be imported"),
            ({"provider": "cdua"}, "Did you mean cuda"),
            ({"threads": 10_000}, "--threads 10000: this process may use"),
        ],
    )
    def test_what_cannot_be_asked_is_refused_at_once(
        self,
        compare: Compare,
        tiny_onnx: Any,
        started: list[str],
        change: dict[str, Any],
        told: str,
    ) -> None:
        with pytest.raises(UsageError, match=told):
            compare(tiny_onnx(), tiny_onnx(), settings=replace(SETTINGS, **change))
        assert started == []

    def test_a_provider_that_is_not_here_is_refused_at_once(
        self, compare: Compare, tiny_onnx: Any, started: list[str]
    ) -> None:
        import torch

        if torch.cuda.is_available():
            pytest.skip("CUDA works here")
        with pytest.raises(UnavailableError, match="--provider cuda cannot run here"):
            compare(tiny_onnx(), tiny_onnx(), settings=replace(SETTINGS, provider="cuda"))
        assert started == []

    def test_a_precision_that_was_not_published_names_the_command(
        self, compare: Compare, mlp_exports: Path
    ) -> None:
        with pytest.raises(UsageError, match=r"python cli\.py export mlp-digits --precision fp16"):
            compare("mlp", "mlp", precisions=("fp32", "fp16"), exports=mlp_exports)

    def test_pictures_of_two_shapes_cannot_be_compared(
        self, compare: Compare, tiny_onnx: Any
    ) -> None:
        files = tiny_onnx("a.onnx"), tiny_onnx("b.onnx", size=(6, 6))
        with pytest.raises(UsageError, match=r"different shapes: .*4, 5, 3.*6, 6, 3"):
            compare(*files, settings=replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime")))

    def test_logits_of_two_lengths_cannot_be_compared(
        self, compare: Compare, tiny_onnx: Any
    ) -> None:
        files = tiny_onnx("a.onnx"), tiny_onnx("b.onnx", classes=4)
        with pytest.raises(UsageError, match="logits of 3 and 4 classes"):
            compare(*files, settings=replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime")))

    def test_normalisation_that_nobody_knows_is_asked_for(
        self, compare: Compare, tiny_onnx: Any
    ) -> None:
        file = tiny_onnx("A.ONNX", kind="float32-nchw", metadata={})
        settings = replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime"))
        with pytest.raises(UsageError, match="Give them on the 0"):
            compare(file, file, settings=settings)
        given = Given((0.5,) * 3, (0.25,) * 3)
        assert compare(file, file, settings=replace(settings, way=USUAL), given=given)

    def test_normalisation_that_nobody_needs_is_refused(
        self, compare: Compare, tiny_onnx: Any, mlp_exports: Path, started: list[str]
    ) -> None:
        given = Given((0.5,) * 3, (0.25,) * 3)
        with pytest.raises(UsageError, match="mlp says its own"):
            compare("mlp", "mlp", exports=mlp_exports, given=given)
        with pytest.raises(UsageError, match="takes raw pixels"):
            compare(tiny_onnx(), tiny_onnx(), given=given)
        assert started == []

    def test_one_of_two_files_may_need_normalisation(
        self, compare: Compare, tiny_onnx: Any
    ) -> None:
        files = tiny_onnx("a.onnx"), tiny_onnx("b.onnx", kind="float32-nchw", metadata={})
        settings = replace(SETTINGS, runtimes=("onnxruntime", "onnxruntime"), way=USUAL)
        assert compare(*files, settings=settings, given=Given((0.5,) * 3, (0.25,) * 3))

    def test_an_arm_that_hangs_is_given_up(self, compare: Compare, tiny_onnx: Any) -> None:
        settings = replace(
            SETTINGS,
            runtimes=("faulty_sweep:Right", "faulty_sweep:Hangs"),
            batch=2,
            timeout=2.0,
        )
        with pytest.raises(ZooError, match="no answer in 2 s"):
            compare(tiny_onnx(), tiny_onnx(), settings=settings)

    def test_a_folder_is_no_file(self, compare: Compare, tiny_onnx: Any, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"is a folder\. Name a file in it: --out .*\.csv"):
            compare(tiny_onnx(), tiny_onnx(), out=tmp_path)

    def test_an_arm_that_dies_ends_it_with_the_reason(
        self, compare: Compare, tiny_onnx: Any
    ) -> None:
        settings = replace(SETTINGS, runtimes=("faulty_sweep:Right", "faulty_sweep:Dies"), batch=2)
        with pytest.raises(ZooError, match="killed by SIGKILL"):
            compare(tiny_onnx(), tiny_onnx(), settings=settings)

    def test_near_ways_are_offered(self) -> None:
        assert find_way("usual") == USUAL
        with pytest.raises(UsageError, match="Did you mean usual"):
            find_way("usally")


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
        assert third == "half-width of the 95 % interval 1.00% (median); 1 lies in 2 of 3 intervals"

    def test_the_usual_way_has_no_verdicts(self) -> None:
        rows = [replace(ROW, low=None, high=None, verdict="", ratio=0.9)]
        first, second = summary(rows)
        assert first == "1 comparison of cnn fp32 with cnn fp32"
        assert second.endswith("more than 5% from 1 in 1 of 1")

    def test_other_answers_are_said(self) -> None:
        assert "the two do not give the same logits" in summary([replace(ROW, same_answers=False)])

    def test_of_nothing(self) -> None:
        assert summary([]) == ["no comparison was made"]
