"""From a run to files that pass the gate; the same run gives the same bytes."""

import csv
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

import zoo
from cli import main
from tests.artifacts.publications import republished
from zoo.actions import export as export_module
from zoo.actions.check import check
from zoo.actions.export import export
from zoo.actions.trained import load_trained
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.artifacts.card import PRECISIONS
from zoo.errors import UsageError, ZooError
from zoo.exporting.gate import GateResult, judge
from zoo.files import sha256, write_json
from zoo.ort.signature import BARE
from zoo.parity import GATE, GateBounds

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def published(
    digits_run: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Artifact:
    """The mlp of digits in all precisions; not to be changed."""
    root = tmp_path_factory.mktemp("published") / "exports"
    return export("mlp", run=digits_run("mlp"), exports=root)


@pytest.fixture
def copied(published: Artifact, tmp_path: Path) -> Artifact:
    shutil.copytree(published.root, tmp_path / "exports")
    return find_artifact("mlp", tmp_path / "exports")


def test_the_folder_holds_what_the_contract_says(published: Artifact) -> None:
    assert set(published.entry["files"]) == {
        "README.md", "card.json", "confusion.csv", "history.csv", "fp32.onnx", "fp16.onnx",
        "int8.onnx", "test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb",
    }  # fmt: skip
    for name in published.entry["files"]:
        published.checked(name)


def test_the_metadata_tells_classes_and_provenance(
    published: Artifact, digits_run: Callable[[str], Path]
) -> None:
    for precision in PRECISIONS:
        facts = published.session(precision).metadata
        assert json.loads(facts["class_names"]) == [str(digit) for digit in range(10)]
        assert facts["precision"] == precision
        assert (facts["model"], facts["dataset"], facts["seed"]) == ("mlp", "digits", "0")
        assert facts["weights"] == sha256(digits_run("mlp") / "weights.safetensors")
        assert facts["fingerprint"] == published.card.fingerprint
        assert json.loads(facts["recipe"])["optimizer"] == "adamw"
        assert facts["min_onnxruntime"] == "1.17"


def test_the_vectors_are_real_images_with_their_logits(published: Artifact) -> None:
    vectors = published.folder / "test_data_set_0"
    image, wanted = (
        onnx.numpy_helper.to_array(onnx.TensorProto.FromString((vectors / name).read_bytes()))
        for name in ("input_0.pb", "output_0.pb")
    )
    data = zoo.load_data("digits")
    np.testing.assert_array_equal(image, data.test.images[:8])
    np.testing.assert_allclose(published.predict(data.test.images[:8]), wanted, atol=1e-5)


def test_the_confusion_adds_up(published: Artifact) -> None:
    with (published.folder / "confusion.csv").open(newline="") as handle:
        header, *rows = csv.reader(handle)
    assert header == ["true", *(str(digit) for digit in range(10))]
    counts = np.array([row[1:] for row in rows], dtype=int)
    accuracy = published.card.precisions["fp32"].accuracy
    assert (counts.sum(), counts.trace()) == (accuracy.images, accuracy.correct)


def test_the_readme_shows_the_card(published: Artifact) -> None:
    text = (published.folder / "README.md").read_text()
    assert f"# {published.id}" in text
    for name, file in published.card.precisions.items():
        assert f"| `{name}.onnx` | {file.accuracy.share:.2%} (" in text


def test_its_five_lines_run(
    published: Artifact, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (published.folder / "README.md").read_text()
    code = "\n".join(line[4:] for line in text.splitlines() if line.startswith("    "))
    monkeypatch.chdir(published.folder)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.strip("[]\n").isdigit()


def test_exporting_again_gives_the_same_bytes(
    published: Artifact, digits_run: Callable[[str], Path], tmp_path: Path
) -> None:
    again = export("mlp", run=digits_run("mlp"), exports=tmp_path)
    assert again.entry == published.entry


def test_check_says_same(published: Artifact, digits_run: Callable[[str], Path]) -> None:
    found = check("mlp", run=digits_run("mlp"), exports=published.root)
    assert [(one.file, one.same, one.why) for one in found] == [
        (f"{precision}.onnx", True, ()) for precision in PRECISIONS
    ]


def test_check_says_same_of_a_file_that_an_earlier_export_stamped_with_its_accuracy(
    copied: Artifact, digits_run: Callable[[str], Path]
) -> None:
    files = {}
    for precision, file in copied.card.precisions.items():
        model = onnx.load_from_string(copied.content(f"{precision}.onnx"))
        facts = {entry.key: entry.value for entry in model.metadata_props}
        right = {"correct": file.accuracy.correct, "images": file.accuracy.images}
        facts["accuracy"] = json.dumps(right, sort_keys=True)
        onnx.helper.set_model_props(model, dict(sorted(facts.items())))
        files[f"{precision}.onnx"] = model.SerializeToString(deterministic=True)
    republished("mlp-digits", copied.root, files=files)
    found = check("mlp", run=digits_run("mlp"), exports=copied.root)
    assert [one.same for one in found] == [True] * len(PRECISIONS)


def test_the_files_that_were_judged_are_those_that_are_published(
    digits_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: dict[str, bytes] = {}

    def noting(content: bytes, precision: str, *rest: Any) -> GateResult:
        judged[precision] = content
        return judge(content, precision, *rest)

    monkeypatch.setattr(export_module, "judge", noting)
    made = export("mlp", run=digits_run("mlp"), exports=tmp_path)
    assert judged == {name: made.content(f"{name}.onnx") for name in PRECISIONS}


def test_check_knows_the_opset_that_was_published(
    digits_run: Callable[[str], Path], tmp_path: Path
) -> None:
    run = digits_run("mlp")
    export("mlp", run=run, exports=tmp_path, precisions=["fp32"], opset=18)
    (found,) = check("mlp", run=run, exports=tmp_path)
    assert found.same


def test_check_says_what_is_different(
    published: Artifact, digits_run: Callable[[str], Path], tmp_path: Path
) -> None:
    run = shutil.copytree(digits_run("mlp"), tmp_path / "run")
    card = json.loads((run / "run.json").read_text())
    card["mean"][0] += 0.01
    write_json(run / "run.json", card)
    fp32, *_ = check("mlp", run=run, exports=published.root)
    assert not fp32.same
    assert any(reason.startswith("mean: published") for reason in fp32.why)
    assert "different values in pixel_offset" in fp32.why


def test_only_what_was_asked_for_is_made_and_fp32_always(
    digits_run: Callable[[str], Path], copied: Artifact
) -> None:
    made = export("mlp", run=digits_run("mlp"), exports=copied.root, precisions=["int8"])
    assert made.precisions == ("fp32", "int8")
    assert not (copied.folder / "fp16.onnx").exists()


def test_the_bare_network_is_an_artifact_of_its_own(
    digits_run: Callable[[str], Path], copied: Artifact
) -> None:
    bare = export("mlp", run=digits_run("mlp"), exports=copied.root, form=BARE, precisions=["int8"])
    assert bare.id == "mlp-digits-float32-nchw"
    assert bare.session().inputs[0].dtype == "float32"
    images = zoo.load_data("digits").test.images[:20]
    np.testing.assert_allclose(bare.predict(images), copied.predict(images), atol=1e-3)


def test_a_file_that_fails_the_gate_leaves_what_was_there(
    digits_run: Callable[[str], Path], copied: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = copied.entry
    strict = GateBounds(lost={**GATE.lost, "int8": -10_000})
    monkeypatch.setattr(export_module, "judge", partial(judge, bounds=strict))
    with pytest.raises(ZooError, match=r"the gate refuses int8\.onnx.*Nothing was published"):
        export("mlp", run=digits_run("mlp"), exports=copied.root)
    after = find_artifact("mlp", copied.root)
    assert after.entry == before
    for name in before["files"]:
        after.checked(name)


def test_a_run_in_the_way_is_refused_before_any_work_and_stays(
    digits_run: Callable[[str], Path], in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = shutil.copytree(digits_run("mlp"), Path("runs/mlp-digits"))
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    monkeypatch.setattr(export_module, "load_trained", None)
    done = CliRunner().invoke(main, ["export", "mlp", "--exports", "runs"])
    assert done.exit_code == 2
    assert "runs/mlp-digits is in the way: it is not an artifact" in done.stderr
    assert "choose another --exports" in done.stderr
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before


def test_a_place_that_cannot_hold_it_is_refused_before_any_work(
    digits_run: Callable[[str], Path], in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("precious")
    monkeypatch.setattr(export_module, "load_trained", None)
    for place in (Path("file"), Path("file/exports")):
        with pytest.raises(ZooError, match="cannot write"):
            export("mlp", run=digits_run("mlp"), exports=place)


def test_all_of_an_artifact_is_of_one_training(
    digits_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run may be trained anew while the gate is at work."""
    run = shutil.copytree(digits_run("mlp"), tmp_path / "run")
    weights, history = sha256(run / "weights.safetensors"), (run / "history.csv").read_bytes()

    def load(*arguments: Any) -> Any:
        trained = load_trained(*arguments)
        for name in ("weights.safetensors", "history.csv"):
            (run / name).write_text("of another training")
        return trained

    monkeypatch.setattr(export_module, "load_trained", load)
    artifact = export("mlp", run=run, exports=tmp_path / "exports", precisions=["fp32"])
    assert artifact.card.weights == weights
    assert artifact.content("history.csv") == history
    model = onnx.load(artifact.file())
    assert {part.key: part.value for part in model.metadata_props}["weights"] == weights


def test_an_unfinished_run_is_not_exported(
    digits_run: Callable[[str], Path], tmp_path: Path
) -> None:
    run = shutil.copytree(digits_run("mlp"), tmp_path / "run")
    card = json.loads((run / "run.json").read_text())
    write_json(run / "run.json", card | {"finished": False})
    with pytest.raises(ZooError, match=r"not finished\. Continue with"):
        export("mlp", run=run, exports=tmp_path / "exports")
    assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precisions": ["fp8"]}, "fp16"),
        ({"form": "uint8"}, "uint8-nhwc"),
        ({"opset": 9}, "--opset 9 is not supported. Choose from 18"),
    ],
)
def test_wrong_wishes_are_usage_errors(
    options: dict[str, object], words: str, digits_run: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=words):
        export("mlp", run=digits_run("mlp"), exports=tmp_path, **options)  # type: ignore[arg-type]


def test_the_command_publishes_lists_and_checks(
    digits_run: Callable[[str], Path], in_folder: Path
) -> None:
    def call(*arguments: object) -> str:
        done = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert done.exit_code == 0, done.output
        return done.stdout

    run = digits_run("mlp")
    printed = call("export", "mlp", "--run", run, "--precision", "fp32,int8")
    assert "int8.onnx" in printed
    assert "next      python cli.py verify mlp-digits" in printed
    assert call("list", "exports").startswith("mlp-digits\tmlp\tdigits")
    assert call("export", "mlp", "--run", run, "--check").count("same") == 2
    assert json.loads(call("export", "mlp", "--run", run, "--check", "--json"))[0]["same"]


def test_an_artifact_is_tested_where_its_run_is_gone(published: Artifact, in_folder: Path) -> None:
    found = zoo.test("mlp", exports=published.root)
    assert found.accuracy == published.card.precisions["fp32"].accuracy
    assert {path.name for path in Path("results/mlp-digits").iterdir()} >= {
        "test.json", "confusion.png", "predictions.csv"
    }  # fmt: skip
    for name in published.entry["files"]:
        published.checked(name)


def test_findings_replace_nothing_of_others(published: Artifact, in_folder: Path) -> None:
    shutil.copytree(published.root, "exports")
    zoo.test("mlp-digits")
    zoo.test("mlp-digits")
    (Path("results") / "mlp-digits" / "test.json").unlink()  # of one that was killed
    zoo.test("mlp-digits")
    for name in ("confusion.png", "predictions.csv", "test.json"):
        shutil.rmtree("results")
        path = Path("results/mlp-digits") / name
        path.parent.mkdir(parents=True)
        path.write_text("precious")
        with pytest.raises(UsageError, match=f"{name} exists.*run this in another folder"):
            zoo.test("mlp-digits")
        assert path.read_text() == "precious"


def test_the_api_has_the_words_of_the_commands(
    digits_run: Callable[[str], Path], in_folder: Path
) -> None:
    artifact = zoo.export("mlp", run=digits_run("mlp"), precisions=["fp32"])
    assert zoo.load("mlp").entry == artifact.entry
    assert replace(artifact, id="x").id == "x"
