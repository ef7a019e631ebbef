"""What a sweep shows to third-party files, and to a model whose test set is not at hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.results.predictions import read_predictions
from bench.results.rows import FAILED, OK
from bench.subjects import images
from bench.sweep import preflight
from zoo.artifacts.artifact import find_artifact
from zoo.errors import UsageError, ZooError
from zoo.ort.given import Given

Sweep = Callable[..., Any]


class TestThirdPartyFiles:
    """ONNX files that are not of this zoo."""

    def test_normalisation_that_is_given_is_used(self, sweep_of: Sweep, tiny_onnx: Any) -> None:
        file = tiny_onnx(kind="float32-nchw", size=(32, 32), classes=10, metadata={})
        pixels = tiny_onnx("pixels.onnx", size=(32, 32), classes=10, metadata={})
        given = Given((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "digits")
        found = sweep_of(file, given=given, runtimes=("onnxruntime",)).rows[0]
        raw = sweep_of(
            pixels, given=Given(data="digits"), runtimes=("onnxruntime",), out="raw.csv"
        ).rows[0]
        assert (found.status, found.inputs, found.images) == (OK, "test set of digits", 359)
        assert (found.accuracy_source, found.dataset) == ("measured", "digits")
        assert found.correct == raw.correct

    def test_a_mean_beside_the_file_is_for_all_channels_or_refused(
        self, sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
    ) -> None:
        file = tiny_onnx(kind="float32-nchw", size=(32, 32), classes=10, metadata={})
        beside = file.with_suffix(".json")
        beside.write_text('{"mean": [0.5], "std": [0.25], "data": "digits"}')
        assert sweep_of(file, runtimes=("onnxruntime",)).rows[0].status == OK
        beside.write_text('{"mean": [125], "std": [63.75], "data": "digits"}')
        with pytest.raises(UsageError, match=r"Did you mean --mean \.490 --std \.250\?"):
            sweep_of(file, runtimes=("onnxruntime",), out="refused.csv")
        assert not (tmp_path / "refused.csv").exists()

    def test_a_file_of_fixed_batch_is_measured_at_that(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(tiny_onnx(batch=2), runtimes=("onnxruntime",), batches=(1, 64))
        assert [(row.batch, row.status) for row in found.rows] == [(2, OK)]
        assert any("batches of exactly 2" in line for line in found.told)

    def test_a_ragged_test_set_is_filled_up_for_a_fixed_batch(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        options: dict[str, Any] = {"size": (32, 32), "classes": 10, "metadata": {}}
        fixed, free = tiny_onnx("2.onnx", batch=2, **options), tiny_onnx("n.onnx", **options)
        rows = sweep_of(
            fixed, free, given=Given(data="digits"), runtimes=("onnxruntime",), batches=(2,)
        ).rows
        assert {row.images for row in rows} == {359}
        assert rows[0].correct == rows[1].correct

    def test_another_number_of_classes_than_the_data_has_is_told(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        row = sweep_of(
            tiny_onnx(classes=4, metadata={}), given=Given(data="digits"), runtimes=("onnxruntime",)
        ).rows[0]
        assert row.status == OK
        assert row.accuracy is None
        assert row.accuracy_reason == "it gives 4 classes, digits has 10"

    def test_accuracy_that_is_demanded_and_can_be_had_is_measured(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        file = tiny_onnx(size=(32, 32), classes=10, metadata={})
        found = sweep_of(
            file, given=Given(data="digits"), runtimes=("onnxruntime",), measure_accuracy=True
        ).rows[0]
        assert (found.status, found.accuracy_source) == (OK, "measured")

    def test_it_is_compared_with_itself_in_other_runtimes(
        self, sweep_of: Sweep, tiny_onnx: Any
    ) -> None:
        found = sweep_of(tiny_onnx(), runtimes=("onnxruntime", "faulty_sweep:Right"))
        row = found.row(runtime="faulty_sweep:Right")
        assert row.reference == "onnxruntime cpu file"
        assert row.ratio > 0


class TestWithoutTheTestSet:
    """A card whose dataset is not at hand."""

    @pytest.fixture
    def published(self, tmp_path: Path, mlp_exports: Path) -> Path:
        """The same artifact, of a dataset that is nowhere."""
        import shutil

        from zoo.files import sha256

        root = Path(shutil.copytree(mlp_exports, tmp_path / "exports"))
        card, manifest = root / "mlp-digits" / "card.json", root / "manifest.json"
        facts = {**json.loads(card.read_text()), "dataset": "cifar10"}
        card.write_text(json.dumps(facts))
        listed = json.loads(manifest.read_text())
        entry = listed["artifacts"]["mlp-digits"]
        entry["files"]["card.json"] = {"sha256": sha256(card), "bytes": card.stat().st_size}
        entry["dataset"] = "cifar10"
        manifest.write_text(json.dumps(listed))
        return root

    def test_its_own_vectors_are_shown_and_the_card_tells_the_accuracy(
        self, sweep_of: Sweep, published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.delenv("ZOO_DATA", raising=False)
        found = sweep_of("mlp", exports=published, runtimes=("onnxruntime",))
        card = find_artifact("mlp", published).card
        for row in found.rows:
            assert row.status == OK
            assert row.inputs == "test vectors of the artifact"
            assert row.accuracy_source == "card"
            assert row.accuracy == card.precisions[row.precision].accuracy.share
            assert "no local copy of cifar10" in row.accuracy_reason
            assert row.agreement is None
        assert read_predictions(found.out) == {}

    def test_where_accuracy_is_demanded_it_is_refused_beforehand(
        self, sweep_of: Sweep, published: Path, monkeypatch: pytest.MonkeyPatch, started: list[str]
    ) -> None:
        monkeypatch.delenv("ZOO_DATA", raising=False)
        options: dict[str, Any] = {"exports": published, "runtimes": ("onnxruntime",)}
        with pytest.raises(
            ZooError, match=r"mlp-digits.*no local copy of cifar10.*--accuracy"
        ) as error:
            sweep_of("mlp", measure_accuracy=True, **options)
        assert error.value.exit_code == 1
        assert started == []

    def test_test_sets_that_vanish_afterwards_are_failures(
        self, sweep_of: Sweep, mlp_exports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(images, "load_local", lambda *_: "the disk was pulled out")
        monkeypatch.setattr(preflight, "check_test_sets", lambda *_: None)
        found = sweep_of(
            "mlp", exports=mlp_exports, precisions=("fp32",), measure_accuracy=True
        ).rows[0]
        assert found.status == FAILED
        assert (
            "accuracy was requested but could not be measured: the disk was pulled out"
            in found.reason
        )

    def test_a_preset_that_does_not_measure_takes_the_cards_word(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        row = sweep_of(
            "mlp",
            exports=mlp_exports,
            precisions=("fp32",),
            runtimes=("onnxruntime",),
            measure_accuracy=False,
        ).rows[0]
        assert (row.accuracy_source, row.inputs) == ("card", "test set of digits")
        assert "not measured" in row.accuracy_reason
