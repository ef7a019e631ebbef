"""Artifacts of a few small files, published for tests."""

from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import Artifact
from zoo.artifacts.publishing import publish, publishing

FACTS: dict[str, Any] = {"model": "cnn", "precisions": {"fp32": {}}}


def put(root: Path, name: str, text: str, **facts: Any) -> Artifact:
    """Publish an artifact of three files that all say `text`."""
    with publishing(name, root) as folder:
        (folder / "fp32.onnx").write_text(text)
        (folder / "test_data_set_0").mkdir()
        (folder / "test_data_set_0" / "input_0.pb").write_text(text)
        (folder / f"only-{text}.txt").write_text(text)
        return Artifact(root, name, publish(name, FACTS | facts, folder))


def said(artifact: Artifact) -> set[str]:
    """What its files say, each checked against the manifest, none missing or too many."""
    there = {
        path.relative_to(artifact.folder).as_posix()
        for path in artifact.folder.rglob("*")
        if path.is_file()
    }
    assert there == set(artifact.entry["files"])
    return {artifact.checked(name).read_text() for name in there}
