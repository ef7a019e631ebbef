"""What `verify` says of published models and of files from anywhere; each damage has its line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper

import zoo
from cli import main
from zoo import verifying
from zoo.artifacts import (
    CARD,
    MANIFEST,
    VECTORS,
    Card,
    FileCard,
    find_artifact,
    manifest_facts,
    publish,
    publishing,
)
from zoo.checking import check_vectors
from zoo.data import load
from zoo.errors import UsageError, ZooError
from zoo.inspection.inspector import Inspector, VectorRun
from zoo.intervals import Accuracy
from zoo.session import open_session
from zoo.signature import Signature, logits
from zoo.verifying import Check, verify

Tiny = Callable[..., Path]
NAME = "mlp-digits"


@pytest.fixture(scope="module")
def shared() -> Iterator[Inspector]:
    with Inspector() as inspector:
        yield inspector


@pytest.fixture(autouse=True)
def _one_process(shared: Inspector, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same process inspects for all tests here: starting one takes longer than most of them."""
    monkeypatch.setattr(verifying, "Inspector", lambda: nullcontext(shared))


def facts_of(card: Card, precision: str) -> dict[str, str]:
    """What a file of the card says of itself."""
    lists = {"class_names": card.class_names, "mean": card.mean, "std": card.std}
    accuracy = {"correct": card.accuracy.correct, "images": card.accuracy.images}
    texts = ("model", "framework", "dataset", "fingerprint", "view", "input", "weights")
    return {
        **{name: json.dumps(list(value)) for name, value in lists.items()},
        **{name: getattr(card, name) for name in (*texts, "min_onnxruntime")},
        "recipe": json.dumps(card.recipe),
        "versions": json.dumps(card.versions),
        "seed": str(card.seed),
        "accuracy": json.dumps(accuracy),
        "precision": precision,
    }


def a_card(right: np.ndarray) -> Card:
    data = load("digits")
    accuracy = Accuracy.of(right)
    files = {
        precision: FileCard(f"{precision}.onnx", accuracy, len(right), {"1": 0.0}, None, 3)
        for precision in ("fp32", "int8")
    }
    return Card(
        id=NAME,
        model="mlp",
        family="mlp",
        framework="pytorch",
        dataset="digits",
        fingerprint=data.fingerprint,
        view="",
        class_names=data.class_names,
        image_shape=data.image_shape,
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        input="uint8-nhwc",
        recipe={"lr": 0.1},
        seed=0,
        weights="0" * 64,
        parameters=40,
        macs=30,
        trained={"epochs": 1.0},
        trained_on="here",
        accuracy=accuracy,
        with_views=None,
        opset=17,
        ir_version=8,
        min_onnxruntime="1.17",
        machine="here",
        cpu_flags=(),
        versions={},
        precisions=files,
    )


