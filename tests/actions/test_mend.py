"""A published int8 file that some CPUs run wrongly is made again from its fp32 file and card."""

import json
import shutil
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import onnx
import onnx_ir as ir
import pytest
from click.testing import CliRunner

from cli import main
from tests.artifacts.publications import republished
from zoo.actions import mend as mending
from zoo.actions.mend import mend
from zoo.actions.verify import verify
from zoo.artifacts.artifact import CARD, Artifact, find_artifact
from zoo.errors import UsageError, ZooError
from zoo.exporting.gate import GateError, GateResult, judge
from zoo.exporting.quantize import prepare, quantize
from zoo.graphs.fusable import unfused
from zoo.graphs.products import integer_products
from zoo.parity import GATE, GateBounds

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "mlp-digits"


def graph_of(artifact: Artifact) -> onnx.GraphProto:
    return onnx.load_from_string(artifact.content("int8.onnx")).graph


@pytest.fixture
def whole(mlp_exports: Path, tmp_path: Path) -> Artifact:
    """As `export` makes it today."""
    shutil.copytree(mlp_exports, tmp_path / "exports")
    return find_artifact(NAME, tmp_path / "exports")


@pytest.fixture
def faulty(whole: Artifact, tmp_path: Path) -> Artifact:
    """As it was published before: 500 and 50 wide."""
    shutil.copytree(whole.root, tmp_path / "earlier")
    fp32 = onnx.load_from_string(whole.content("fp32.onnx"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.exporting.quantize.pad", lambda model, in_float: model)
        model = quantize(prepare(unfused(ir.from_proto(fp32))), whole.card.ranges)
    model.metadata_props.extend(onnx.load_from_string(whole.content("int8.onnx")).metadata_props)
    return republished(NAME, tmp_path / "earlier", files={"int8.onnx": model.SerializeToString()})


def widths(artifact: Artifact) -> list[int]:
    model = onnx.load_from_string(artifact.content("int8.onnx"))
    return [product.width for product in integer_products(model)]


def test_a_faulty_file_becomes_the_one_that_export_makes_today(
    whole: Artifact, faulty: Artifact
) -> None:
    assert widths(faulty) == [500, 50, 10]
    made = mend(NAME, exports=faulty.root)
    assert widths(made) == [512, 64, 10]
    assert graph_of(made) == graph_of(whole)
    assert [check for check in verify(exports=made.root) if check.status == "failed"] == []
    changed = {
        name
        for name, listed in made.entry["files"].items()
        if listed != faulty.entry["files"][name]
    }
    assert changed == {"int8.onnx", "card.json", "README.md"}


def test_the_card_says_that_it_was_made_again_and_compared_with_fp32(
    whole: Artifact, faulty: Artifact
) -> None:
    card = mend(NAME, exports=faulty.root).card
    file = card.precisions["int8"]
    assert file.accuracy == whole.card.precisions["int8"].accuracy
    assert file.remade is not None
    assert (file.remade.machine, file.remade.versions) == (card.machine, card.versions)
    assert card.precisions["fp32"] == whole.card.precisions["fp32"]
    text = (faulty.folder / "README.md").read_text(encoding="utf-8")
    assert "`int8.onnx` was made again from `fp32.onnx`, without the network" in text
    assert replace(card, precisions=whole.card.precisions) == whole.card


def test_the_file_that_was_judged_is_the_one_that_is_published(
    faulty: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[bytes] = []

    def noting(content: bytes, *rest: Any) -> GateResult:
        judged.append(content)
        return judge(content, *rest)

    monkeypatch.setattr(mending, "judge", noting)
    assert judged == [mend(NAME, exports=faulty.root).content("int8.onnx")]


def test_one_that_is_in_order_stays_as_it_is(whole: Artifact) -> None:
    before = dict(whole.entry)
    assert mend(NAME, exports=whole.root).entry == before


def test_a_card_of_earlier_is_written_as_it_is_today(whole: Artifact) -> None:
    earlier = json.loads(json.dumps(asdict(whole.card)))
    for file in earlier["precisions"].values():
        del file["min_onnxruntime"], file["remade"]
    before = dict(whole.entry)
    content = json.dumps(earlier | {"min_onnxruntime": "1.17"}).encode()
    assert republished(NAME, whole.root, files={CARD: content}).entry != before
    assert mend(NAME, exports=whole.root).entry == before


def test_what_the_gate_refuses_is_not_published(
    faulty: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dict(faulty.entry)
    strict = GateBounds(lost={**GATE.lost, "int8": -10_000})
    monkeypatch.setattr(mending, "judge", partial(judge, bounds=strict))
    with pytest.raises(GateError, match=r"the gate refuses int8\.onnx"):
        mend(NAME, exports=faulty.root)
    assert find_artifact(NAME, faulty.root).entry == before


def test_other_images_than_the_card_means(faulty: Artifact) -> None:
    republished(NAME, faulty.root, replace(faulty.card, fingerprint="0" * 64))
    with pytest.raises(ZooError, match="measured on other images than digits now has"):
        mend(NAME, exports=faulty.root)


def test_a_model_without_int8(whole: Artifact) -> None:
    files = {"fp32": whole.card.precisions["fp32"]}
    republished(NAME, whole.root, replace(whole.card, precisions=files))
    with pytest.raises(UsageError, match="has no int8 file"):
        mend(NAME, exports=whole.root)


def test_the_command_mends_and_takes_nothing_that_belongs_to_a_run(faulty: Artifact) -> None:
    def call(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            main, ["export", "mlp", "--mend", "--exports", str(faulty.root), *more]
        )
        return done.exit_code, done.output

    for more in (["--precision", "int8"], ["--opset", "20"], ["--run", "x"], ["--check"]):
        assert call(*more)[0] == 2
    code, text = call()
    assert code == 0, text
    assert "int8.onnx" in text
    assert widths(find_artifact(NAME, faulty.root)) == [512, 64, 10]
