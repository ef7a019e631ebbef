"""Models that must be refused, each with its reason, and the data beside them."""

import os
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import FunctionProto, ModelProto, NodeProto, TensorProto, helper

from zoo.inspection.found import Inspection
from zoo.inspection.inspector import Inspector

Tiny = Callable[..., Path]
Change = Callable[[ModelProto], object]


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


def classes(model: ModelProto, number: int) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = number


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
    "external data with NUL": (
        lambda model: make_external(model, "weights\0.bin"),
        "outside its folder",
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
        "its input 'image' needs",
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
        lambda model: classes(model, -3),
        "its output 'logits' has a negative side",
    ),
    "wrong output": (
        lambda model: classes(model, 9),
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
        "'pixels' is produced more than once",
    ),
    "missing edge": (
        lambda model: model.graph.node[1].input.__setitem__(0, "gone"),
        "node 'mean' (ReduceMean) reads 'gone', which no node produces",
    ),
    "renamed input": (
        lambda model: setattr(model.graph.input[0], "name", "photo"),
        "node 'cast' (Cast) reads 'image', which no node produces",
    ),
    "renamed output": (
        lambda model: setattr(model.graph.output[0], "name", "scores"),
        "graph 'tiny' outputs 'scores', which no node produces",
    ),
    "nameless input": (
        lambda model: model.graph.input.add().CopyFrom(model.graph.input[0]),
        "it has an input without a unique name",
    ),
    "no input": (lambda model: model.graph.ClearField("input"), "which no node produces"),
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


class TestDataBesideIt:
    """As torch.onnx.export and onnx.save write it, and as model hubs keep it."""

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

    def test_links_inside_its_folder_are_followed(
        self, place: Callable[..., Path], inspector: Inspector
    ) -> None:
        """onnx.checker takes neither kind."""
        path = place("soft.bin", offset=4)
        path.with_name("soft.bin").symlink_to("inside/weights.bin")
        path.with_name("hard.bin").hardlink_to(path.with_name("weights.bin"))
        for named in (path, place("hard.bin")):
            found = inspector.inspect(named)
            assert found.ok, found.reason
            assert found.external == 36

    def test_the_cache_of_a_model_hub(
        self, place: Callable[..., Path], inspector: Inspector, tmp_path: Path
    ) -> None:
        """Model and data are links to blobs of one folder, named by their hashes."""
        (blobs := tmp_path / "hub" / "blobs").mkdir(parents=True)
        (names := tmp_path / "hub" / "snapshots" / "main").mkdir(parents=True)
        place("weights.bin").rename(blobs / "a1")
        (tmp_path / "models" / "weights.bin").rename(blobs / "b2")
        (names / "model.onnx").symlink_to("../../blobs/a1")
        (names / "weights.bin").symlink_to("../../blobs/b2")
        found = inspector.inspect(names / "model.onnx")
        assert found.ok, found.reason
        assert found.external == 36
        (names / "weights.bin").unlink()
        (names / "weights.bin").symlink_to("../../../secret.bin")
        assert "outside its folder" in inspector.inspect(names / "model.onnx").reason

    def test_a_pipe_in_its_folder(self, place: Callable[..., Path], inspector: Inspector) -> None:
        path = place("pipe")
        os.mkfifo(path.with_name("pipe"))
        assert "which is not a regular file" in inspector.inspect(path).reason

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
            ("weights.bin", {"offset": "x"}, "is not a number"),
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
        assert "more than 2 GiB in other files" in inspector.inspect(path).reason
