"""What happens as a file runs: other outputs, no end, no memory, a death."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from zoo.errors import ZooError
from zoo.inspection.inspector import Inspector, LocalData, inspect
from zoo.inspection.process import Patience

Tiny = Callable[..., Path]
Write = Callable[[Path, np.ndarray], None]
DIGITS = LocalData("digits", None, images=359, mapped=0)


def model_of(nodes: list[NodeProto], shape: list[str | int], *tensors: TensorProto) -> bytes:
    """A model that gives `y`, float of a shape, for `x`, float [batch, 2]."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "made", [x], [y], list(tensors))
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, ir_version=8, opset_imports=[opset]).SerializeToString())


class TestOtherOutputs:
    """What is not a classifier runs all the same; its signature says what it is not."""

    def test_lists_of_maps(self, tmp_path: Path, inspector: Inspector, write_tensor: Write) -> None:
        zipped = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml")
        zipped.attribute.append(helper.make_attribute("classlabels_int64s", [4, 5]))
        model = ModelProto.FromString(model_of([zipped], ["batch", 2]))
        numbers = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        maps = helper.make_map_type_proto(TensorProto.INT64, numbers)
        model.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(maps))
        model.opset_import.add(domain="ai.onnx.ml", version=3)
        self.check(tmp_path / "maps.onnx", model, inspector, write_tensor)

    def test_words(self, tmp_path: Path, inspector: Inspector, write_tensor: Write) -> None:
        words = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)
        model = ModelProto.FromString(model_of([words], ["batch", 2]))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
        self.check(tmp_path / "words.onnx", model, inspector, write_tensor)

    def check(
        self, path: Path, model: ModelProto, inspector: Inspector, write_tensor: Write
    ) -> None:
        path.write_bytes(model.SerializeToString())
        folder = path.parent / "vectors"
        for name in ("input_0.pb", "output_0.pb"):
            write_tensor(folder / name, np.ones((1, 2), np.float32))
        found = inspector.inspect(path, [folder])
        assert found.ok, found.reason
        assert found.signature
        assert "is not numeric" in found.vectors[str(folder)].problem


def loop_of(trips: int, columns: int, start: str, end: str) -> tuple[NodeProto, TensorProto]:
    """A loop with nothing in it, over float [batch, columns]; and how often it goes round."""
    inputs = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        helper.make_tensor_value_info("v", TensorProto.FLOAT, ["batch", columns]),
    ]
    outputs = [
        helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        helper.make_tensor_value_info("w", TensorProto.FLOAT, ["batch", columns]),
    ]
    nodes = [
        helper.make_node("Identity", ["go"], ["going"]),
        helper.make_node("Relu", ["v"], ["w"]),
    ]
    body = helper.make_graph(nodes, "body", inputs, outputs)
    count = numpy_helper.from_array(np.array(trips), "trips")
    return helper.make_node("Loop", ["trips", "", start], [end], body=body), count


def spin(trips: int) -> bytes:
    node, count = loop_of(trips, 2, "x", "y")
    return model_of([node], ["batch", 2], count)


