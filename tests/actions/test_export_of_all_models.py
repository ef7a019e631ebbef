"""Every model of the catalog goes from a run to files that pass the gate in every precision."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.shared import BegunRun
from zoo.actions import export as export_module
from zoo.actions.check import check
from zoo.actions.export import export
from zoo.artifacts.artifact import Artifact
from zoo.artifacts.card import PRECISIONS
from zoo.exporting.choose import Choosing
from zoo.exporting.formats import make_formats
from zoo.parity import GATE
from zoo.specs.catalog import MODELS

pytestmark = pytest.mark.usefixtures("one_thread")

TOO_LARGE = {"densenet-bc-100-12"}
FROZEN = {name for name, spec in MODELS.items() if spec.way}  # see test_transfer.py


@pytest.mark.parametrize("name", sorted(MODELS.keys() - TOO_LARGE - FROZEN))
def test_every_model_passes_the_gate_in_every_precision(
    name: str, digits_artifact: Callable[[str], Artifact]
) -> None:
    artifact = digits_artifact(name)
    card = artifact.card
    assert artifact.precisions == PRECISIONS
    assert card.accuracy.share >= 0.93
    for precision, file in card.precisions.items():
        assert file.accuracy.images == 359
        lost = card.accuracy.correct - file.accuracy.correct
        assert lost <= GATE.lost[precision] * 359 // 10_000
    fp32 = card.precisions["fp32"]
    assert fp32.agreement == 359
    assert max(fp32.max_difference.values()) <= (fp32.bound or 0)


@pytest.mark.parametrize("name", sorted(TOO_LARGE))
def test_a_model_too_large_to_train_here_passes_it_on_small_images(
    name: str, begun_run: Callable[[str], BegunRun], tmp_path: Path
) -> None:
    artifact = export(name, run=begun_run(name).folder, exports=tmp_path / "exports")
    assert artifact.precisions == PRECISIONS
    assert artifact.card.accuracy.share > 0.8


def test_what_narrow_formats_were_made_with_is_on_the_card_and_gives_the_same_files(
    digits_run: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network whose logits are never close: first layers in fp32, and biases that are moved."""
    never_close = partial(make_formats, choosing=Choosing(close_half=0.0, close_int8=0.0))
    monkeypatch.setattr(export_module, "make_formats", never_close)
    run = digits_run("cnn")
    made = export("cnn", run=run, exports=tmp_path)
    assert made.card.half_layers[0] == made.card.float_layers[0] == "Conv_0"
    assert set(made.card.shifts) > set(made.card.float_layers)
    words = (made.folder / "README.md").read_text()
    assert "fp16.onnx keeps its first layers in fp32: Conv_0" in words
    assert "Biases are corrected for" in words
    assert [one.same for one in check("cnn", run=run, exports=tmp_path)] == [True] * 3
