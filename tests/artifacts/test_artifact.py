"""Artifacts are found by the names that people use; their bytes are those that were published."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.artifacts.publications import FACTS, put
from zoo.artifacts.artifact import CARD, Artifact, find_artifact, which_artifact
from zoo.artifacts.publishing import publish, publishing
from zoo.errors import UsageError, ZooError


@pytest.mark.parametrize("text", ["other", ""])
def test_changed_bytes_are_an_error(tmp_path: Path, text: str) -> None:
    artifact = put(tmp_path, "cnn-digits", "one")
    (artifact.folder / "fp32.onnx").write_text(text)
    with pytest.raises(ZooError, match="not the file that was published"):
        artifact.file("fp32")


@pytest.mark.parametrize("file", ["../cnn-mnist/fp32.onnx", "a/../../b", "/etc/passwd", ""])
def test_a_manifest_may_not_name_files_elsewhere(tmp_path: Path, file: str) -> None:
    """What it lists is copied to other folders, such as by `export --mend`."""
    put(tmp_path, "cnn-digits", "one")
    path = tmp_path / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["artifacts"]["cnn-digits"]["files"][file] = {"sha256": "0", "bytes": 1}
    path.write_text(json.dumps(manifest))
    artifact = find_artifact("cnn-digits", tmp_path)
    with pytest.raises(ZooError, match="lies outside the artifact's folder"):
        artifact.content(file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    artifact = put(tmp_path, "cnn-digits", "one")
    (artifact.folder / "fp32.onnx").unlink()
    with pytest.raises(ZooError, match="cannot be read"):
        artifact.file("fp32")


def test_a_precision_that_was_not_published(tmp_path: Path) -> None:
    artifact = put(tmp_path, "cnn-digits", "one")
    with pytest.raises(UsageError, match="has no int8, only fp32"):
        artifact.file("int8")


def test_names_mean_what_the_command_line_says(tmp_path: Path) -> None:
    put(tmp_path, "cnn-digits", "digits")
    assert find_artifact("cnn", tmp_path).id == "cnn-digits"
    put(tmp_path, "cnn-mnist", "mnist")
    with pytest.raises(UsageError, match=r"Name one of them: cnn-digits or cnn-mnist\."):
        find_artifact("cnn", tmp_path)
    put(tmp_path, "cnn-cifar10", "cifar10")
    assert find_artifact("cnn", tmp_path).id == "cnn-cifar10"
    assert find_artifact("cnn-mnist", tmp_path).id == "cnn-mnist"


def test_unknown_names_are_usage_errors_and_unpublished_models_are_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cnn"):
        find_artifact("cnm", tmp_path)
    with pytest.raises(ZooError, match=r"python cli\.py export cnn"):
        find_artifact("cnn", tmp_path)
    with pytest.raises(ZooError, match=r"python cli\.py export densenet-bc-100-12"):
        find_artifact("densenet-bc-100-12", tmp_path)


def test_a_damaged_card_is_named(tmp_path: Path) -> None:
    with publishing("cnn-digits", tmp_path) as folder:
        (folder / CARD).write_text(json.dumps({"id": "cnn-digits"}))
        artifact = Artifact(tmp_path, "cnn-digits", publish("cnn-digits", FACTS, folder))
    with pytest.raises(ZooError, match=r"card\.json is damaged"):
        _ = artifact.card


def test_an_artifact_answers_from_python(tmp_path: Path, tiny_onnx: Callable[..., Path]) -> None:
    with publishing("tiny", tmp_path / "exports") as folder:
        shutil.copyfile(tiny_onnx(), folder / "fp32.onnx")
        publish("tiny", FACTS, folder)
    red = np.zeros((2, 4, 5, 3), np.uint8)
    red[..., 0] = 255
    artifact = zoo.load("tiny", tmp_path / "exports")
    np.testing.assert_allclose(artifact.predict(red), [[10, 0, 0]] * 2, atol=1e-4)
    session = artifact.session()
    assert (session.provider, session.name) == ("cpu", str(artifact.folder / "fp32.onnx"))


def test_others_that_a_models_name_could_mean_are_known(tmp_path: Path) -> None:
    for name in ("cnn-cifar10", "cnn-digits"):
        put(tmp_path, name, "one")
    found = find_artifact("cnn", tmp_path)
    assert found.id == "cnn-cifar10"
    assert which_artifact("cnn", found) == "cnn is cnn-cifar10 here; also published: cnn-digits"
    assert which_artifact("cnn-cifar10", found) == ""