def write_tensor(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(numpy_helper.from_array(array).SerializeToString())


@pytest.fixture
def exports(tmp_path: Path, tiny_onnx: Tiny) -> Path:
    """A published artifact, as true as can be: its card was measured."""
    data = load("digits")
    bare = tiny_onnx("bare.onnx", size=(32, 32), classes=10, metadata={})
    session = open_session(bare, threads=1)
    signature = Signature.of(session)
    found = logits(session, signature, data.test.images)
    card = a_card(found.argmax(axis=1) == data.test.labels)
    root = tmp_path / "exports"
    with publishing(NAME, root) as folder:
        for precision in card.precisions:
            model = onnx.load(bare)
            helper.set_model_props(model, facts_of(card, precision))
            onnx.save(model, folder / f"{precision}.onnx")
        write_tensor(folder / VECTORS / "input_0.pb", data.test.images[:8])
        write_tensor(folder / VECTORS / "output_0.pb", found[:8])
        (folder / CARD).write_text(json.dumps(asdict(card)))
        publish(NAME, manifest_facts(card), folder)
    return root


def republish(root: Path, change: Callable[[Card], Card]) -> None:
    """The same files with another card, and the manifest that belongs to it."""
    artifact = find_artifact(NAME, root)
    card = change(artifact.card)
    with publishing(NAME, root) as folder:
        shutil.copytree(artifact.folder, folder, dirs_exist_ok=True)
        (folder / CARD).write_text(json.dumps(asdict(card)))
        publish(NAME, manifest_facts(card), folder)


def refile(root: Path, name: str, change: Callable[[Path], object]) -> None:
    """The same card with a changed file, and the manifest that belongs to it."""
    artifact = find_artifact(NAME, root)
    with publishing(NAME, root) as folder:
        shutil.copytree(artifact.folder, folder, dirs_exist_ok=True)
        change(folder / name)
        publish(NAME, manifest_facts(artifact.card), folder)


def named(checks: list[Check], name: str, target: str = f"{NAME}/fp32.onnx") -> Check:
    (found,) = (check for check in checks if (check.target, check.name) == (target, name))
    return found


def failures(checks: list[Check]) -> set[tuple[str, str]]:
    return {
        (check.target.removeprefix(NAME).lstrip("/"), check.name)
        for check in checks
        if check.status == "failed"
    }


class TestArtifact:
    def test_a_true_one_passes_every_check(self, exports: Path) -> None:
        checks = verify(exports=exports)
        assert {check.status for check in checks} == {"ok"}
        of_file = ["hash", "loads", "onnxruntime", "contract", "metadata", "vectors", "accuracy"]
        assert [check.name for check in checks] == ["files", "card", *of_file, *of_file]
        assert "as the card says" in named(checks, "accuracy").text

    def test_by_name_by_folder_and_by_file(self, exports: Path) -> None:
        whole = verify("mlp", exports=exports, accuracy=False)
        assert verify(NAME, exports=exports, accuracy=False) == whole
        assert verify(exports / NAME, accuracy=False) == whole
        (file,) = {check.target for check in verify(exports / NAME / "int8.onnx", accuracy=False)}
        assert file == str(exports / NAME / "int8.onnx")

    def test_accuracy_can_be_left_out(self, exports: Path) -> None:
        check = named(verify(exports=exports, accuracy=False), "accuracy")
        assert (check.status, check.text) == ("skipped", "not asked for")

    def test_nothing_published(self, tmp_path: Path) -> None:
        with pytest.raises(ZooError, match="nothing is published"):
            verify(exports=tmp_path)

    def test_an_unknown_name(self, exports: Path) -> None:
        with pytest.raises(UsageError, match="Did you mean"):
            verify("mpl", exports=exports)

    def test_a_changed_byte(self, exports: Path) -> None:
        """Even one that changes nothing: a byte of the producer's name."""
        path = exports / NAME / "fp32.onnx"
        path.write_bytes(path.read_bytes().replace(b"tiny", b"tony", 1))
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("", "files"), ("fp32.onnx", "hash")}
        assert "is not the file that was published" in named(checks, "hash").text
        assert named(checks, "loads").status == "ok"

    def test_a_file_is_missing(self, exports: Path) -> None:
        (exports / NAME / "int8.onnx").unlink()
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) >= {("", "files"), ("int8.onnx", "hash"), ("int8.onnx", "loads")}
        assert named(checks, "vectors", f"{NAME}/int8.onnx").status == "skipped"

    @pytest.mark.parametrize("name", ["notes.txt", f"{VECTORS}/input_1.pb", "fp16.onnx"])
    def test_a_file_too_many(self, exports: Path, name: str) -> None:
        (exports / NAME / name).write_text("more")
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("", "files")}
        assert f"{name} is not in the manifest" in named(checks, "files", NAME).text

    def test_a_folder_too_many(self, exports: Path) -> None:
        (exports / "stray").mkdir()
        assert ("stray", "manifest") in failures(verify(exports=exports, accuracy=False))

    def test_a_manifest_that_leads_elsewhere(self, exports: Path) -> None:
        manifest = exports / MANIFEST
        content = json.loads(manifest.read_text())
        content["artifacts"][NAME]["files"]["../../secret"] = {"sha256": "0" * 64, "bytes": 1}
        manifest.write_text(json.dumps(content))
        check = named(verify(exports=exports, accuracy=False), "files", NAME)
        assert check.status == "failed"
        assert "../../secret is no name of a file in the folder" in check.text

    def test_a_damaged_card(self, exports: Path) -> None:
        (exports / NAME / CARD).write_text("{")
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("", "files"), ("", "card")}

    def test_a_card_and_a_manifest_that_differ(self, exports: Path) -> None:
        manifest = exports / MANIFEST
        content = json.loads(manifest.read_text())
        content["artifacts"][NAME]["macs"] = 31
        manifest.write_text(json.dumps(content))
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("", "card")}
        assert "differ: macs" in named(checks, "card", NAME).text


