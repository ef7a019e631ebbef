"""The right answers of a file, counted over the test set."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from zoo.data import load
from zoo.errors import ZooError
from zoo.inspection.inspector import Inspector, LocalData

Tiny = Callable[..., Path]
DIGITS = LocalData("digits", None, images=359, mapped=0)


class TestCounting:
    def test_right_answers(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        """The colours of grey images are equal, so that the first class is meant: the zeros."""
        told: list[int] = []
        path = tiny_onnx(size=(32, 32), classes=10, metadata={})
        data = load("digits")
        zeros = int((data.test.labels == 0).sum())
        assert inspector.count_correct(path, DIGITS, told.append) == zeros
        assert sum(told) == len(data.test)

    def test_images_of_another_size_are_those_of_the_view(
        self, tmp_path: Path, inspector: Inspector
    ) -> None:
        """A pixel of each column against a threshold tells one image from another."""
        columns = numpy_helper.from_array(np.eye(10, dtype=np.float32)[:, ::-1].copy(), "columns")
        nodes = [
            helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMax", ["pixels"], ["strongest"], axes=[1, 3], keepdims=0),
            helper.make_node("MatMul", ["strongest", "columns"], ["logits"]),
        ]
        image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 12, 10, 1])
        logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
        graph = helper.make_graph(nodes, "columns", [image], [logits], [columns])
        opset = helper.make_opsetid("", 17)
        path = tmp_path / "columns.onnx"
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[opset]), path)
        test = load("digits", size=(12, 10), grey=True).test
        guessed = test.images.max(axis=(1, 3))[:, ::-1].argmax(axis=1)
        right = int((guessed == test.labels).sum())
        assert inspector.count_correct(path, DIGITS, lambda count: None) == right

    def test_a_file_that_takes_no_images(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        path = tiny_onnx(kind="float32-nchw", metadata={})
        with pytest.raises(ZooError, match="takes normalised pixels"):
            inspector.count_correct(path, DIGITS, print)

    @pytest.mark.parametrize(
        ("before", "mapped"),
        [
            ("os.sched_getaffinity = lambda process: set(range(256))", 0),
            ("held = mmap.mmap(os.open('large', 0), 3 << 30, access=mmap.ACCESS_READ)", 3 << 30),
        ],
        ids=["many cores", "large data"],
    )
    def test_cores_and_data_leave_the_file_its_memory(
        self,
        tiny_onnx: Tiny,
        in_folder: Path,
        monkeypatch: pytest.MonkeyPatch,
        before: str,
        mapped: int,
    ) -> None:
        """before: what the process does as it starts."""
        with Path("large").open("wb") as sparse:
            sparse.truncate(3 << 30)
        Path("sitecustomize.py").write_text(f"import mmap, os\n{before}\n")
        monkeypatch.setenv("PYTHONPATH", str(in_folder))
        path = tiny_onnx(size=(32, 32), classes=10, metadata={})
        load("digits")
        with Inspector() as inspector:
            data = LocalData("digits", None, images=359, mapped=mapped)
            assert inspector.count_correct(path, data, lambda count: None) > 0
