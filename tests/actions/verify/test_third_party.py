"""What `verify` says of ONNX files that nobody published here."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from tests import classifiers
from tests.classifiers import Kind
from zoo.actions.verify import Check, verify
from zoo.artifacts.artifact import VECTORS
from zoo.artifacts.publishing import MANIFEST
from zoo.data import load
from zoo.ort.faults import Here
from zoo.ort.given import Given

Tiny = Callable[..., Path]
Write = Callable[[Path, np.ndarray], None]
NAME = "mlp-digits"


def checked(path: Path, name: str, **options: Any) -> Check:
    checks = verify(path, **options)
    (found,) = (check for check in checks if (check.target, check.name) == (str(path), name))
    return found


class TestThirdPartyFile:
    def test_what_its_graph_holds_is_said(self, tiny_onnx: Tiny) -> None:
        text = checked(tiny_onnx(), "loads").text
        assert "3 nodes, 12 parameters, 9 multiply-adds per image, in fp32" in text

    def test_what_cannot_be_checked_is_said(self, tiny_onnx: Tiny) -> None:
        checks = verify(tiny_onnx(metadata={}))
        found = {check.name: (check.status, check.text) for check in checks}
        assert found["loads"][0] == found["onnxruntime"][0] == found["images"][0] == "ok"
        assert {name for name, (status, _) in found.items() if status == "skipped"} == {
            "hash",
            "card",
            "classes",
            "vectors",
            "accuracy",
        }
        assert all(text for _, text in found.values())

    def test_a_file_that_this_onnxruntime_answers_wrongly_here(
        self, integer_onnx: Callable[[int], Path]
    ) -> None:
        bad = Here("1.24.4", frozenset({"amx_int8"}))
        path = integer_onnx(24)
        found = {check.name: check for check in verify(path, on=bad)}
        assert found["faults"].status == "failed"
        assert "issue 26324" in found["faults"].text
        assert found["vectors"].text == found["accuracy"].text
        assert "would give wrong answers here" in found["vectors"].text
        for target, on in ((integer_onnx(32), bad), (path, Here("1.25.0", bad.flags))):
            (fine,) = (check for check in verify(target, on=on) if check.name == "faults")
            assert fine.status == "ok"

    def test_vectors_beside_it(self, tiny_onnx: Tiny, write_tensor: Write) -> None:
        path = tiny_onnx(metadata={})
        image = np.zeros((1, 4, 5, 3), np.uint8)
        for value, status in ((0, "ok"), (1, "failed"), (np.nan, "failed")):
            write_tensor(path.parent / VECTORS / "input_0.pb", image)
            stored = np.full((1, 3), value, np.float32)
            write_tensor(path.parent / VECTORS / "output_0.pb", stored)
            check = checked(path, "vectors")
            assert (check.status, value) == (status, value)

    def test_vectors_of_another_model(self, tiny_onnx: Tiny, write_tensor: Write) -> None:
        path = tiny_onnx(metadata={})
        write_tensor(path.parent / VECTORS / "input_0.pb", np.zeros((1, 9, 9, 3), np.uint8))
        write_tensor(path.parent / VECTORS / "output_0.pb", np.zeros((1, 3), np.float32))
        assert checked(path, "vectors").status == "failed"

    def test_no_images_go_in(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(metadata={}, kind="float32-nchw")
        check = checked(path, "images")
        assert check.status == "skipped"
        assert "--mean" in check.text

    @pytest.mark.parametrize(
        ("names", "status"), [('["a", "b", "c"]', "ok"), ('["a"]', "failed"), ("{", "failed")]
    )
    def test_class_names(self, tiny_onnx: Tiny, names: str, status: str) -> None:
        path = tiny_onnx(metadata={"class_names": names})
        assert checked(path, "classes").status == status

    def test_a_copy_of_ours_is_measured_again(self, exports: Path, tmp_path: Path) -> None:
        path = tmp_path / "elsewhere" / "copy.onnx"
        path.parent.mkdir()
        shutil.copy(exports / NAME / "fp32.onnx", path)
        check = checked(path, "accuracy")
        assert check.status == "warning"
        assert "as the file says; no better than guessing" in check.text

    @pytest.mark.parametrize(
        ("kind", "status", "told"),
        [
            ("plain", "ok", "4 images get the same answers in any batch"),
            ("batch mean", "warning", "the answer to an image depends on its batch"),
            ("dynamic", "warning", "the answer to an image depends on its batch"),
            ("noise", "failed", "the same call made twice gives different answers"),
        ],
    )
    def test_what_an_answer_depends_on(
        self, tmp_path: Path, kind: Kind, status: str, told: str
    ) -> None:
        check = checked(classifiers.write(tmp_path / "digits.onnx", kind), "batches")
        assert check.status == status
        assert check.text.startswith(told)

    def test_what_is_not_a_classifier_is_not_tried(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(batch=1, metadata={})
        assert checked(path, "batches").status == "ok"
        model = onnx.load(path)
        model.graph.output[0].type.tensor_type.shape.dim.add().dim_value = 2
        model.graph.node[-1].output[0] = "flat"
        axes = numpy_helper.from_array(np.array([2]), "axes")
        model.graph.initializer.append(axes)
        model.graph.node.extend(
            [
                onnx.helper.make_node("Unsqueeze", ["flat", "axes"], ["thin"]),
                onnx.helper.make_node("Concat", ["thin", "thin"], ["logits"], axis=2),
            ]
        )
        onnx.save(model, path)
        assert checked(path, "batches").status == "skipped"

    def claiming(self, tmp_path: Path, correct: int, **options: Any) -> Path:
        """A file that says how often it is right about the digits."""
        facts = {
            "dataset": "digits",
            "fingerprint": load("digits").fingerprint,
            "precision": "fp32",
            "accuracy": json.dumps({"correct": correct, "images": 359}),
        }
        return classifiers.write(tmp_path / "digits.onnx", **options, **facts)

    def test_classes_in_another_order_are_matched_by_name(self, tmp_path: Path) -> None:
        test = load("digits").test
        right = int((classifiers.answers(test.images).argmax(axis=1) == test.labels).sum())
        order = (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)
        names = [str(label) for label in order]
        path = self.claiming(tmp_path, right, order=order, names=names)
        check = checked(path, "accuracy")
        assert check.status == "ok"
        assert f"{right} of 359 correct, as the file says; the file lists the same" in check.text
        check = checked(path, "accuracy", given=Given(classes_as_given=True))
        assert check.status == "failed"
        assert "in another order" not in check.text

    def test_other_classes_are_not_counted_by_default(self, tmp_path: Path) -> None:
        test = load("digits").test
        right = int((classifiers.answers(test.images).argmax(axis=1) == test.labels).sum())
        path = self.claiming(tmp_path, right, names=list("abcdefghij"))
        check = checked(path, "accuracy")
        assert check.status == "failed"
        assert check.text.startswith("it names other classes (a, b, c and 7 more)")
        assert checked(path, "accuracy", given=Given(classes_as_given=True)).status == "ok"

    def test_data_in_other_files_is_fine(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        model = onnx.load(path)
        for tensor in model.graph.initializer:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor), tensor.name))
        onnx.save(model, path, save_as_external_data=True, location="data", size_threshold=0)
        assert checked(path, "loads").status == "ok"

    @pytest.mark.parametrize(
        "accuracy", ["{", "3", '{"correct": "x"}', "[[[[", '{"correct": 1e999, "images": 1}']
    )
    def test_a_claim_that_is_none(self, tiny_onnx: Tiny, accuracy: str) -> None:
        facts = {"accuracy": accuracy, "dataset": "digits", "precision": "fp32"}
        path = tiny_onnx(metadata={**facts, "fingerprint": "0"})
        assert checked(path, "accuracy").status == "skipped"

    def test_a_manifest_of_something_else_does_not_matter(
        self, tiny_onnx: Tiny, tmp_path: Path
    ) -> None:
        path = tiny_onnx("folder/tiny.onnx")
        (tmp_path / MANIFEST).write_text('{"name": "a web page"}')
        assert checked(path, "loads").status == "ok"
