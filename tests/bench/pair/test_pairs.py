"""`compare A B`: rows, and what is refused before anything is measured."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench
from bench.measuring.environment import environment
from bench.measuring.turns import USUAL_CALLS
from bench.pair.asking import find_pair
from bench.pair.settings import WAYS, PairSettings
from bench.results.comparisons import Comparisons
from bench.results.predictions import read_predictions
from bench.results.recompute import recompute
from bench.results.results_file import read_csv
from bench.results.rows import FAILED, SEQUENTIAL, USUAL, Row
from bench.stats.ratios import verdict
from bench.stats.stats import Interval
from tests import classifiers
from tests.bench.pair.comparisons import IN_ORT, SETTINGS, ComparePair, kept
from tests.factories import samples_of
from zoo.artifacts.artifact import find_artifact
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.ort.faults import Here
from zoo.ort.given import Given


def told_of(row: Row) -> str:
    """What is said of it."""
    said = Comparisons((row,))
    return "\n".join([said.answer(), *said.lines()])


class TestRows:
    def test_a_file_against_itself(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "deep" / "pairs.csv"
        (row,) = compare_files(file, file, settings=IN_ORT, out=out)
        assert read_csv(out) == [row]
        assert (row.subject, row.reference_subject) == (str(file), str(file))
        assert row.sha256 == row.reference_sha256
        assert (row.ratio_low or 9) < (row.ratio or 0) < (row.ratio_high or 0)
        assert row.verdict == verdict(Interval(row.ratio, row.ratio_low, row.ratio_high), 0.02)  # type: ignore[arg-type]
        assert (row.wrong_answers, row.same_answers, row.repeat) == (0, True, 1)
        assert row.machine == environment().machine
        assert row.runtime_version == row.reference_runtime_version
        assert str(row.runtime_version).startswith("onnxruntime 1.")
        assert (row.turns or 0) >= 2 * 8
        assert row.n == 2 * (row.turns or 0)
        assert min(row.p50_ms or 0, row.reference_p50_ms or 0) > 0
        assert min(row.peak_rss_mib or 0, row.reference_peak_rss_mib or 0) > 1

    def test_every_figure_can_be_computed_again(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        for way in WAYS:
            out = tmp_path / f"{way}.csv"
            (row,) = compare_files(
                tiny_onnx(), tiny_onnx(), settings=replace(SETTINGS, way=way), out=out
            )
            found = recompute(out)
            assert (found.rows, found.differing) == (1, ())
            (samples,) = samples_of(out).values()
            times = samples.turns or samples.apart
            b = [one[1] if samples.apart else np.array(one)[:, 1:3].ravel() for one in times]
            assert row.p50_ms == pytest.approx(np.median(np.concatenate(b)) / 1e6)

    def test_it_is_a_table_for_pandas(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        (row,) = compare_files(tiny_onnx(), tiny_onnx(), out=tmp_path / "pairs.csv")
        table = bench.read(tmp_path / "pairs.csv")
        assert table.ratio[0] == pytest.approx(row.ratio)
        assert (table.repeat[0], table.way[0]) == (1, "turns")

    def test_a_file_that_this_onnxruntime_answers_wrongly_here(
        self, compare_files: ComparePair, integer_onnx: Any
    ) -> None:
        bad = Here("1.24.4", frozenset({"amx_int8"}))
        even, uneven = integer_onnx(32), integer_onnx(24)
        settings = IN_ORT
        with pytest.raises(UnavailableError, match=r"integers24\.onnx would give wrong answers"):
            compare_files(even, uneven, settings=settings, on=bad)

    def test_two_precisions_of_an_artifact(
        self, compare_files: ComparePair, mlp_exports: Path, tmp_path: Path
    ) -> None:
        out = tmp_path / "pairs.csv"
        (row,) = compare_files(
            *("mlp", "mlp-digits"),
            settings=IN_ORT,
            precisions=("fp32", "int8"),
            exports=mlp_exports,
            out=out,
        )
        assert (row.reference_precision, row.precision) == ("fp32", "int8")
        assert row.sha256 != row.reference_sha256
        assert not row.same_answers
        assert row.parameters == row.reference_parameters
        assert (row.file_bytes or 0) < (row.reference_file_bytes or 0)
        card = find_artifact("mlp", mlp_exports).card
        right = {kind: card.precisions[kind].accuracy.correct for kind in ("fp32", "int8")}
        assert (row.reference_correct, row.correct) == (right["fp32"], right["int8"])
        kept = read_predictions(out)
        labels, int8 = kept["labels|digits"], kept[row.predictions]
        fp32 = kept[row.predictions.replace("int8", "fp32")]
        assert (int8 == labels).sum() == row.correct
        assert (fp32 == int8).mean() == row.agreement

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("pairs.csv", "precious"),
            ("pairs.csv", "a,b\n1,2\n"),
            ("pairs.samples.jsonl", "precious\n"),
            ("pairs.samples.jsonl", '{"precious": 1}\n'),
        ],
    )
    def test_nothing_of_others_is_added_to_or_replaced(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path, name: str, content: str
    ) -> None:
        (tmp_path / name).write_text(content)
        with pytest.raises(ZooError, match=f"{name}.*ame another --out"):
            compare_files(tiny_onnx(), tiny_onnx(), out=tmp_path / "pairs.csv")
        assert (tmp_path / name).read_text() == content

    def test_other_answers_are_told(self, compare_files: ComparePair, tiny_onnx: Any) -> None:
        settings = replace(SETTINGS, runtimes=("onnxruntime", "faulty_sweep:Drifts"))
        (row,) = compare_files(tiny_onnx(), tiny_onnx(), settings=settings)
        assert (row.reference_runtime, row.runtime) == settings.runtimes
        assert row.same_answers  # at first
        assert (row.wrong_answers or 0) > 0
        assert (row.status, row.ratio, row.verdict) == (FAILED, None, None)
        assert "timed calls gave different logits" in Comparisons((row,)).answer()

    def test_another_order_of_classes_is_matched_by_name(
        self, compare_files: ComparePair, tmp_path: Path
    ) -> None:
        order = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)
        named = {"names": [str(label) for label in range(10)]}
        a = classifiers.write(tmp_path / "a.onnx", **named)
        b = classifiers.write(tmp_path / "b.onnx", order=order, names=[str(at) for at in order])
        settings = replace(IN_ORT, way=USUAL)
        (row,) = compare_files(a, b, settings=settings, out=(out := tmp_path / "pairs.csv"))
        assert row.same_answers
        assert f"{b} lists the same classes in another order" in told_of(row)
        assert read_csv(out) == [row]
        given = Given(classes_as_given=True)
        (row,) = compare_files(a, b, settings=settings, given=given)
        assert (row.same_answers, row.classes_matched) == (False, None)

    def test_other_classes_do_not_answer_alike(
        self, compare_files: ComparePair, tmp_path: Path
    ) -> None:
        a = classifiers.write(tmp_path / "a.onnx", names=[str(label) for label in range(10)])
        b = classifiers.write(tmp_path / "b.onnx", names=list("abcdefghij"))
        settings = replace(IN_ORT, way=USUAL)
        (row,) = compare_files(a, b, settings=settings)
        assert not row.same_answers
        assert "names other classes (a, b, c and 7 more)" in told_of(row)
        (row,) = compare_files(a, b, settings=settings, given=Given(classes_as_given=True))
        assert (row.same_answers, row.classes_matched) == (True, None)

    @pytest.mark.parametrize("name", ["CPU", "CPUExecutionProvider", "cpu"])
    def test_a_provider_has_one_name(
        self, compare_files: ComparePair, tiny_onnx: Any, name: str, tmp_path: Path
    ) -> None:
        file, out = tiny_onnx(), tmp_path / "pairs.csv"
        kept(out, file)
        (row,) = compare_files(file, file, settings=replace(SETTINGS, provider=name), out=out)
        assert row.provider == "cpu"

    def test_the_usual_way_has_none(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        out = tmp_path / "usual.csv"
        (row,) = compare_files(
            tiny_onnx(), tiny_onnx(), settings=replace(SETTINGS, way=USUAL), out=out
        )
        assert (row.ratio_low, row.ratio_high, row.verdict) == (None, None, None)
        assert row.n == USUAL_CALLS
        assert row.ratio == pytest.approx((row.p50_ms or 0) / (row.reference_p50_ms or 1))
        assert read_csv(out) == [row]

    def test_the_sequential_way_has_an_interval_too_and_a_neighbour_does_not_outlive_it(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        import psutil

        def children() -> set[int]:
            return {child.pid for child in psutil.Process().children()}

        before = children()
        settings = replace(SETTINGS, way=SEQUENTIAL, neighbour=0.5)
        (row,) = compare_files(tiny_onnx(), tiny_onnx(), settings=settings)
        assert (row.way, row.neighbour) == ("sequential", 0.5)
        assert (row.ratio_low or 9) < (row.ratio or 0) < (row.ratio_high or 0)
        assert row.verdict
        assert children() <= before


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"runtimes": ("onxruntime", "onnxruntime")}, "Did you mean onnxruntime"),
            ({"runtimes": ("onnxruntime", "gone:Class")}, "gone:Class cannot be imported"),
            ({"provider": "cdua"}, "Did you mean cuda"),
            ({"threads": 10_000}, "--threads 10000: this process may use"),
            ({"boundary": "devise"}, "Did you mean device"),
            ({"boundary": "device"}, "on the CPU all memory is the host's"),
            ({"tf32": True}, "--tf32: this needs a GPU, but --provider is cpu"),
            ({"cuda_graph": True}, "--cuda-graph: this needs a GPU, but --provider is cpu"),
        ],
    )
    def test_what_cannot_be_asked_is_refused_at_once(
        self,
        compare_files: ComparePair,
        tiny_onnx: Any,
        started: list[str],
        change: dict[str, Any],
        told: str,
    ) -> None:
        with pytest.raises(UsageError, match=told):
            compare_files(tiny_onnx(), tiny_onnx(), settings=replace(SETTINGS, **change))
        assert started == []

    def test_a_provider_that_is_not_here_is_refused_at_once(
        self, compare_files: ComparePair, tiny_onnx: Any, started: list[str]
    ) -> None:
        import torch

        if torch.cuda.is_available():
            pytest.skip("CUDA works here")
        both = replace(IN_ORT, provider="cuda")
        with pytest.raises(UnavailableError, match="--provider cuda cannot run here"):
            compare_files(tiny_onnx(), tiny_onnx(), settings=both)
        assert started == []

    def test_what_is_asked_of_a_device_reaches_both_arms(self, tiny_onnx: Any) -> None:
        asked = PairSettings(provider="cuda", boundary="device", tf32=True, cuda_graph=True)
        both = ([str(tiny_onnx())] * 2, ("fp32", "fp32"))
        for order in find_pair(*both, asked, Path("exports"), None).orders:
            assert (order.provider, order.boundary) == ("cuda", "device")
            assert (order.tf32, order.cuda_graph) == (True, True)
        asked = replace(asked, runtimes=("onnxruntime", "torch"))
        with pytest.raises(UsageError, match="--cuda-graph: "):
            find_pair(*both, asked, Path("exports"), None)

    def test_a_precision_that_was_not_published_names_the_command(
        self, compare_files: ComparePair, mlp_exports: Path
    ) -> None:
        told = r"python cli\.py export mlp-digits --mend --precision fp16 --exports"
        with pytest.raises(UsageError, match=told):
            compare_files("mlp", "mlp", precisions=("fp32", "fp16"), exports=mlp_exports)

    def test_images_of_two_shapes_cannot_be_compared(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        files = tiny_onnx("a.onnx"), tiny_onnx("b.onnx", size=(6, 6))
        with pytest.raises(UsageError, match=r"different shapes: .*4, 5, 3.*6, 6, 3"):
            compare_files(*files, settings=IN_ORT)

    def test_logits_of_two_lengths_cannot_be_compared(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        files = tiny_onnx("a.onnx"), tiny_onnx("b.onnx", classes=4)
        with pytest.raises(UsageError, match="logits for 3 and 4 classes"):
            compare_files(*files, settings=IN_ORT)

    def test_normalisation_that_is_known_by_half_or_wrong_is_refused(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        file = tiny_onnx("A.ONNX", kind="float32-nchw", metadata={})
        settings = IN_ORT
        with pytest.raises(UsageError, match="Give them on the 0"):
            compare_files(file, file, settings=settings, given=Given(mean=(0.5,)))
        with pytest.raises(UsageError, match=r"Did you mean --mean \.490 --std \.250\?"):
            compare_files(file, file, settings=settings, given=Given((125.0,), (63.75,)))
        given = Given((0.5,), (0.25,) * 3)
        assert compare_files(file, file, settings=replace(settings, way=USUAL), given=given)

    def test_normalisation_that_nobody_needs_is_refused(
        self, compare_files: ComparePair, tiny_onnx: Any, mlp_exports: Path, started: list[str]
    ) -> None:
        given = Given((0.5,) * 3, (0.25,) * 3)
        with pytest.raises(UsageError, match="mlp names its own"):
            compare_files("mlp", "mlp", exports=mlp_exports, given=given)
        with pytest.raises(UsageError, match="takes raw pixels"):
            compare_files(tiny_onnx(), tiny_onnx(), given=given)
        assert started == []

    def test_one_of_two_files_may_need_normalisation(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        files = tiny_onnx("a.onnx"), tiny_onnx("b.onnx", kind="float32-nchw", metadata={})
        settings = replace(IN_ORT, way=USUAL)
        assert compare_files(*files, settings=settings, given=Given((0.5,) * 3, (0.25,) * 3))

    def test_an_arm_that_hangs_is_given_up(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        settings = replace(
            SETTINGS,
            runtimes=("faulty_sweep:Right", "faulty_sweep:Hangs"),
            batch=2,
            timeout=2.0,
        )
        with pytest.raises(ZooError, match="no answer in 2 s"):
            compare_files(tiny_onnx(), tiny_onnx(), settings=settings)

    def test_a_folder_is_no_file(
        self, compare_files: ComparePair, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match=r"is a folder\. Name a file in it: --out .*\.csv"):
            compare_files(tiny_onnx(), tiny_onnx(), out=tmp_path)

    def test_an_arm_that_dies_ends_it_with_the_reason(
        self, compare_files: ComparePair, tiny_onnx: Any
    ) -> None:
        settings = replace(SETTINGS, runtimes=("faulty_sweep:Right", "faulty_sweep:Dies"), batch=2)
        with pytest.raises(ZooError, match="killed by SIGKILL"):
            compare_files(tiny_onnx(), tiny_onnx(), settings=settings)
