"""Whatever stands in a file, reading it is an answer or an error for the user, no traceback."""

import csv
import hashlib
import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.damage import damaged, damaged_csv, many, only_zoo_errors
from zoo.actions.list_ import list_things, markdown_table
from zoo.artifacts.artifact import CARD, Artifact, list_artifacts
from zoo.artifacts.card import Card, manifest_facts
from zoo.artifacts.publishing import MANIFEST, publish, publishing
from zoo.data import load
from zoo.errors import ZooError
from zoo.frameworks.pytorch.framework import state_of
from zoo.inspection.artifact_checks import check_artifact
from zoo.inspection.checks import check_contract, check_metadata
from zoo.inspection.found import Inspection
from zoo.progress import Progress
from zoo.runs.checkpoint import save_checkpoint
from zoo.runs.history import EpochRow, read_history
from zoo.runs.options import DEFAULTS
from zoo.runs.run import Run, RunCard
from zoo.runs.training import Training
from zoo.specs.catalog import find_model
from zoo.specs.recipe import Recipe

RUN_CARD = RunCard(
    id="mlp-digits",
    model="mlp",
    options=DEFAULTS,
    recipe=Recipe(3, 1, 32, 0.1),
    dataset="digits",
    fingerprint="f" * 64,
    view="",
    class_names=("0", "1"),
    image_shape=(32, 32, 3),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    machine="here",
    versions={"torch": "2"},
)
ROWS = [EpochRow(1.0, 8, 0.1, 1.5, 0.5, None, None, 0.25, 1024.0)] * 2
STATE = {
    "step": 8,
    "seconds": 0.5,
    "rows": [asdict(row) for row in ROWS],
    "scaler": {},
    "past": {"rows": [asdict(ROWS[0])], "flop": 1e9},
    "history": [asdict(ROWS[0])],
}

FOUND = Inspection(True, "", "run", 0.1, metadata={"mean": "{", "accuracy": "[1]"})


def history_text() -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(asdict(ROWS[0])))
    writer.writeheader()
    writer.writerows(map(asdict, ROWS))
    return text.getvalue()


@many
@given(damaged(asdict(RUN_CARD)))
def test_run_json(tmp_path: Path, text: str) -> None:
    run = Run(tmp_path)
    only_zoo_errors(run.card_file, text, run.card)


def taken_up(folder: Path) -> object:
    """The state that PyTorch continues from, of the checkpoint in a folder."""
    training = Training(
        find_model("mlp"), Run(folder), RUN_CARD, load("digits"), Progress(), folder, fresh=False
    )
    training.take_up()
    return state_of(training)


@many
@given(damaged(STATE))
def test_a_state(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, {"a": np.zeros(2)}, {})
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    header["__metadata__"]["zoo"] = text
    packed = json.dumps(header).encode()
    tensors = content[8 + int.from_bytes(content[:8], "little") :]
    whole = len(packed).to_bytes(8, "little") + packed + tensors
    only_zoo_errors(path, whole, lambda: taken_up(tmp_path))


@many
@given(damaged_csv(history_text()))
def test_a_history(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "history.csv"
    only_zoo_errors(path, content, lambda: read_history(path))


@pytest.fixture
def artifact(tmp_path: Path, make_card: Callable[..., Card]) -> Artifact:
    card = make_card(trained={"epochs": 1.0, "pflop": 0.1, "seconds": 3.0})
    with publishing(card.id, tmp_path) as folder:
        (folder / CARD).write_text(json.dumps(asdict(card)))
        for precision in card.precisions:
            (folder / f"{precision}.onnx").write_text("nothing")
        return Artifact(tmp_path, card.id, publish(card.id, manifest_facts(card), folder))


@many
@given(st.data())
def test_a_card(artifact: Artifact, data: st.DataObject) -> None:
    good = asdict(artifact.card)
    path = artifact.folder / CARD
    kept = path.read_bytes()

    def read() -> None:
        listed = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": 0}
        files = artifact.entry["files"] | {CARD: listed}
        card = Artifact(artifact.root, artifact.id, artifact.entry | {"files": files}).card
        for use in (manifest_facts, partial(check_contract, FOUND)):
            use(card)
        for precision in card.precisions:
            check_metadata(FOUND, card, precision)

    only_zoo_errors(path, data.draw(damaged(good)), read)
    path.write_bytes(kept)


@many
@given(st.data())
def test_a_manifest(artifact: Artifact, data: st.DataObject) -> None:
    path = artifact.root / MANIFEST
    good = path.read_text()

    def read() -> None:
        for found in list_artifacts(artifact.root):
            list(check_artifact(found))
        for use in (list_things, lambda what, exports: markdown_table(exports)):
            with suppress(ZooError):
                use("exports", exports=artifact.root)

    only_zoo_errors(path, data.draw(damaged(json.loads(good))), read)
    path.write_text(good)
