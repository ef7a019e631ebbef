"""What is found about good files, and in which words about any; which release loads them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from onnx import ModelProto

from zoo.inspection.found import Inspection, printable
from zoo.inspection.inspector import Inspector, inspect
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