class TestAgainstTheCard:
    """Faults that were published with matching hashes."""

    @pytest.mark.parametrize(
        ("change", "check", "text"),
        [
            ({"opset": 20}, "onnxruntime", "the card says 20 and 8"),
            ({"min_onnxruntime": "1.8"}, "onnxruntime", "need onnxruntime 1.12, 1.8 is promised"),
            ({"min_onnxruntime": "new"}, "onnxruntime", "'new' is no version"),
            ({"image_shape": (28, 28, 3)}, "contract", "the card means image uint8"),
            ({"input": "float32-nchw"}, "contract", "the card means image float32"),
            ({"class_names": ("a", "b")}, "contract", "the card means"),
            ({"seed": 3}, "metadata", "seed"),
            ({"mean": (0.4, 0.5, 0.5)}, "metadata", "mean"),
            ({"recipe": {"lr": 0.2}}, "metadata", "recipe"),
            ({"weights": "1" * 64}, "metadata", "weights"),
        ],
        ids=str,
    )
    def test_a_wrong_card(
        self, exports: Path, change: dict[str, Any], check: str, text: str
    ) -> None:
        republish(exports, lambda card: replace(card, **change))
        found = named(verify(exports=exports, accuracy=False), check)
        assert found.status == "failed"
        assert text in found.text

    def test_swapped_classes(self, exports: Path) -> None:
        def swap(card: Card) -> Card:
            first, second, *rest = card.class_names
            return replace(card, class_names=(second, first, *rest))

        republish(exports, swap)
        assert "class_names" in named(verify(exports=exports, accuracy=False), "metadata").text

    def test_an_edited_weight(self, exports: Path) -> None:
        def edit(path: Path) -> None:
            model = onnx.load(path)
            model.graph.initializer[0].float_data[0] *= 1.01
            onnx.save(model, path)

        refile(exports, "fp32.onnx", edit)
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("fp32.onnx", "vectors")}

    def test_a_fixed_batch(self, exports: Path) -> None:
        def fix(path: Path) -> None:
            model = onnx.load(path)
            for value in (*model.graph.input, *model.graph.output):
                value.type.tensor_type.shape.dim[0].dim_value = 1
            onnx.save(model, path)

        refile(exports, "int8.onnx", fix)
        found = named(verify(exports=exports), "contract", f"{NAME}/int8.onnx")
        assert found.status == "failed"

    @pytest.mark.parametrize(("more", "status"), [(0, "ok"), (1, "ok"), (2, "failed")])
    def test_accuracy(self, exports: Path, more: int, status: str) -> None:
        """One picture of the 359 may turn, for the rounding of another CPU."""

        def claim_more(card: Card) -> Card:
            file = card.precisions["fp32"]
            accuracy = replace(file.accuracy, correct=file.accuracy.correct + more)
            files = {**card.precisions, "fp32": replace(file, accuracy=accuracy)}
            return replace(card, precisions=files)

        republish(exports, claim_more)
        assert named(verify(exports=exports), "accuracy").status == status

    def test_data_that_would_have_to_be_downloaded(
        self, exports: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("ZOO_DATA", raising=False)
        republish(exports, lambda card: replace(card, dataset="cifar10"))
        found = named(verify(exports=exports), "accuracy")
        assert found.status == "skipped"
        assert "--data-dir" in found.text

    def test_other_data(self, exports: Path) -> None:
        republish(exports, lambda card: replace(card, fingerprint="1" * 64))
        found = named(verify(exports=exports), "accuracy")
        assert found.status == "skipped"
        assert "is not the one that the card means" in found.text

    def test_data_in_other_files(self, exports: Path) -> None:
        """Foreign files may have some; a published one is one file."""

        def part(path: Path) -> None:
            model = onnx.load(path)
            for tensor in model.graph.initializer:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
            onnx.save(model, path, save_as_external_data=True, location="data", size_threshold=0)

        refile(exports, "fp32.onnx", part)
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("fp32.onnx", "contract")}
        assert "160 bytes of its tensors lie in other files" in named(checks, "contract").text

    def test_pictures_of_any_size_are_not_kept(self, exports: Path, tiny_onnx: Tiny) -> None:
        """The size is the file's word, and could fill the disk."""
        cache = Path(os.environ["ZOO_CACHE"])
        kept = set(cache.rglob("*"))
        card = find_artifact(NAME, exports).card
        facts = facts_of(card, "fp32")
        path = tiny_onnx("large.onnx", size=(120, 120), classes=10, metadata=facts)
        assert named(verify(path), "accuracy", str(path)).status == "ok"
        refile(exports, "fp32.onnx", lambda file: shutil.copy(path, file))
        republish(exports, lambda card: replace(card, image_shape=(120, 120, 3)))
        assert failures(verify(exports=exports)) == {
            ("fp32.onnx", "vectors"),
            ("int8.onnx", "contract"),
        }
        assert set(cache.rglob("*")) == kept

    def test_data_of_ones_own(self, exports: Path) -> None:
        republish(exports, lambda card: replace(card, dataset="flowers"))
        found = named(verify(exports=exports), "accuracy")
        assert found.status == "skipped"
        assert "nothing says where the dataset 'flowers' lies" in found.text


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
def test_no_changed_byte_of_an_artifact_is_opened(exports: Path, place: float, mask: int) -> None:
    path = exports / NAME / "fp32.onnx"
    good = path.read_bytes()
    changed = bytearray(good)
    changed[int(place * len(good))] ^= mask
    path.write_bytes(changed)
    artifact = find_artifact(NAME, exports)
    with pytest.raises(ZooError, match="is not the file that was published"):
        artifact.session("fp32")
    path.write_bytes(good)


