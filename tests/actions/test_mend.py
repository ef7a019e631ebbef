"""Files of a published model are made from its fp32 file and card, without the run."""

import json
import shutil
from collections.abc import Callable, Iterator
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
from tests.factories import Told
from zoo.actions import mend as mending
from zoo.actions.export import export
from zoo.actions.mend import mend
from zoo.actions.verify import verify
from zoo.artifacts.artifact import CARD, Artifact, find_artifact, list_artifacts
from zoo.errors import UsageError, ZooError
from zoo.exporting.gate import GateError, GateResult, judge
from zoo.exporting.quantize import prepare, quantize
from zoo.graphs.fusable import unfused
from zoo.graphs.products import integer_products
from zoo.parity import GATE, GateBounds

pytestmark = pytest.mark.usefixtures("one_thread")
NAME = "mlp-digits"


def graph_of(artifact: Artifact, precision: str = "int8") -> onnx.GraphProto:
    return onnx.load_from_string(artifact.content(f"{precision}.onnx")).graph


@pytest.fixture
def whole(mlp_exports: Path, tmp_path: Path) -> Artifact:
    """As `export` makes it today."""
    shutil.copytree(mlp_exports, tmp_path / "exports")
    return find_artifact(NAME, tmp_path / "exports")


@pytest.fixture
def hub(mlp_exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Artifact]:
    """The only model that an empty folder sees: the zoo's own, whose files nobody may change."""
    root, here = tmp_path / "hub", tmp_path / "here"
    shutil.copytree(mlp_exports, root)
    (root / ".lock").unlink()
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("ZOO_HUB", str(root))
    before = bytes_of(root)
    root.chmod(0o555)
    yield find_artifact(NAME, root)
    root.chmod(0o755)
    assert bytes_of(root) == before