def laughs(levels: int) -> bytes:
    """Functions of which each calls the one below twice: short to write, long to unfold."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    functions = []
    for level in range(levels):
        below = ("Relu", "") if level == 0 else (f"F{level - 1}", "own")
        nodes = [
            helper.make_node(below[0], [start], [end], domain=below[1])
            for start, end in (("a", "m"), ("m", "b"))
        ]
        functions.append(helper.make_function("own", f"F{level}", ["a"], ["b"], nodes, opsets))
    top = helper.make_node(f"F{levels - 1}", ["x"], ["y"], domain="own")
    model = ModelProto.FromString(model_of([top], ["batch", 2]))
    model.functions.extend(functions)
    model.opset_import.add(domain="own", version=1)
    return bytes(model.SerializeToString())


def swell(side: int) -> bytes:
    """An image blown up to a tensor that no memory holds."""
    shape = numpy_helper.from_array(np.array([side, side, 1, 1]), "shape")
    nodes = [
        helper.make_node("Expand", ["x", "shape"], ["large"]),
        helper.make_node("Relu", ["large"], ["y"]),
    ]
    return model_of(nodes, [side, side, "batch", 2], shape)


class TestBounds:
    def test_time(self, tmp_path: Path, tiny_onnx: Tiny) -> None:
        endless, short = tmp_path / "endless.onnx", tmp_path / "short.onnx"
        endless.write_bytes(spin(1 << 60))
        short.write_bytes(spin(10))
        with Inspector(seconds=1.5) as inspector:
            assert inspector.inspect(short).ok
            assert inspector.inspect(endless).reason == (
                "running it took more than 2 s; --timeout raises the limit"
            )
            assert inspector.inspect(tiny_onnx()).ok

    def test_functions_that_unfold_without_end(self, tmp_path: Path, tiny_onnx: Tiny) -> None:
        many, few = tmp_path / "many.onnx", tmp_path / "few.onnx"
        many.write_bytes(laughs(40))
        few.write_bytes(laughs(3))
        with Inspector(seconds=2) as inspector:
            assert inspector.inspect(few).reason == ""
            assert not inspector.inspect(many).ok
            assert inspector.inspect(tiny_onnx()).ok

    def test_memory(self, tmp_path: Path, tiny_onnx: Tiny, inspector: Inspector) -> None:
        vast, small = tmp_path / "vast.onnx", tmp_path / "small.onnx"
        vast.write_bytes(swell(1 << 16))
        small.write_bytes(swell(1 << 4))
        assert inspector.inspect(small).ok
        found = inspector.inspect(vast)
        assert not found.ok
        assert "memory" in found.reason or "alloc" in found.reason
        assert inspector.inspect(tiny_onnx()).ok

    def test_the_bound_of_memory_may_be_another(self, tmp_path: Path) -> None:
        large = tmp_path / "large.onnx"
        large.write_bytes(swell(1 << 13))  # half a GiB for an image, twice that for two
        with Inspector(memory=500 * 10**6) as inspector:
            assert inspector.inspect(large).reason.endswith("; --memory raises the limit")
        with Inspector(memory=8 * 10**9) as inspector:
            assert inspector.inspect(large).ok

    @pytest.mark.parametrize("sign", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
    def test_a_death_is_an_answer_and_the_next_file_gets_a_new_process(
        self, tiny_onnx: Tiny, tmp_path: Path, sign: signal.Signals
    ) -> None:
        path, hung = tiny_onnx(), tmp_path / "hung.onnx"
        hung.write_bytes(spin(1 << 60))
        with Inspector(seconds=60) as inspector:
            assert inspector.inspect(path).ok
            first = worker_of(inspector)
            killer = threading.Thread(target=kill_two, args=(inspector, sign), daemon=True)
            killer.start()
            found = inspector.inspect(hung)
            killer.join(60)
            assert found.reason == f"running it ended the process ({sign.name})"
            assert inspector.inspect(path).ok
            assert worker_of(inspector) != first

    def test_a_worker_that_dies_between_two_files_harms_neither(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        with Inspector() as inspector:
            assert inspector.inspect(path).ok
            os.kill(worker_of(inspector), signal.SIGKILL)
            assert inspector.inspect(path).ok

    def test_no_process_is_left(self, tiny_onnx: Tiny) -> None:
        with Inspector() as inspector:
            inspector.inspect(tiny_onnx())
            worker = worker_of(inspector)
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)

    def test_the_worker_ends_with_the_process_that_asks(self, tiny_onnx: Tiny) -> None:
        code = (
            "import os, sys; from pathlib import Path\n"
            "from zoo.inspection.inspector import Inspector\n"
            "inspector = Inspector(); assert inspector.inspect(Path(sys.argv[1])).ok\n"
            "print(inspector._process.pid, flush=True); os.kill(os.getpid(), 9)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tiny_onnx())],
            cwd=Path(__file__).parent.parent.parent,
            stdout=subprocess.PIPE,
            check=False,
        )
        worker = Path(f"/proc/{int(done.stdout)}")
        for _ in range(200):
            if not worker.exists():
                return
            time.sleep(0.05)
        pytest.fail("the worker outlives the process that asked")

    def test_a_python_that_cannot_inspect_is_not_the_files_fault(
        self, tiny_onnx: Tiny, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", "/bin/true")
        with pytest.raises(ZooError, match="ended right after its start"):
            inspect(tiny_onnx())

    def test_a_start_that_takes_too_long(self, tiny_onnx: Tiny) -> None:
        impatient = Inspector(patience=Patience(start=0.0))
        with pytest.raises(ZooError, match="End other work on this machine"):
            impatient.inspect(tiny_onnx())

    def test_a_process_that_falls_silent_is_not_waited_for(
        self, tiny_onnx: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It closes its end of the pipe and lives on."""
        silent = tmp_path / "silent"
        silent.write_text('#!/bin/sh\necho \'{"ready": ""}\'\nread line\nexec sleep 30 >&-\n')
        silent.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(silent))
        with Inspector(patience=Patience(end=0.1)) as inspector:
            assert inspector.inspect(tiny_onnx()).reason == "reading it ended the process"

    def test_a_file_that_hangs(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx(size=(32, 32), metadata={})
        model = onnx.load(path)
        model.graph.node[-1].output[0] = "scores"
        node, count = loop_of(1 << 60, 3, "scores", "logits")
        model.graph.node.append(node)
        model.graph.initializer.append(count)
        path.write_bytes(model.SerializeToString())
        with Inspector(seconds=2) as impatient:
            with pytest.raises(ZooError, match="running it on the test set took more than 2 s"):
                impatient.count_correct(path, DIGITS, print)
            assert impatient.inspect(tiny_onnx()).ok


def kill_two(inspector: Inspector, sign: signal.Signals) -> None:
    """Kill the worker that runs a file, and the next one, which tries the file again."""
    killed: set[int] = set()
    while len(killed) < 2:
        process = inspector._process
        if process and process.step == "run" and process.pid not in killed:
            killed.add(process.pid)
            os.kill(process.pid, sign)
        time.sleep(0.01)


def worker_of(inspector: Inspector) -> int:
    assert inspector._process
    return inspector._process.pid
