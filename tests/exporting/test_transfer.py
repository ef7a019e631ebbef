"""A transfer is exported end to end, and its head alone."""

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from torch import nn

from tests.networks import network_of
from zoo.actions.check import check
from zoo.actions.export import export
from zoo.actions.test import test as examine
from zoo.actions.train import train
from zoo.actions.verify import verify
from zoo.artifacts.artifact import Artifact, find_artifact
from zoo.data import load
from zoo.drawing.projection import PROJECTION, Projection
from zoo.escaping import markdown
from zoo.exporting.gate import GateError
from zoo.exporting.head import HEAD
from zoo.frameworks.pytorch import convert
from zoo.ort.session import open_session
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run
from zoo.transfer.network import Transfer

pytestmark = pytest.mark.usefixtures("one_thread")

OPTIONS = TrainOptions(
    data="digits", epochs=3, backbone="squeezenet1_1", backbone_size=40, backbone_init="random"
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train("transfer", OPTIONS, run=tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def published(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """In fp32; not to be changed."""
    root = tmp_path_factory.mktemp("published") / "exports"
    return export("transfer", run=run.folder, precisions=["fp32"], exports=root)


def test_the_end_to_end_file_passes_the_gate_and_verifies(published: Artifact) -> None:
    fp32 = published.card.precisions["fp32"]
    assert max(fp32.max_difference.values()) <= (fp32.bound or 0)
    assert fp32.agreement == fp32.accuracy.images == 359
    checks = verify(published.id, exports=published.root)
    assert [check for check in checks if check.status == "failed"] == []


def test_card_and_file_say_what_it_stands_on(published: Artifact, run: Run) -> None:
    assert published.id == "transfer-digits-squeezenet1_1-random"
    design = published.card.design
    assert list(design["backbone"]["size"]) == [40, 40]
    told = json.loads(published.session().metadata["design"])
    assert told["backbone"]["weights"] == design["backbone"]["weights"]
    words = (published.folder / "README.md").read_text()
    assert f"{markdown('squeezenet1_1')} (weights: random)" in words
    assert "head.onnx" in words
    assert published.card.latents == run.card().latents_runtime
    assert f"The latents were computed with {published.card.latents}." in words


def test_the_parameters_keep_their_names(published: Artifact, run: Run) -> None:
    model = onnx.load(published.file())
    names = {tensor.name for tensor in model.graph.initializer}
    network = network_of(run)
    # Zero biases, as random weights have them, are left out of the file.
    assert {name for name in network.state_dict() if name.endswith(".weight")} <= names
    assert {"rows", "columns"} <= {name.rpartition(".")[2] for name in names}
    assert not {"Resize", "Shape"} & {node.op_type for node in model.graph.node}


def test_the_head_alone_takes_latents(published: Artifact, run: Run) -> None:
    network, card = network_of(run), run.card()
    assert isinstance(network, Transfer)
    images = load("digits").test.images[:20]
    mean, std = (torch.tensor(part).view(-1, 1, 1) for part in (card.mean, card.std))
    pixels = (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        latents = network.eval().latents(pixels).numpy()
    session = open_session(published.checked(HEAD))
    assert session.inputs[0].shape[1:] == (512,)
    assert session.metadata["input"] == "latents"
    (logits,) = session.run({"latents": latents})
    np.testing.assert_allclose(logits, published.predict(images), atol=1e-3, rtol=1e-3)


def test_the_map_of_latents_is_published_and_drawn_by_test(
    published: Artifact, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the run, which computes it, and from the artifact, which keeps it."""
    monkeypatch.chdir(tmp_path)
    content, names = published.content(PROJECTION), published.card.class_names
    kept = Projection.from_csv(content, names)
    assert kept.labels.tolist() == load("digits").test.labels.tolist()
    assert len(np.unique(kept.points, axis=0)) > 300
    copy = shutil.copytree(run.folder, tmp_path / "copy")
    by_run = Path(examine("transfer", run=copy).files["latents"])
    by_artifact = Path(examine(published.id, exports=published.root).files["latents"])
    assert by_run == copy / "latents.png"
    assert by_run.read_bytes() == by_artifact.read_bytes()


def test_a_head_that_answers_otherwise_is_not_published(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    convert_head = convert.convert_head

    def moved(head: nn.Module, width: int, opset: int) -> ir.Model:
        head = copy.deepcopy(head)
        last = [layer for layer in head.modules() if isinstance(layer, nn.Linear)][-1]
        last.bias.data += 0.1
        return convert_head(head, width, opset)

    monkeypatch.setattr(convert, "convert_head", moved)
    with pytest.raises(GateError, match=r"refuses head\.onnx: at batch 1 a logit is 0\.1"):
        export("transfer", run=run.folder, precisions=["fp32"], exports=tmp_path / "exports")
    assert list((tmp_path / "exports").glob("transfer*")) == []


def test_exporting_again_gives_the_same_bytes(published: Artifact, run: Run) -> None:
    (found,) = check("transfer", run=run.folder, exports=published.root)
    assert found.same, found.why
    assert find_artifact("transfer", published.root).id == published.id
