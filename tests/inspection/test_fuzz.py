"""Files as an accident or an enemy would make them: thousands, and none gets a wrong "ok"."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

from zoo.inspection.inspector import Inspector

Rng = np.random.Generator
CASES = {"made by hand": 6000, "exported": 4000}
SECONDS = 3.0
ODD = (-(2**63), -(2**31), -1, 0, 1, 2, 3, 5, 255, 2**20, 2**31 - 1, 2**33, 2**62)
# Opens and runs files with nothing of this project's, and says which ones came through.
PLAIN = """
import sys
import numpy as np, onnxruntime
onnxruntime.set_default_logger_severity(4)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
dtypes = {"float": "float32", "double": "float64"}
for line in sys.stdin:
    path = line.strip()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {}
    for value in session.get_inputs():
        shape = [side if isinstance(side, int) else 2 for side in value.shape]
        dtype = value.type[len("tensor("):-1]
        feeds[value.name] = np.ones(shape, dtypes.get(dtype, dtype))
    outputs = session.run(None, feeds)
    assert all(np.isfinite(value).all() for value in outputs)
    print(path, flush=True)
"""


def conv_net() -> bytes:
    """A network with the usual parts: layout, convolution, normalisation, pooling, a head."""
    rng = np.random.default_rng(7)

    def weight(name: str, *shape: int) -> TensorProto:
        values = rng.random(shape, np.float32) + 0.1
        return onnx.numpy_helper.from_array(values, name)

    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Mul", ["planes", "scale"], ["scaled"]),
        helper.make_node("Conv", ["scaled", "kernel"], ["found"], pads=[1, 1, 1, 1]),
        helper.make_node(
            "BatchNormalization", ["found", "gain", "shift", "mean", "var"], ["normal"]
        ),
        helper.make_node("Relu", ["normal"], ["rectified"]),
        helper.make_node("MaxPool", ["rectified"], ["pooled"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["pooled", "flat"], ["features"]),
        helper.make_node("Gemm", ["features", "head"], ["logits"]),
    ]
    held = [weight(name, 4) for name in ("gain", "shift", "mean", "var")]
    held += [weight("kernel", 4, 3, 3, 3), weight("head", 16, 5), weight("scale", 1, 3, 1, 1)]
    held.append(onnx.numpy_helper.from_array(np.array([-1, 16]), "flat"))
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 4, 4, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 5])
    graph = helper.make_graph(nodes, "net", [image], [logits], held)
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, ir_version=8, opset_imports=[opset]).SerializeToString())


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> list[bytes]:
    """What `export` makes of a trained network: fp32, fp16 and int8."""
    from zoo.actions.export import export
    from zoo.actions.train import train
    from zoo.runs.options import TrainOptions

    root = tmp_path_factory.mktemp("exported")
    options = TrainOptions(data="digits", size=(16, 16), grey=True, epochs=4, precision="fp32")
    run = train("mlp", options, run=root / "run").folder
    artifact = export("mlp", run=run, exports=root / "exports")
    return [artifact.file(precision).read_bytes() for precision in artifact.precisions]


def place(data: bytes, rng: Rng) -> int:
    """Of a large file near its beginning or end: what lies between are weights."""
    near = int(rng.integers(0, min(len(data), 5000)))
    return near if rng.random() < 0.5 else len(data) - 1 - near


def flip_bits(data: bytes, rng: Rng) -> bytes:
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        changed[place(data, rng)] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def truncate(data: bytes, rng: Rng) -> bytes:
    return data[: max(1, place(data, rng))]


def splice(data: bytes, rng: Rng) -> bytes:
    start, end, at = sorted(place(data, rng) for _ in range(3))
    return data[:at] + data[start:end] + data[at + int(rng.integers(0, 9)) :]


def cut_out(data: bytes, rng: Rng) -> bytes:
    at = place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 40)) :]


def huge_number(data: bytes, rng: Rng) -> bytes:
    at, length = place(data, rng), int(rng.integers(1, 10))
    return data[:at] + b"\xff" * length + b"\x7f" + data[at + 1 :]


def repeat_fields(data: bytes, rng: Rng) -> bytes:
    """Protobuf merges what comes twice: nodes, initializers, scalars."""
    model = ModelProto.FromString(data)
    part = ModelProto()
    kind = int(rng.integers(0, 4))
    if kind == 0:
        part.graph.node.append(pick(model.graph.node, rng))
    elif kind == 1:
        part.graph.initializer.append(pick(model.graph.initializer, rng))
    elif kind == 2:
        part.graph.input.append(pick(model.graph.input, rng))
    else:
        part.ir_version = int(rng.choice(ODD))
    return data + part.SerializeToString()


def pick(things: object, rng: Rng) -> object:
    return things[int(rng.integers(0, len(things)))]


def edit(data: bytes, rng: Rng) -> bytes:
    """One to three changes of the model, each well-formed protobuf."""
    model = ModelProto.FromString(data)
    for _ in range(int(rng.integers(1, 4))):
        EDITS[int(rng.integers(0, len(EDITS)))](model, rng)
    return bytes(model.SerializeToString())


def edit_dims(model: ModelProto, rng: Rng) -> None:
    dims = pick(model.graph.initializer, rng).dims
    if dims and rng.random() < 0.8:
        dims[int(rng.integers(0, len(dims)))] = int(rng.choice(ODD))
    else:
        dims.append(int(rng.choice(ODD)))


def edit_data(model: ModelProto, rng: Rng) -> None:
    tensor = pick(model.graph.initializer, rng)
    tensor.raw_data = rng.bytes(len(tensor.raw_data))


def edit_type(model: ModelProto, rng: Rng) -> None:
    pick(model.graph.initializer, rng).data_type = int(rng.integers(0, 30))


def edit_signature(model: ModelProto, rng: Rng) -> None:
    value: ValueInfoProto = pick([*model.graph.input, *model.graph.output], rng)
    kind = value.type.tensor_type
    if rng.random() < 0.3:
        kind.elem_type = int(rng.integers(0, 30))
    elif rng.random() < 0.3:
        value.type.sequence_type.elem_type.tensor_type.elem_type = 1
    elif kind.shape.dim:
        pick(kind.shape.dim, rng).dim_value = int(rng.choice(ODD))


def edit_edge(model: ModelProto, rng: Rng) -> None:
    """An input that comes from later on (a cycle), from nowhere, or fits by luck."""
    nodes = model.graph.node
    if not nodes:
        return
    node: NodeProto = pick(nodes, rng)
    names = [name for other in nodes for name in (*other.input, *other.output)]
    if node.input:
        node.input[int(rng.integers(0, len(node.input)))] = str(pick([*names, "", "gone"], rng))


def edit_name(model: ModelProto, rng: Rng) -> None:
    nodes = model.graph.node
    holders = [*model.graph.input, *model.graph.output, *model.graph.initializer]
    names = [holder.name for holder in holders] + ["", "\x1b[2J", "a" * 5000]
    if nodes and rng.random() < 0.5:
        node = pick(nodes, rng)
        if node.output:
            node.output[0] = str(pick(names, rng))
    else:
        pick(holders, rng).name = str(pick(names, rng))


def edit_operator(model: ModelProto, rng: Rng) -> None:
    if model.graph.node:
        node = pick(model.graph.node, rng)
        kinds = ["Relu", "Add", "Conv", "Loop", "If", "Gather", "Resize", "Expand", "X"]
        node.op_type = str(rng.choice(kinds))
        if rng.random() < 0.3:
            node.domain = str(rng.choice(["ai.onnx.ml", "com.microsoft", "evil", "ai.onnx"]))


def edit_attribute(model: ModelProto, rng: Rng) -> None:
    held = [attribute for node in model.graph.node for attribute in node.attribute]
    if held:
        attribute = pick(held, rng)
        attribute.i = int(rng.choice(ODD))
        if attribute.ints:
            attribute.ints[int(rng.integers(0, len(attribute.ints)))] = int(rng.choice(ODD))


def edit_nodes(model: ModelProto, rng: Rng) -> None:
    nodes = model.graph.node
    if not nodes:
        return
    if rng.random() < 0.5:
        del nodes[int(rng.integers(0, len(nodes)))]
    else:
        nodes.append(NodeProto.FromString(pick(nodes, rng).SerializeToString()))


def edit_versions(model: ModelProto, rng: Rng) -> None:
    if model.opset_import and rng.random() < 0.7:
        model.opset_import[0].version = int(rng.choice([*ODD, 7, 11, 13, 18, 21, 26]))
    else:
        model.ir_version = int(rng.choice(ODD))


def edit_external(model: ModelProto, rng: Rng) -> None:
    tensor = pick(model.graph.initializer, rng)
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add(key="location")
    entry.value = str(rng.choice(["weights.bin", "../../etc/passwd", "/etc/passwd", ""]))
    tensor.ClearField("raw_data")


def edit_nesting(model: ModelProto, rng: Rng) -> None:
    """Graphs inside graphs, and functions that call themselves."""
    if rng.random() < 0.5:
        inner = NodeProto(op_type="If", output=["deep"])
        for _ in range(int(rng.integers(1, 25))):
            outer = NodeProto(op_type="If", output=["deep"], input=[model.graph.input[0].name])
            outer.attribute.add(name="then_branch", type=5).g.node.append(inner)
            inner = outer
        model.graph.node.append(inner)
    else:
        function = model.functions.add(name="Again", domain="own", input=["a"], output=["b"])
        function.node.append(NodeProto(op_type="Again", domain="own", input=["a"], output=["b"]))
        model.opset_import.add(domain="own", version=1)
        model.graph.node.add(
            op_type="Again", domain="own", input=[model.graph.input[0].name], output=["again"]
        )


EDITS: tuple[Callable[[ModelProto, Rng], None], ...] = (
    edit_dims,
    edit_data,
    edit_type,
    edit_signature,
    edit_edge,
    edit_name,
    edit_operator,
    edit_attribute,
    edit_nodes,
    edit_versions,
    edit_external,
    edit_nesting,
)
MUTATIONS: tuple[Callable[[bytes, Rng], bytes], ...] = (
    flip_bits,
    truncate,
    splice,
    cut_out,
    huge_number,
    repeat_fields,
    edit,
    edit,
    edit,
)


def mutants(originals: list[bytes], count: int, rng: Rng) -> Iterator[bytes]:
    for number in range(count):
        data = originals[number % len(originals)]
        yield MUTATIONS[number // len(originals) % len(MUTATIONS)](data, rng)


@pytest.mark.parametrize("kind", CASES)
def test_no_mutant_hangs_or_kills_and_each_ok_really_runs(
    kind: str, tmp_path: Path, tiny_onnx: Callable[..., Path], exported: list[bytes]
) -> None:
    originals = exported if kind == "exported" else [tiny_onnx().read_bytes(), conv_net()]
    count, folder = CASES[kind], tmp_path / "mutants"
    accepted, refused = [], Counter[str]()
    folder.mkdir()
    (folder / "weights.bin").write_bytes(bytes(1 << 20))  # for those whose data lies elsewhere
    with Inspector(seconds=SECONDS) as inspector:
        for number, data in enumerate(mutants(originals, count, np.random.default_rng(5))):
            path = folder / f"{number}.onnx"
            path.write_bytes(data)
            found = inspector.inspect(path)
            assert found.ok == (found.reason == "")
            assert found.reason.isprintable()
            if found.ok:
                accepted.append(path)
            else:
                refused[found.step] += 1
                path.unlink()
    assert 0.02 * count < len(accepted) < 0.6 * count
    assert set(refused) >= {"parse", "structure", "checker", "load", "run"}
    plain = subprocess.run(
        [sys.executable, "-c", PLAIN],
        input="\n".join(map(str, accepted)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert plain.stdout.split() == list(map(str, accepted)), plain.stderr