WRONG_KINDS: tuple[Any, ...] = (None, 3, True, "x", [[]], {"a": None}, float("nan"), 10**400)


class TestWrongKinds:
    """A card or manifest may hold any JSON; what is wrong with it is a line, not a traceback."""

    @pytest.mark.parametrize("name", [field.name for field in fields(Card)])
    def test_of_the_card(self, exports: Path, name: str) -> None:
        artifact = find_artifact(NAME, exports)
        good = json.loads((artifact.folder / CARD).read_text())
        for value in WRONG_KINDS:
            with publishing(NAME, exports) as folder:
                shutil.copytree(artifact.folder, folder, dirs_exist_ok=True)
                (folder / CARD).write_text(json.dumps({**good, name: value}))
                publish(NAME, manifest_facts(artifact.card), folder)
            verify(exports=exports, accuracy=False)

    @pytest.mark.parametrize("name", ["files", "precisions", "model", "opset"])
    def test_of_the_manifest(self, exports: Path, name: str) -> None:
        manifest = exports / MANIFEST
        good = manifest.read_text()
        for value in WRONG_KINDS:
            for inside in (False, True):
                content = json.loads(good)
                entry = content["artifacts"][NAME]
                if inside and isinstance(entry[name], dict):
                    entry[name] = dict.fromkeys(entry[name], value)
                else:
                    entry[name] = value
                manifest.write_text(json.dumps(content))
                with suppress(ZooError):
                    assert failures(verify(exports=exports, accuracy=False))


