"""Files that must be refused, each with its reason, and what a file does to the one that asks."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from zoo.compatibility import first_onnxruntime, is_older
from zoo.data import load
from zoo.errors import ZooError
from zoo.inspection import inspector as inspecting
from zoo.inspection.inspector import Inspection, Inspector, LocalData, inspect, printable

Tiny = Callable[..., Path]
Change = Callable[[ModelProto], object]


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    with Inspector(seconds=30) as shared:
        yield shared


@pytest.fixture
def changed(tiny_onnx: Tiny, inspector: Inspector) -> Callable[[Change], Inspection]:
    """What is found about a good file after a change of its model."""

    def look(change: Change) -> Inspection:
        path = tiny_onnx()
        model = onnx.load(path)
        change(model)
        path.write_bytes(model.SerializeToString())
        return inspector.inspect(path)

    return look


def field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field, as they nest to make a model."""
    size, length = bytearray(), len(content)
    while length > 127:
        size.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *size, length]) + content


def model_of(nodes: list[NodeProto], shape: list[str | int], *tensors: TensorProto) -> bytes:
    """A model that gives `y`, float of a shape, for `x`, float [batch, 2]."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "made", [x], [y], list(tensors))
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, ir_version=8, opset_imports=[opset]).SerializeToString())


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

    def test_vectors(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
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


def write_tensor(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(numpy_helper.from_array(array).SerializeToString())


class TestNotAFile:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("gone.onnx", "there is no such file"),
            (".", "it is a folder"),
            ("pipe", "it is not a plain file"),
            ("empty", "it is empty"),
            ("large", "an ONNX file ends below 2"),
        ],
    )
    def test_refused_at_sight(self, in_folder: Path, name: str, reason: str) -> None:
        os.mkfifo("pipe")
        Path("empty").touch()
        with Path("large").open("wb") as sparse:
            sparse.truncate(2 << 30)
        found = inspect(Path(name))
        assert not found.ok
        assert reason in found.reason

    @pytest.mark.skipif(os.getuid() == 0, reason="root reads everything")
    def test_unreadable(self, tiny_onnx: Tiny) -> None:
        path = tiny_onnx()
        path.chmod(0)
        assert "cannot be read" in inspect(path).reason

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"# Readme\n\nwords and more words", "it is not an ONNX file"),
            (b"\x89PNG\r\n\x1a\n" + bytes(100), "it is not an ONNX file"),
            (bytes(100), "it is not an ONNX file"),
            (b"\x08\x08", "it holds no graph"),
            (b"\x08" + b"\xff" * 20, "a number in it has no end"),
            (b"\x08\x08\x3a\xff\xff\xff\xff\x07", "it is cut short"),
        ],
        ids=["text", "picture", "zeros", "no graph", "endless number", "2 GB claim"],
    )
    def test_other_bytes(
        self, tmp_path: Path, inspector: Inspector, content: bytes, reason: str
    ) -> None:
        path = tmp_path / "file.onnx"
        path.write_bytes(content)
        assert reason in inspector.inspect(path).reason

    def test_every_truncation(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        path = tiny_onnx()
        data = path.read_bytes()
        for size in range(1, len(data), 7):
            path.write_bytes(data[:size])
            found = inspector.inspect(path)
            # Metadata stands at the end: a file cut between two entries is a smaller good file.
            assert not found.ok or len(found.metadata) < 16
        path.write_bytes(data[: len(data) // 2])
        assert "it is cut short" in inspector.inspect(path).reason


def weight(model: ModelProto) -> TensorProto:
    return model.graph.initializer[0]


def make_external(model: ModelProto, location: str) -> None:
    weight(model).data_location = TensorProto.EXTERNAL
    weight(model).external_data.add(key="location", value=location)
    weight(model).ClearField("float_data")


def make_sequence(model: ModelProto) -> None:
    kind = model.graph.input[0].type
    kind.sequence_type.elem_type.tensor_type.elem_type = TensorProto.FLOAT


def cross_edges(model: ModelProto) -> None:
    """Each of two nodes waits for the other."""
    model.graph.node[0].input[0] = "means"


def swap_nodes(model: ModelProto) -> None:
    first = NodeProto.FromString(model.graph.node[0].SerializeToString())
    del model.graph.node[0]
    model.graph.node.append(first)


def call_each_other(model: ModelProto) -> None:
    for name, other in (("Ping", "Pong"), ("Pong", "Ping")):
        node = helper.make_node(other, ["a"], ["b"], domain="own")
        opset = helper.make_opsetid("own", 1)
        function: FunctionProto = helper.make_function("own", name, ["a"], ["b"], [node], [opset])
        model.functions.append(function)
    model.opset_import.add(domain="own", version=1)
    model.graph.node.add(op_type="Ping", domain="own", input=["means"], output=["pong"])


def image_side(model: ModelProto, at: int, size: int) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[at].dim_value = size


REFUSALS: dict[str, tuple[Change, str]] = {
    "external data": (
        lambda model: make_external(model, "weights.bin"),
        "the data of initializer 'weight' lies in another file, 'weights.bin', which is not there",
    ),
    "external data above": (
        lambda model: make_external(model, "../../secret"),
        "'../../secret', outside its folder",
    ),
    "external data anywhere": (
        lambda model: make_external(model, "/etc/passwd"),
        "'/etc/passwd', outside its folder",
    ),
    "negative side": (
        lambda model: weight(model).dims.__setitem__(0, -3),
        "initializer 'weight' has a negative side: -3x3",
    ),
    "2 GB claim": (
        lambda model: weight(model).dims.__setitem__(0, 1 << 40),
        "initializer 'weight' claims 12,288 GiB: 1099511627776x3",
    ),
    "overflowing claim": (
        lambda model: weight(model).dims.extend([1 << 62, 1 << 62]),
        "initializer 'weight' claims",
    ),
    "shape without bytes": (
        lambda model: weight(model).dims.__setitem__(0, 4),
        "initializer 'weight' of shape 4x3 takes 48 bytes, but holds 36",
    ),
    "raw shape without bytes": (
        lambda model: setattr(weight(model), "raw_data", bytes(35)),
        "takes 36 bytes, but holds 35",
    ),
    "unknown data type": (
        lambda model: setattr(weight(model), "data_type", 99),
        "initializer 'weight' has the unknown data type 99",
    ),
    "absurd input": (
        lambda model: image_side(model, 1, 1 << 40),
        "its input 'image' wants",
    ),
    "negative input": (
        lambda model: image_side(model, 1, -4),
        "its input 'image' has a side that is not positive: -4x5x3",
    ),
    "input of no size": (
        lambda model: image_side(model, 0, 0),
        "its input 'image' has a side that is not positive: 0x4x5x3",
    ),
    "negative output": (
        lambda model: setattr(model.graph.output[0].type.tensor_type.shape.dim[1], "dim_value", -3),
        "its output 'logits' has a negative side",
    ),
    "wrong output": (
        lambda model: setattr(model.graph.output[0].type.tensor_type.shape.dim[1], "dim_value", 9),
        "onnx.checker refuses it: [ShapeInferenceError]",
    ),
    "custom domain": (
        lambda model: setattr(model.graph.node[1], "domain", "my.ops"),
        "node 'mean' (ReduceMean) is of the domain 'my.ops'",
    ),
    "unknown operator": (
        lambda model: setattr(model.graph.node[1], "op_type", "MeanReduce"),
        "MeanReduce",
    ),
    "cycle": (cross_edges, "graph 'tiny' has a cycle: node 'cast' (Cast) reads 'means' too early"),
    "disorder": (swap_nodes, "graph 'tiny' has its nodes out of order: node 'mean'"),
    "recursion": (call_each_other, "its functions call themselves"),
    "made twice": (
        lambda model: model.graph.node.append(model.graph.node[0]),
        "'pixels' is made more than once",
    ),
    "missing edge": (
        lambda model: model.graph.node[1].input.__setitem__(0, "gone"),
        "node 'mean' (ReduceMean) reads 'gone', which nothing makes",
    ),
    "renamed input": (
        lambda model: setattr(model.graph.input[0], "name", "picture"),
        "node 'cast' (Cast) reads 'image', which nothing makes",
    ),
    "renamed output": (
        lambda model: setattr(model.graph.output[0], "name", "scores"),
        "graph 'tiny' gives 'scores', which nothing makes",
    ),
    "nameless input": (
        lambda model: model.graph.input.add().CopyFrom(model.graph.input[0]),
        "it has an input without a name of its own",
    ),
    "no input": (lambda model: model.graph.ClearField("input"), "which nothing makes"),
    "no output": (lambda model: model.graph.ClearField("output"), "it has no output"),
    "input of text": (
        lambda model: setattr(
            model.graph.input[0].type.tensor_type, "elem_type", TensorProto.STRING
        ),
        "its input 'image' does not take plain numbers",
    ),
    "input of lists": (make_sequence, "its input 'image' is not a tensor"),
    "input of any rank": (
        lambda model: model.graph.input[0].type.tensor_type.ClearField("shape"),
        "its input 'image' has no shape",
    ),
    "wrong output type": (
        lambda model: setattr(
            model.graph.output[0].type.tensor_type, "elem_type", TensorProto.INT64
        ),
        "onnx.checker refuses it: [ShapeInferenceError]",
    ),
    "future opset": (
        lambda model: setattr(model.opset_import[0], "version", 999),
        "its opset is 999",
    ),
    "future format": (
        lambda model: setattr(model, "ir_version", 999),
        "its IR version is 999",
    ),
    "not a number": (
        lambda model: weight(model).float_data.__setitem__(0, float("nan")),
        "its output 'logits' is not finite",
    ),
    "endless names": (
        lambda model: setattr(model.metadata_props[0], "value", "a" * (5 << 20)),
        "its names and metadata take more than 4 MiB",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refused_with_the_reason(changed: Callable[[Change], Inspection], name: str) -> None:
    change, reason = REFUSALS[name]
    found = changed(change)
    assert not found.ok
    assert reason in found.reason


def test_the_bare_file_is_fine(changed: Callable[[Change], Inspection]) -> None:
    """So it is the changes above that are refused."""
    assert changed(lambda model: None).ok


def test_functions_that_end_are_fine(changed: Callable[[Change], Inspection]) -> None:
    def add(model: ModelProto) -> None:
        node = helper.make_node("Relu", ["a"], ["b"])
        opset = helper.make_opsetid("", 17)
        model.functions.append(helper.make_function("own", "Ramp", ["a"], ["b"], [node], [opset]))
        model.opset_import.add(domain="own", version=1)
        model.graph.node[2].output[0] = "scores"
        model.graph.node.add(op_type="Ramp", domain="own", input=["scores"], output=["logits"])

    found = changed(add)
    assert found.ok, found.reason


def test_deep_nesting_is_refused(tmp_path: Path, inspector: Inspector) -> None:
    data = b""
    for _ in range(20_000):  # a node with an attribute that is a graph with a node
        data = field(1, field(5, field(6, data)))
    path = tmp_path / "deep.onnx"
    path.write_bytes(b"\x08\x08" + field(7, data))
    assert not inspector.inspect(path).ok


class TestDataBesideIt:
    """As torch.onnx.export and onnx.save write it; onnx.checker takes no links at all."""

    @pytest.fixture
    def place(self, tiny_onnx: Tiny, tmp_path: Path) -> Callable[..., Path]:
        """A model whose weights, 36 bytes, lie where it is told; and things to lead it to."""
        (tmp_path / "models" / "inside").mkdir(parents=True)
        for name in ("models/inside/weights.bin", "models/weights.bin", "secret.bin"):
            (tmp_path / name).write_bytes(bytes(40))
        (tmp_path / "models" / "link.bin").symlink_to("../secret.bin")

        def save(location: str, **numbers: object) -> Path:
            path = tiny_onnx("models/tiny.onnx")
            model = onnx.load(path)
            make_external(model, location)
            for key, value in numbers.items():
                weight(model).external_data.add(key=key, value=str(value))
            path.write_bytes(model.SerializeToString())
            return path

        return save

    @pytest.mark.parametrize("location", ["weights.bin", "inside/weights.bin", "./weights.bin"])
    def test_in_its_folder_it_is_fine(
        self, place: Callable[..., Path], inspector: Inspector, location: str
    ) -> None:
        for numbers in ({}, {"offset": 4}, {"offset": 0, "length": 36}):
            found = inspector.inspect(place(location, **numbers))
            assert found.ok, found.reason
            assert found.external == 36

    @pytest.mark.parametrize(
        ("location", "numbers", "reason"),
        [
            ("../secret.bin", {}, "outside its folder"),
            ("inside/../weights.bin", {}, "outside its folder"),
            ("link.bin", {}, "outside its folder"),
            ("*/_ORT_MEM_ADDR_/*", {"offset": 4096}, "outside its folder"),
            ("inside", {}, "which is not there"),
            ("", {}, "which is not there"),
            ("weights.bin", {"offset": 5}, "reaches beyond the 40 bytes"),
            ("weights.bin", {"offset": -1}, "reaches beyond the 40 bytes"),
            ("weights.bin", {"length": -36}, "reaches beyond the 40 bytes"),
            ("weights.bin", {"length": 35}, "takes 36 bytes, but holds 35"),
            ("weights.bin", {"offset": "x"}, "lies is no number"),
        ],
        ids=str,
    )
    def test_elsewhere_or_too_short_it_is_refused(
        self,
        place: Callable[..., Path],
        inspector: Inspector,
        location: str,
        numbers: dict[str, object],
        reason: str,
    ) -> None:
        found = inspector.inspect(place(location, **numbers))
        assert not found.ok
        assert reason in found.reason

    def test_absolute_paths_are_refused(
        self, place: Callable[..., Path], inspector: Inspector, tmp_path: Path
    ) -> None:
        path = place(str(tmp_path / "models" / "weights.bin"))
        assert "outside its folder" in inspector.inspect(path).reason

    def test_all_together_is_bounded(
        self, place: Callable[..., Path], inspector: Inspector
    ) -> None:
        """The same GiB three times over: it need not even lie there thrice."""
        path = place("weights.bin")
        with path.with_name("weights.bin").open("wb") as sparse:
            sparse.truncate(1 << 30)
        model = onnx.load(path, load_external_data=False)
        for name in ("a", "b", "c"):
            tensor = model.graph.initializer.add()
            tensor.CopyFrom(weight(model))
            tensor.name, tensor.dims[0] = name, (1 << 28) // 3
        path.write_bytes(model.SerializeToString())
        assert "more than 2 GiB of other files" in inspector.inspect(path).reason


class TestOtherOutputs:
    """What is no classifier runs all the same; its signature says what it is not."""

    def test_lists_of_maps(self, tmp_path: Path, inspector: Inspector) -> None:
        zipped = helper.make_node("ZipMap", ["x"], ["y"], domain="ai.onnx.ml")
        zipped.attribute.append(helper.make_attribute("classlabels_int64s", [4, 5]))
        model = ModelProto.FromString(model_of([zipped], ["batch", 2]))
        numbers = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        maps = helper.make_map_type_proto(TensorProto.INT64, numbers)
        model.graph.output[0].type.CopyFrom(helper.make_sequence_type_proto(maps))
        model.opset_import.add(domain="ai.onnx.ml", version=3)
        self.check(tmp_path / "maps.onnx", model, inspector)

    def test_words(self, tmp_path: Path, inspector: Inspector) -> None:
        words = helper.make_node("Cast", ["x"], ["y"], to=TensorProto.STRING)
        model = ModelProto.FromString(model_of([words], ["batch", 2]))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.STRING
        self.check(tmp_path / "words.onnx", model, inspector)

    def check(self, path: Path, model: ModelProto, inspector: Inspector) -> None:
        path.write_bytes(model.SerializeToString())
        folder = path.parent / "vectors"
        for name in ("input_0.pb", "output_0.pb"):
            write_tensor(folder / name, np.ones((1, 2), np.float32))
        found = inspector.inspect(path, [folder])
        assert found.ok, found.reason
        assert found.signature
        assert "is not of numbers" in found.vectors[str(folder)].problem


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
    """A picture blown up to a tensor that no memory holds."""
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
            assert inspector.inspect(endless).reason == "running it took more than 2 s"
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
            "print(inspector._worker._process.pid, flush=True); os.kill(os.getpid(), 9)"
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
        with pytest.raises(ZooError, match="ended at once"):
            inspect(tiny_onnx())

    def test_a_start_that_takes_too_long(
        self, tiny_onnx: Tiny, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(inspecting, "_START_SECONDS", 0.0)
        with pytest.raises(ZooError, match="End other work on this machine"):
            inspect(tiny_onnx())

    def test_a_process_that_falls_silent_is_not_waited_for(
        self, tiny_onnx: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It closes its end of the pipe and lives on."""
        silent = tmp_path / "silent"
        silent.write_text('#!/bin/sh\necho \'{"ready": ""}\'\nread line\nexec sleep 30 >&-\n')
        silent.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(silent))
        monkeypatch.setattr(inspecting, "_END_SECONDS", 0.1)
        assert inspect(tiny_onnx()).reason == "reading it ended the process"


