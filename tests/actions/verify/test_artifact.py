"""What `verify` says of published models; each damage has its line."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import helper, numpy_helper

from zoo.actions.verify import Check, verify
from zoo.artifacts.artifact import CARD, VECTORS, find_artifact
from zoo.artifacts.card import Card, manifest_facts
from zoo.artifacts.publishing import MANIFEST, publish, publishing
from zoo.errors import UsageError, ZooError
from zoo.inspection.checks import check_vectors
from zoo.inspection.found import VectorRun

Tiny = Callable[..., Path]
NAME = "mlp-digits"


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
        assert {check.status for check in checks if check.name != "accuracy"} == {"ok"}
        of_file = ["hash", "loads", "onnxruntime", "contract", "metadata", "faults"]
        of_file += ["batches", "vectors", "accuracy"]
        assert [check.name for check in checks] == ["files", "card", *of_file, *of_file]
        assert "as the card says" in named(checks, "accuracy").text
        assert "the same answers in any batch" in named(checks, "batches").text

    def test_one_that_is_no_better_than_guessing_has_a_warning(self, exports: Path) -> None:
        """The network of these tests takes every grey image for a zero."""
        found = named(verify(exports=exports), "accuracy")
        assert found.status == "warning"
        assert "no better than guessing one of 10 classes" in found.text

    def test_by_name_by_folder_and_by_file(self, exports: Path) -> None:
        whole = verify("mlp", exports=exports, accuracy=False)
        assert verify(NAME, exports=exports, accuracy=False) == whole
        assert verify(exports / NAME, accuracy=False) == whole
        (file,) = {check.target for check in verify(exports / NAME / "int8.onnx", accuracy=False)}
        assert file == str(exports / NAME / "int8.onnx")

    def test_a_head_that_takes_latents_is_looked_at_too(self, transfer_exports: Path) -> None:
        whole = verify("transfer", exports=transfer_exports, accuracy=False)
        folder = next(path for path in transfer_exports.iterdir() if path.is_dir())
        alone = verify(folder / "head.onnx", accuracy=False)
        for checks in (whole, alone):
            assert failures(checks) == set()
            found = {c.name: c.status for c in checks if c.target.endswith("head.onnx")}
            assert (found["hash"], found["loads"], found["vectors"]) == ("ok", "ok", "skipped")

    def test_accuracy_can_be_left_out(self, exports: Path) -> None:
        check = named(verify(exports=exports, accuracy=False), "accuracy")
        assert (check.status, check.text) == ("skipped", "not requested")

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
        assert "../../secret is not a plain file name" in check.text

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
            ({"image_shape": (28, 28, 3)}, "contract", "the card expects image uint8"),
            ({"input": "float32-nchw"}, "contract", "the card expects image float32"),
            ({"class_names": ("a", "b")}, "contract", "the card expects"),
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

    @pytest.mark.parametrize(
        ("oldest", "text"),
        [("1.8", "need onnxruntime 1.12, but 1.8 is promised"), ("new", "'new' is not a version")],
    )
    def test_a_wrong_oldest_onnxruntime(self, exports: Path, oldest: str, text: str) -> None:
        def promise(card: Card) -> Card:
            file = replace(card.precisions["int8"], min_onnxruntime=oldest)
            return replace(card, precisions=card.precisions | {"int8": file})

        republish(exports, promise)
        (found,) = [
            check
            for check in verify(exports=exports, accuracy=False)
            if (check.name, check.target) == ("onnxruntime", f"{NAME}/int8.onnx")
        ]
        assert found.status == "failed"
        assert text in found.text

    def test_answers_that_depend_on_the_batch(self, exports: Path) -> None:
        """Files of this zoo answer alike in any batch, but for what the gate saw of int8."""

        def depend(path: Path) -> None:
            model = onnx.load(path)
            model.graph.node[-1].output[0] = "sure"
            mean = helper.make_node("ReduceMean", ["sure"], ["shared"], axes=[0])
            model.graph.node.extend([mean, helper.make_node("Sub", ["sure", "shared"], ["logits"])])
            onnx.save(model, path)

        for name in ("fp32.onnx", "int8.onnx"):
            refile(exports, name, depend)
        for name in ("fp32.onnx", "int8.onnx"):
            target = f"{NAME}/{name}"
            found = named(verify(exports=exports, accuracy=False), "batches", target)
            assert found.status == "failed"
            assert "depends on its batch" in found.text

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

    @pytest.mark.parametrize(("more", "status"), [(0, "warning"), (1, "warning"), (2, "failed")])
    def test_accuracy(self, exports: Path, more: int, status: str) -> None:
        """One image of the 359 may turn, for the rounding of another CPU.

        The warning is that the network guesses.
        """

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
        assert "is not the one that the card refers to" in found.text

    def test_data_in_other_files(self, exports: Path) -> None:
        """Third-party files may have some; a published one is one file."""

        def part(path: Path) -> None:
            model = onnx.load(path)
            for tensor in model.graph.initializer:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
            onnx.save(model, path, save_as_external_data=True, location="data", size_threshold=0)

        refile(exports, "fp32.onnx", part)
        checks = verify(exports=exports, accuracy=False)
        assert failures(checks) == {("fp32.onnx", "contract")}
        assert "160 bytes of its tensors lie in other files" in named(checks, "contract").text

    def test_images_of_any_size_are_not_kept(self, exports: Path, tiny_onnx: Tiny) -> None:
        """The size is the file's word, and could fill the disk."""
        cache = Path(os.environ["ZOO_CACHE"])
        kept = set(cache.rglob("*"))
        published = onnx.load(exports / NAME / "fp32.onnx")
        facts = {entry.key: entry.value for entry in published.metadata_props}
        path = tiny_onnx("large.onnx", size=(120, 120), classes=10, metadata=facts)
        assert named(verify(path), "accuracy", str(path)).status == "warning"
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
        assert "it is unknown where the dataset 'flowers' is" in found.text


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
    def test_bounds(
        self, make_card: Callable[..., Card], precision: str, difference: float, status: str
    ) -> None:
        card = make_card()
        file = replace(card.precisions["int8"], max_difference={"1": 0.1, "64": 0.3})
        card = replace(card, precisions={**card.precisions, "int8": file})
        run = VectorRun("", images=8, agreement=8, difference=difference, largest=9.5)
        assert check_vectors(run, precision, card)[0] == status
