"""What is found about good files, and in which words about any; which release loads them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from zoo.inspection.found import Inspection, printable
from zoo.inspection.inspector import Inspector, inspect
from zoo.inspection.process import InspectionProcess
from zoo.ort.compatibility import first_onnxruntime, is_older

Tiny = Callable[..., Path]
Write = Callable[[Path, np.ndarray], None]
Change = Callable[[ModelProto], object]


class TestGood:
    def test_what_is_found(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        path = tiny_onnx()
        found = inspector.inspect(path)
        assert found.ok, found.reason
        assert (found.opset, found.ir_version, found.nodes) == (17, 8, 3)
        (image,), (logits,) = found.inputs, found.outputs
        assert (image.name, image.dtype, image.shape) == ("image", "uint8", ("batch", 4, 5, 3))
        assert (logits.name, logits.dtype, logits.shape) == ("logits", "float32", ("batch", 3))
        assert json.loads(found.metadata["class_names"]) == ["red", "green", "blue"]
        assert found.bytes == path.stat().st_size
        assert found.signature == ""

    @pytest.mark.parametrize(
        "options",
        [{"batch": 1}, {"batch": 7}, {"kind": "float32-nchw"}, {"kind": "float16-nchw"}],
        ids=str,
    )
    def test_every_form(
        self, tiny_onnx: Tiny, inspector: Inspector, options: dict[str, object]
    ) -> None:
        found = inspector.inspect(tiny_onnx(**options))
        assert found.ok, found.reason

    def test_it_needs_no_package_path(
        self, tiny_onnx: Tiny, in_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """And modules that lie in the working folder are not imported."""
        monkeypatch.delenv("PYTHONPATH", raising=False)
        path = tiny_onnx()
        (in_folder / "onnx.py").write_text("raise SystemExit('caught')")
        assert inspect(Path(path.name)).ok

    def test_vectors(self, tiny_onnx: Tiny, write_tensor: Write, inspector: Inspector) -> None:
        path = tiny_onnx()
        folder = path.parent / "test_data_set_0"
        image = np.full((2, 4, 5, 3), 255, np.uint8)
        image[1, ..., 0] = 0
        write_tensor(folder / "input_0.pb", image)
        write_tensor(folder / "output_0.pb", np.array([[10, 10, 10], [0.5, 10, 10]], np.float32))
        (run,) = inspector.inspect(path, [folder]).vectors.values()
        assert (run.problem, run.images, run.agreement) == ("", 2, 2)
        assert run.difference == pytest.approx(0.5)
        assert run.largest == 10
        (folder / "output_0.pb").write_bytes(b"nonsense")
        found = inspector.inspect(path, [folder])
        assert found.ok
        assert "output_0.pb" in found.vectors[str(folder)].problem


class TestCost:
    """What the graph holds and computes, as far as it can be counted in bounded time and memory."""

    def test_a_good_file(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        found = inspector.cost(tiny_onnx())
        assert found is not None
        assert (found.opset, found.parameters, found.macs, found.precision) == (17, 12, 9, "fp32")

    def test_of_free_sides_the_products_that_depend_on_them_are_not_told(
        self, tmp_path: Path, inspector: Inspector
    ) -> None:
        path = tmp_path / "free.onnx"
        weight = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "w")
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, "h", "w_"])
        maps = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 4, "h2", "w2"])
        node = helper.make_node("Conv", ["x", "w"], ["y"])
        graph = helper.make_graph([node], "free", [image], [maps], [weight])
        opset = helper.make_opsetid("", 17)
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[opset]), path)
        found = inspector.cost(path)
        assert found is not None
        assert (found.parameters, found.macs, found.precision) == (108, None, "fp32")

    @pytest.mark.parametrize("content", [b"", b"\xff" * 9, b"no model"])
    def test_what_is_no_model_has_none(
        self, tmp_path: Path, inspector: Inspector, content: bytes
    ) -> None:
        path = tmp_path / "odd.onnx"
        path.write_bytes(content)
        assert inspector.cost(path) is None
        assert inspector.cost(tmp_path / "gone.onnx") is None

    def test_what_ends_the_process_has_none_and_the_next_file_is_counted(
        self, tiny_onnx: Tiny, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = [{"refused": "it ended the process", "spent": True}] * 2
        ask = InspectionProcess.ask
        monkeypatch.setattr(InspectionProcess, "ask", lambda *_: answers.pop())
        assert inspector.cost(tiny_onnx()) is None
        assert answers == []
        monkeypatch.setattr(InspectionProcess, "ask", ask)
        assert inspector.cost(tiny_onnx()) is not None


class TestWords:
    def test_what_a_file_dictates_stays_on_one_line(
        self, changed: Callable[[Change], Inspection]
    ) -> None:
        found = changed(lambda model: model.graph.node[1].input.__setitem__(0, "\x1b[2J\nok fine"))
        assert "\x1b" not in found.reason
        assert "\n" not in found.reason

    def test_long_texts_are_cut(self) -> None:
        assert len(printable("word " * 1000)) < 500

    @pytest.mark.parametrize(
        ("opset", "ir_version", "release"),
        [
            (7, 3, "1.3"),
            (17, 8, "1.12"),
            (17, 9, "1.16"),
            (20, 9, "1.17"),
            (20, 10, "1.18"),
            (21, 10, "1.18"),
            (99, 8, None),
            (13, 99, None),
        ],
    )
    def test_releases(self, opset: int, ir_version: int, release: str | None) -> None:
        assert first_onnxruntime(opset, ir_version) == release

    def test_releases_compare_as_numbers(self) -> None:
        assert is_older("1.9", "1.23")
        assert not is_older("1.23.2", "1.23")
        with pytest.raises(ValueError, match=r"invalid|unpack"):
            is_older("new", "1.2")
