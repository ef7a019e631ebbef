"""A framework that is not torch goes all the way, and nothing else had to know of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

import bench
import zoo
from bench.sweep.matrix import Preset, Settings
from tests.frameworks import nearest_mean
from tests.frameworks.nearest_mean import BATCH, Means, NearestMean
from tests.killing import OFTEN, At, die, killed
from zoo.actions.check import check
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.data import load
from zoo.errors import UsageError
from zoo.frameworks.registry import FRAMEWORKS, find_framework
from zoo.runs.checkpoint import Arrays
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run, RunCard
from zoo.specs.catalog import MODELS, ModelSpec

ROOT = Path(__file__).parents[2]
NAME, DIGITS = "nearest-mean", TrainOptions(data="digits")
SPEC = ModelSpec(
    NAME,
    family="linear",
    framework="nearest-mean",
    module="tests.frameworks.nearest_mean",
    notes="the class whose mean image is nearest",
)
PLACE = "tests.frameworks.nearest_mean:NearestMean"
STEPS = -(-1438 // BATCH)


@pytest.fixture(scope="module", autouse=True)
def _registered() -> Iterator[None]:
    """Two entries are all that it takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FRAMEWORKS, SPEC.framework, PLACE)
        patch.setitem(MODELS, NAME, SPEC)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained without a break; not to be changed."""
    return zoo.train(NAME, DIGITS, run=tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def published(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """In all precisions; not to be changed."""
    return zoo.export(NAME, run=run.folder, exports=tmp_path_factory.mktemp("exports") / "exports")


def test_it_is_small_and_knows_no_torch() -> None:
    text = Path(nearest_mean.__file__).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    assert "torch" not in text


def test_the_page_shows_this_code() -> None:
    page = (ROOT / "docs" / "how-to" / "adding-a-framework.md").read_text(encoding="utf-8")
    indented = [line for line in page.splitlines(keepends=True) if line[:4].strip() == ""]
    code = "".join(line[4:] or "\n" for line in indented)
    text = Path(nearest_mean.__file__).read_text(encoding="utf-8")
    for part in text.partition("\n\n")[2].split("\n\n\n"):
        assert part.strip() in code


def test_it_is_found_by_its_name() -> None:
    assert isinstance(find_framework(SPEC.framework), NearestMean)
    with pytest.raises(UsageError, match=r"no framework 'nearest-men'\. Did you mean nearest-mean"):
        find_framework("nearest-men")


def train_and_die(folder: Path) -> None:
    FRAMEWORKS[SPEC.framework], MODELS[NAME] = PLACE, SPEC
    zoo.train(NAME, DIGITS, run=folder, progress=At(STEPS // 2, die), pace=OFTEN)


def test_killed_and_resumed_it_ends_in_the_same_weights(run: Run, tmp_path: Path) -> None:
    killed(train_and_die, tmp_path / "run")
    stopped = Run(tmp_path / "run")
    assert stopped.state.exists()
    assert not stopped.weights.exists()
    resumed = zoo.train(NAME, run=stopped.folder, resume=True)
    assert resumed.weights.read_bytes() == run.weights.read_bytes()
    left = {path.name for path in resumed.folder.iterdir()}
    assert left == {"run.json", "weights.safetensors", "history.csv", "curves.png"}


def test_the_card_says_what_it_was_made_of_and_no_more(run: Run) -> None:
    card = run.card()
    assert (card.finished, card.recipe, card.options.precision, card.options.epochs) == (
        *(True, None),
        *(None, None),
    )
    assert card.versions.keys() == {"python", "numpy"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compile": True}, "--compile is not for nearest-mean, which is written in nearest-mean"),
        ({"epochs": 3.0}, "--epochs is not for nearest-mean.* It takes --data, --device, --grey"),
        ({"backbone": "cnn"}, "--backbone is not for nearest-mean"),
        ({"device": "cuda"}, "computes only on the cpu. Leave out --device"),
    ],
)
def test_options_that_it_does_not_know_are_refused(
    in_folder: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.train(NAME, replace(DIGITS, **options))  # type: ignore[arg-type]
    assert list(in_folder.iterdir()) == []


def test_it_is_tested(run: Run, published: Artifact) -> None:
    found = zoo.test(NAME, run=run.folder)
    assert found.accuracy == published.card.accuracy
    assert found.accuracy.share > 0.8
    with pytest.raises(UsageError, match="computes only on the cpu"):
        zoo.test(NAME, run=run.folder, device="cuda")


def test_it_passes_the_gate_in_every_precision(published: Artifact) -> None:
    card = published.card
    assert (card.family, card.framework, card.recipe) == ("linear", "nearest-mean", {})
    assert published.precisions == ("fp32", "fp16", "int8")
    assert card.versions.keys() == {"numpy", "onnx", "onnxruntime"}
    assert card.trained["epochs"] == 1
    assert card.left_out == {}
    assert (card.parameters, card.macs) == (32 * 32 * 3 * 10 + 10, 32 * 32 * 3 * 10)


def test_it_is_exported_to_the_same_bytes_again(run: Run, published: Artifact) -> None:
    found = check(NAME, run=run.folder, exports=published.root)
    assert [one.same for one in found] == [True] * 3


def test_it_is_verified(published: Artifact) -> None:
    checks = zoo.verify(exports=published.root)
    assert [(one.target, one.name, one.text) for one in checks if one.status == "failed"] == []
    assert {one.status for one in checks if one.name == "accuracy"} == {"ok"}


def test_it_predicts(published: Artifact) -> None:
    test = load("digits").test
    answers = published.predict(test.images[:50]).argmax(axis=1)
    assert (answers == test.labels[:50]).mean() > 0.8
    assert find_artifact(NAME, published.root).id == "nearest-mean-digits"


def test_it_is_measured(published: Artifact, tmp_path: Path, tiny_preset: Preset) -> None:
    settings = Settings(preset=tiny_preset, batches=(1,), threads=(1,))
    rows = bench.run([NAME], settings, exports=published.root, out=tmp_path / "results.csv")
    assert [(row.precision, row.status) for row in rows] == [
        (precision, "ok") for precision in published.precisions
    ]


def test_torch_says_that_it_does_not_run_it(
    published: Artifact, tmp_path: Path, tiny_preset: Preset
) -> None:
    settings = Settings(preset=tiny_preset, runtimes=("torch",), batches=(1,), threads=(1,))
    (row,) = bench.run(
        [NAME], settings, precisions=["fp32"], exports=published.root, out=tmp_path / "results.csv"
    )
    assert "torch runs the networks of this zoo" in row.reason


class Distances(Means):
    """The same by subtraction: no layer, nothing that computes in integers."""

    def to_onnx(self, form: str, opset: int) -> onnx.ModelProto:
        model = super().to_onnx(form, opset)
        graph, make = model.graph, onnx.helper.make_node
        del graph.node[-1:]
        one, last = np.array([1]), np.array([2])
        graph.initializer.append(onnx.numpy_helper.from_array(one, "one"))
        graph.initializer.append(onnx.numpy_helper.from_array(last, "last"))
        graph.node.extend(
            [
                make("Unsqueeze", ["flat", "one"], ["each"]),
                make("Mul", ["each", "weight"], ["parts"]),
                make("ReduceSum", ["parts", "last"], ["sums"], keepdims=0),
                make("Add", ["sums", "bias"], ["logits"]),
            ]
        )
        return model


class ByDistance(NearestMean):
    """Its framework."""

    def load(self, card: RunCard, weights: Arrays, device: str | None = None) -> Means:
        return Distances(card, weights["means"])


def test_precisions_that_a_graph_cannot_have_are_left_out_and_the_card_says_why(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "tests.frameworks.test_nearest_mean:ByDistance"
    monkeypatch.setitem(FRAMEWORKS, SPEC.framework, place)
    made = zoo.export(NAME, run=run.folder, exports=tmp_path)
    assert made.precisions == ("fp32", "fp16")
    assert made.card.left_out.keys() == {"int8"}
    text = (made.folder / "README.md").read_text(encoding="utf-8")
    assert "There is no int8 file: it has no Conv or Gemm" in text
    with pytest.raises(UsageError, match="has no int8 file: it has no Conv or Gemm"):
        zoo.export(NAME, run=run.folder, exports=tmp_path, precisions=["int8"])


def test_a_form_that_it_does_not_have_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes uint8-nhwc, not float32-nchw"):
        zoo.export(NAME, run=run.folder, exports=tmp_path, form="float32-nchw")
