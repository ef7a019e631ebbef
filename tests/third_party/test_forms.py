"""Each form of such a file through verify, predict, bench and compare; its accuracy is torch's own.

What a file does not say stands in the JSON beside it.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import squeezenet1_1

import bench
from bench.pair.settings import PairSettings
from bench.results.comparisons import Comparisons, names_of
from bench.results.rows import OK, USUAL, Row
from bench.sweep.matrix import Preset, Settings
from tests.third_party.forms import FORMS, Form, fitted, normalised, to_half, write
from zoo.actions.predict import predict
from zoo.actions.trained import load_trained
from zoo.actions.verify import verify
from zoo.data import load
from zoo.frameworks.pytorch.trained import TrainedNetwork
from zoo.ort.given import Given
from zoo.runs.run import Run

TEST = load("digits").test


@pytest.fixture(scope="module")
def mlp(digits_run: Callable[[str], Path]) -> TrainedNetwork:
    """A network of the zoo."""
    run = Run(digits_run("mlp"))
    trained = load_trained(run, run.finished_card())
    assert isinstance(trained, TrainedNetwork)
    return trained


@pytest.fixture(scope="module")
def given(mlp: TrainedNetwork) -> dict[str, Given]:
    """By form, what is told of it."""
    own = Given(mlp.card.mean, mlp.card.std, "digits")
    return {form.name: own if form.name == "zoo" else form.given for form in FORMS}


@pytest.fixture(scope="module")
def networks(one_thread: None, mlp: TrainedNetwork) -> dict[str, nn.Module]:
    """By form, what was exported."""
    network = fitted()
    torch.manual_seed(0)
    other = squeezenet1_1(num_classes=10).eval()
    of_its_own = {"torchvision": other, "zoo": mlp.network.eval()}
    return {form.name: of_its_own.get(form.name, network) for form in FORMS}


@pytest.fixture(scope="module")
def files(
    networks: dict[str, nn.Module],
    given: dict[str, Given],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """By form, the file with its description beside it."""
    root, found = tmp_path_factory.mktemp("third-party"), {}
    for form in FORMS:
        (root / form.name).mkdir()
        found[form.name] = write(form, networks[form.name], root / form.name / "model.onnx")
        found[form.name].with_suffix(".json").write_text(json.dumps(asdict(given[form.name])))
    return found


@pytest.fixture(scope="module")
def predicted(
    networks: dict[str, nn.Module], given: dict[str, Given]
) -> Callable[[Form], np.ndarray]:
    """The classes that torch gives to the test set."""

    def of(form: Form) -> np.ndarray:
        network, images = networks[form.name], normalised(TEST.images, given[form.name])
        if form.half:
            network, images = to_half(network), images.half()
        with torch.no_grad():
            return network(images).argmax(1).numpy()

    return of


@pytest.fixture(scope="module")
def rows(files: dict[str, Path], tiny_preset: Preset, tmp_path_factory: Any) -> dict[str, Row]:
    """One sweep over all of them."""
    settings = Settings(preset=tiny_preset, batches=(1,), threads=(1,))
    out = tmp_path_factory.mktemp("swept") / "results.csv"
    swept = bench.run([str(path) for path in files.values()], settings, out=out)
    return {Path(row.subject).parent.name: row for row in swept}


def allowed(form: Form) -> int:
    """Images that rounding may turn: fp16 in another order, int8 by the range of a batch."""
    return 8 if form.quantised else 1 if form.half else 0


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
class TestForms:
    def test_verify_measures_its_accuracy(
        self, form: Form, files: dict[str, Path], predicted: Callable[[Form], np.ndarray]
    ) -> None:
        checks = {check.name: check for check in verify(files[form.name])}
        assert {check.status for check in checks.values()} <= {"ok", "skipped", "warning"}
        right = int((predicted(form) == TEST.labels).sum())
        assert checks["images"].status == "ok"
        found = int(checks["accuracy"].text.split(" of 359 correct: ")[0])
        assert abs(found - right) <= allowed(form)
        assert f"{found / 359:.2%} (" in checks["accuracy"].text
        chosen = "takes its output scores, of inner, scores" in checks["images"].text
        assert chosen == (form.name == "two")

    def test_predict_names_the_same_classes(
        self,
        form: Form,
        files: dict[str, Path],
        predicted: Callable[[Form], np.ndarray],
        tmp_path: Path,
    ) -> None:
        images = [tmp_path / f"{at}.png" for at in range(5)]
        for at, path in enumerate(images):
            Image.fromarray(np.array(TEST.images[at])).save(path)
        found = [one.guesses[0].class_name for one in predict(files[form.name], images, top=1)]
        same = sum(
            name == str(label) for name, label in zip(found, predicted(form)[:5], strict=True)
        )
        assert same >= 5 - min(allowed(form), 1)

    def test_bench_measures_it(
        self,
        form: Form,
        rows: dict[str, Row],
        predicted: Callable[[Form], np.ndarray],
        networks: dict[str, nn.Module],
    ) -> None:
        row = rows[form.name]
        assert (row.status, row.accuracy_source, row.images) == (OK, "measured", 359)
        assert row.correct is not None
        assert abs(row.correct - (predicted(form) == TEST.labels).sum()) <= allowed(form)
        assert row.p50_ms
        assert row.opset == 17
        assert row.file_precision == {"fp16": "fp16", "quantised": "int8"}.get(form.name, "fp32")
        if form.name != "torchvision":  # whose biases are alike, and are written once
            held = networks[form.name].parameters()
            assert row.parameters == sum(weight.numel() for weight in held)
        assert (row.macs is None) == form.free


def test_a_network_of_the_zoo_is_as_good_as_its_run(
    rows: dict[str, Row], mlp: TrainedNetwork, digits_floors: dict[str, float]
) -> None:
    row, right = rows["zoo"], mlp.logits(TEST.images).argmax(axis=1) == TEST.labels
    assert row.correct == right.sum()
    assert row.accuracy is not None
    assert row.accuracy > digits_floors["mlp"]
    assert (row.parameters, row.macs) == (mlp.card.parameters, mlp.card.macs)


def test_a_free_size_that_nobody_named_is_asked_for(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "free.onnx"
    path.write_bytes(files["free"].read_bytes())
    (failed,) = (check for check in verify(path) if check.status == "failed")
    assert failed.name == "loads"
    assert "Fix it, such as with --size 224x224 (tried at another size" in failed.text


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_compare_holds_it_against_the_plain_export(
    form: Form, files: dict[str, Path], predicted: Callable[[Form], np.ndarray]
) -> None:
    """Which is faster is said of any two, and how far their answers are apart."""
    settings = PairSettings(way=USUAL, instances=2, warm_seconds=0.01)
    (row,) = bench.compare_pair([str(files["nchw"]), str(files[form.name])], settings)
    plain, own = predicted(FORMS[0]), predicted(form)
    assert (row.status, row.accuracy_source, row.images) == (OK, "measured", 359)
    assert row.ratio
    assert row.correct is not None
    assert row.reference_correct == (plain == TEST.labels).sum()
    assert abs(row.correct - (own == TEST.labels).sum()) <= allowed(form)
    assert row.agreement == pytest.approx((plain == own).mean(), abs=(allowed(form) + 0.5) / 359)
    assert row.same_answers == (form.name not in ("fp16", "quantised", "torchvision", "zoo"))
    assert row.answers_as == ("probabilities" if form.out == "softmax" else None)
    assert (row.answers_vary is not None) == (form.quantised and row.accuracy_batch == 1)
    said = Comparisons((row,))
    assert "times as long as" in said.answer()
    assert any("359 test images" in line for line in said.lines())


def test_compare_holds_an_artifact_against_a_third_party_file(
    files: dict[str, Path], mlp_exports: Path, predicted: Callable[[Form], np.ndarray]
) -> None:
    settings = PairSettings(way=USUAL, instances=2, warm_seconds=0.01)
    pair = [str(files["nhwc"]), "mlp"]
    (row,) = bench.compare_pair(pair, settings, precisions=("fp32", "int8"), exports=mlp_exports)
    assert row.reference_correct == (predicted(FORMS[0]) == TEST.labels).sum()
    assert (row.precision, row.accuracy_source, row.images) == ("int8", "measured", 359)
    assert names_of(row) == ("model.onnx", "mlp-digits int8")