def kill_two(inspector: Inspector, sign: signal.Signals) -> None:
    """Kill the worker that runs a file, and the next one, which tries the file again."""
    killed: set[int] = set()
    while len(killed) < 2:
        worker = inspector._worker
        if worker and worker.step == "run" and worker._process.pid not in killed:
            killed.add(worker._process.pid)
            worker._process.send_signal(sign)
        time.sleep(0.01)


def worker_of(inspector: Inspector) -> int:
    assert inspector._worker
    return inspector._worker._process.pid


class TestCounting:
    DIGITS = LocalData("digits", None, images=359, mapped=0)

    def test_right_answers(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        """The colours of grey pictures are equal, so that the first class is meant: the zeros."""
        told: list[int] = []
        path = tiny_onnx(size=(32, 32), classes=10, metadata={})
        data = load("digits")
        zeros = int((data.test.labels == 0).sum())
        assert inspector.count_correct(path, self.DIGITS, told.append) == zeros
        assert sum(told) == len(data.test)

    def test_pictures_of_another_size_are_those_of_the_view(
        self, tmp_path: Path, inspector: Inspector
    ) -> None:
        """A pixel of each column against a threshold tells one picture from another."""
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
        assert inspector.count_correct(path, self.DIGITS, lambda count: None) == right

    def test_a_file_that_takes_no_pictures(self, tiny_onnx: Tiny, inspector: Inspector) -> None:
        path = tiny_onnx(kind="float32-nchw", metadata={})
        with pytest.raises(ZooError, match="takes normalised pixels"):
            inspector.count_correct(path, self.DIGITS, print)

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
                impatient.count_correct(path, self.DIGITS, print)
            assert impatient.inspect(tiny_onnx()).ok


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