def bytes_of(root: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


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


def bare(artifact: Artifact) -> Artifact:
    """With fp32 alone, as if no other precision had been made."""
    files = {"fp32": artifact.card.precisions["fp32"]}
    card = replace(artifact.card, precisions=files, ranges={}, shifts={}, float_layers=())
    (artifact.folder / "int8.onnx").unlink()
    return republished(artifact.id, artifact.root, card)


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
    assert "`int8.onnx` was made from `fp32.onnx` and compared with that file" in text
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
    bare(whole)
    with pytest.raises(UsageError, match=r"has no int8, only fp32.*--mend --precision int8"):
        mend(NAME, exports=whole.root)


def test_the_command_mends_and_takes_nothing_that_belongs_to_a_run(faulty: Artifact) -> None:
    def call(*more: str) -> tuple[int, str]:
        done = CliRunner().invoke(
            main, ["export", "mlp", "--mend", "--exports", str(faulty.root), *more]
        )
        return done.exit_code, done.output

    for more in (["--publish"], ["--opset", "20"], ["--run", "x"], ["--check"]):
        assert call(*more)[0] == 2
    code, text = call()
    assert code == 0, text
    assert "int8.onnx" in text
    assert widths(find_artifact(NAME, faulty.root)) == [512, 64, 10]


class TestPrecisions:
    """`--mend --precision`: files that the artifact lacks."""

    def test_fp16_is_the_file_that_export_makes_and_the_others_keep_their_bytes(
        self, whole: Artifact, digits_run: Callable[[str], Path], tmp_path: Path
    ) -> None:
        made = mend(NAME, precisions=["fp16"], exports=whole.root)
        of_run = export("mlp", run=digits_run("mlp"), precisions=["fp16"], exports=tmp_path / "run")
        assert graph_of(made, "fp16") == graph_of(of_run, "fp16")
        assert made.card.half_layers == of_run.card.half_layers
        assert made.precisions == tuple(made.card.precisions) == ("fp32", "fp16", "int8")
        fp16 = made.card.precisions["fp16"]
        assert fp16.remade is not None
        assert replace(fp16, remade=None) == of_run.card.precisions["fp16"]
        kept = whole.entry["files"].keys() - {CARD, "README.md"}
        assert all(made.entry["files"][name] == whole.entry["files"][name] for name in kept)
        assert [one for one in verify(exports=made.root) if one.status == "failed"] == []
        text = (made.folder / "README.md").read_text(encoding="utf-8")
        assert "| `fp16.onnx` | " in text
        assert "`fp16.onnx` was made from `fp32.onnx`" in text

    def test_int8_is_chosen_and_calibrated_as_export_does_it(
        self, whole: Artifact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # The framework that it was written in may not be installed.
        monkeypatch.delattr("zoo.exporting.original.find_framework")
        before = whole.card
        wanted = graph_of(whole)
        made = mend(NAME, precisions=["int8", "fp16"], exports=bare(whole).root)
        assert graph_of(made) == wanted
        assert made.precisions == ("fp32", "fp16", "int8")
        same = replace(made.card, precisions=before.precisions, half_layers=before.half_layers)
        assert same == before

    def test_a_faulty_one_is_made_again(self, faulty: Artifact) -> None:
        assert widths(mend(NAME, precisions=["int8"], exports=faulty.root)) == [512, 64, 10]

    def test_one_that_is_there_is_told_and_nothing_is_written(self, hub: Artifact) -> None:
        told = Told()
        assert mend(NAME, precisions=["int8", "fp32"], progress=told).root == hub.root
        assert told.lines == [
            f"{NAME}: fp32.onnx needs no change",
            f"{NAME}: int8.onnx needs no change",
        ]
        assert mend(NAME).root == hub.root
        assert not Path("exports").exists()

    def test_what_the_gate_refuses_is_not_published(
        self, hub: Artifact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        strict = GateBounds(lost={**GATE.lost, "fp16": -10_000})
        monkeypatch.setattr(mending, "judge", partial(judge, bounds=strict))
        with pytest.raises(GateError, match=r"the gate refuses fp16\.onnx"):
            mend(NAME, precisions=["fp16"])
        assert [one.root for one in list_artifacts()] == [hub.root]

    def test_one_that_the_graph_cannot_have(
        self, whole: Artifact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("zoo.exporting.formats.LAYERS", ("Conv",))
        fp32 = bare(whole)
        with pytest.raises(UsageError, match=r"mlp-digits has no int8 file: it has no Conv"):
            mend(NAME, precisions=["int8"], exports=fp32.root)
        left_out = {"int8": "it has no Conv"}
        republished(NAME, fp32.root, replace(fp32.card, left_out=left_out))
        with pytest.raises(UsageError, match=r"has no int8, only fp32\. It cannot have one"):
            find_artifact(NAME, fp32.root).file("int8")

    def test_a_model_of_a_folder_of_images(self, whole: Artifact) -> None:
        own = republished(NAME, whole.root, replace(whole.card, dataset="pets"))
        with pytest.raises(UsageError, match="was trained on a folder of images, pets"):
            mend(NAME, precisions=["fp16"], exports=own.root)
        assert "--mend" not in own.remedy("fp16")

    def test_a_name_that_is_no_precision(self, whole: Artifact) -> None:
        with pytest.raises(UsageError, match="Did you mean fp16"):
            mend(NAME, precisions=["fp61"], exports=whole.root)


class TestWhereItIsWritten:
    def test_by_default_to_exports_local_where_it_is_found_first(self, hub: Artifact) -> None:
        made = mend("mlp", precisions=["fp16"])
        assert made.folder == Path("exports/local") / NAME
        assert find_artifact("mlp").precisions == ("fp32", "fp16", "int8")
        assert made.entry["files"].keys() - hub.entry["files"].keys() == {"fp16.onnx"}

    def test_to_the_folder_that_is_named(self, hub: Artifact) -> None:
        assert mend("mlp", precisions=["fp16"], exports=Path("mine")).root == Path("mine")
        assert find_artifact("mlp").root == hub.root
        assert find_artifact("mlp", Path("mine")).precisions == ("fp32", "fp16", "int8")

    def test_published_ones_keep_their_files_whatever_a_local_one_holds(
        self, hub: Artifact
    ) -> None:
        for root, text in ((Path("exports"), b"published"), (Path("exports/local"), b"local")):
            shutil.copytree(hub.folder, root / NAME)
            shutil.copyfile(hub.root / "manifest.json", root / "manifest.json")
            republished(NAME, root, files={"history.csv": text})
        made = mend("mlp", precisions=["fp16"], publish=True)
        assert made.root == Path("exports")
        assert made.content("history.csv") == b"published"
        local = find_artifact("mlp")
        assert (local.root, local.precisions) == (Path("exports/local"), ("fp32", "int8"))

    def test_what_is_not_ours_is_in_the_way(self, hub: Artifact) -> None:
        other = Path("exports/local") / NAME / "thesis.txt"
        other.parent.mkdir(parents=True)
        other.write_text("precious")
        with pytest.raises(UsageError, match="is in the way"):
            mend("mlp", precisions=["fp16"])
        assert other.read_text() == "precious"

    def test_a_faulty_one_elsewhere_is_made_again_here(
        self, hub: Artifact, faulty: Artifact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ZOO_HUB", str(faulty.root))
        assert mend(NAME).root == Path("exports/local")
        assert widths(find_artifact(NAME)) == [512, 64, 10]
        assert widths(find_artifact(NAME, faulty.root)) == [500, 50, 10]

    def test_one_that_is_published_in_the_meantime_is_not_replaced(
        self, whole: Artifact, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else of two commands that each make a file, the later loses that of the earlier."""

        def meanwhile(*judged: Any) -> GateResult:
            republished(NAME, whole.root, files={"history.csv": b"newer"})
            return judge(*judged)

        monkeypatch.setattr(mending, "judge", meanwhile)
        with pytest.raises(ZooError, match=r"published again in .* in the meantime"):
            mend(NAME, precisions=["fp16"], exports=whole.root)
        found = find_artifact(NAME, whole.root)
        assert found.content("history.csv") == b"newer"
        assert found.precisions == ("fp32", "int8")
        monkeypatch.undo()
        assert "fp16" in mend(NAME, precisions=["fp16"], exports=whole.root).precisions

    def test_the_command_says_where(self, hub: Artifact) -> None:
        words = ["export", "mlp", "--mend", "--precision", "fp16"]
        done = CliRunner().invoke(main, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert f"in        exports/local/{NAME}" in done.stdout
        assert f"{NAME}: making fp16.onnx from fp32.onnx" in done.stderr
