"""Artifacts of a few small files, published for tests."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import CARD, Artifact, find_artifact
from zoo.artifacts.card import Card, manifest_facts
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


def republished(
    name: str, root: Path, card: Card | None = None, files: dict[str, bytes] | None = None
) -> Artifact:
    """The artifact with another card or other files."""
    artifact = find_artifact(name, root)
    card = card or artifact.card
    with publishing(name, root) as folder:
        shutil.copytree(artifact.folder, folder, dirs_exist_ok=True)
        (folder / CARD).write_text(json.dumps(asdict(card)))
        for file, content in (files or {}).items():
            (folder / file).write_bytes(content)
        publish(name, manifest_facts(card), folder)
    return find_artifact(name, root)


def said(artifact: Artifact) -> set[str]:
    """What its files say, each checked against the manifest, none missing or too many."""
    there = {
        path.relative_to(artifact.folder).as_posix()
        for path in artifact.folder.rglob("*")
        if path.is_file()
    }
    assert there == set(artifact.entry["files"])
    return {artifact.checked(name).read_text() for name in there}