class TestForeignFile:
    def test_what_cannot_be_checked_is_said(self, tiny_onnx: Tiny) -> None:
        checks = verify(tiny_onnx(metadata={}))
        found = {check.name: (check.status, check.text) for check in checks}
        assert found["loads"][0] == found["onnxruntime"][0] == found["pictures"][0] == "ok"
        assert {name for name, (status, _) in found.items() if status == "skipped"} == {
            "hash",
            "card",
            "classes",
            "vectors",
            "accuracy",
        }
        assert all(text for _, text in found.values())

    def test_vectors_beside_it(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(metadata={})
        image = np.zeros((1, 4, 5, 3), np.uint8)
        for value, status in ((0, "ok"), (1, "failed"), (np.nan, "failed")):
            write_tensor(path.parent / VECTORS / "input_0.pb", image)
            stored = np.full((1, 3), value, np.float32)
            write_tensor(path.parent / VECTORS / "output_0.pb", stored)
            check = named(verify(path), "vectors", str(path))
            assert (check.status, value) == (status, value)

    def test_vectors_of_another_model(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(metadata={})
        write_tensor(path.parent / VECTORS / "input_0.pb", np.zeros((1, 9, 9, 3), np.uint8))
        write_tensor(path.parent / VECTORS / "output_0.pb", np.zeros((1, 3), np.float32))
        assert named(verify(path), "vectors", str(path)).status == "failed"

    def test_no_pictures_go_in(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(metadata={}, kind="float32-nchw")
        check = named(verify(path), "pictures", str(path))
        assert check.status == "skipped"
        assert "--mean" in check.text

    @pytest.mark.parametrize(
        ("names", "status"), [('["a", "b", "c"]', "ok"), ('["a"]', "failed"), ("{", "failed")]
    )
    def test_class_names(self, tiny_onnx: Tiny, names: str, status: str) -> None:
        path = tiny_onnx(metadata={"class_names": names})
        assert named(verify(path), "classes", str(path)).status == status

    def test_a_copy_of_ours_is_measured_again(self, exports: Path, tmp_path: Path) -> None:
        path = tmp_path / "elsewhere" / "copy.onnx"
        path.parent.mkdir()
        shutil.copy(exports / NAME / "fp32.onnx", path)
        check = named(verify(path), "accuracy", str(path))
        assert check.status == "ok"
        assert "as the file says" in check.text

    def test_data_in_other_files_is_fine(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
        onnx.save(model, path, save_as_external_data=True, location="data", size_threshold=0)
        assert named(verify(path), "loads", str(path)).status == "ok"

    @pytest.mark.parametrize(
        "accuracy", ["{", "3", '{"correct": "x"}', "[[[[", '{"correct": 1e999, "images": 1}']
    )
    def test_a_claim_that_is_none(self, tiny_onnx: Tiny, accuracy: str) -> None:
        facts = {"accuracy": accuracy, "dataset": "digits", "precision": "fp32"}
        path = tiny_onnx(metadata={**facts, "fingerprint": "0"})
        assert named(verify(path), "accuracy", str(path)).status == "skipped"

    def test_a_manifest_of_something_else_does_not_matter(
        self, tiny_onnx: Tiny, tmp_path: Path
    ) -> None:
        path = tiny_onnx("folder/tiny.onnx")
        (tmp_path / MANIFEST).write_text('{"name": "a web page"}')
        assert named(verify(path), "loads", str(path)).status == "ok"


class TestVectorBounds:
    """fp32 has its bound; the others may be half as far again as the gate measured."""

    @pytest.mark.parametrize(
        ("precision", "difference", "status"),
        [
            ("fp32", 1e-3, "ok"),
            ("fp32", 1.2e-3, "failed"),
            ("int8", 0.45, "ok"),
            ("int8", 0.46, "failed"),
        ],
    )
    def test_bounds(self, precision: str, difference: float, status: str) -> None:
        card = a_card(np.ones(4, bool))
        file = replace(card.precisions["int8"], max_difference={"1": 0.1, "64": 0.3})
        card = replace(card, precisions={**card.precisions, "int8": file})
        run = VectorRun("", images=8, agreement=8, difference=difference, largest=9.5)
        assert check_vectors(run, precision, card)[0] == status


@pytest.mark.usefixtures("in_folder")
class TestCommand:
    def call(self, *arguments: str | Path, code: int) -> str:
        words = ["verify", *map(str, arguments)]
        done = CliRunner().invoke(main, words, catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.stdout

    def test_a_line_a_check(self, exports: Path) -> None:
        lines = self.call("--exports", exports, "--no-accuracy", code=0).splitlines()
        assert len(lines) == 16
        assert {line.split()[0] for line in lines} == {"ok", "skipped"}

    def test_json_says_the_same(self, exports: Path) -> None:
        found = json.loads(self.call("mlp", "--exports", exports, "--json", code=0))
        assert found == [asdict(check) for check in zoo.verify("mlp", exports=exports)]

    def test_the_caller_itself_opens_nothing(self, exports: Path) -> None:
        code = (
            "import sys; from pathlib import Path; import zoo\n"
            "checks = zoo.verify(exports=Path(sys.argv[1]))\n"
            "assert {check.status for check in checks} == {'ok'}, checks\n"
            "print(*{name.partition('.')[0] for name in sys.modules})"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(exports)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert set(done.stdout.split()) & {"torch", "onnx", "onnxruntime"} == set()

    def test_a_failure_is_exit_1(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        path.write_bytes(path.read_bytes()[:400])
        assert "cut short" in self.call(path, code=1)

    @pytest.mark.parametrize("name", ["gone.onnx", "text.onnx", "folder", "text"])
    def test_what_is_no_model_is_exit_1(self, name: str) -> None:
        Path("folder").mkdir()
        for file in ("text.onnx", "text"):
            Path(file).write_text("some words, and more of them")
        assert "failed" in self.call(name, code=1)

    def test_a_wrong_name_is_exit_2(self) -> None:
        assert self.call("nothing", code=2) == ""

    def test_a_file_cannot_steer_the_terminal(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(metadata={"dataset": "\x1b[2J", "accuracy": '{"correct":1,"images":1}'})
        assert "\x1b" not in self.call(path, code=0)
