"""`diff`: the layer that was changed is the one that is named, however the files were written."""

import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper
from PIL import Image

import zoo
from tests import classifiers
from tests.actions.test_show import NASTY, Outline
from zoo.actions import tensors
from zoo.actions.diff import diff
from zoo.drawing.differences import Diff
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.marks import is_ours
from zoo.ort.given import Given

DIGITS = Given(data="digits")
Change = Callable[[ModelProto], object]


@pytest.fixture
def changed(mlp_exports: Path, tmp_path: Path) -> Callable[..., Path]:
    """A copy of mlp's fp32 file after a change of its model."""

    def made(name: str, change: Change = lambda model: None) -> Path:
        model = onnx.load(mlp_exports / "mlp-digits" / "fp32.onnx")
        change(model)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return made


def scaled(layer: str, by: float) -> Change:
    """Weights of a layer, times a number."""

    def change(model: ModelProto) -> None:
        made_by = {node.output[0]: node for node in model.graph.node}
        weight = made_by[layer].input[1]
        if weight in made_by:  # through a Transpose
            weight = made_by[weight].input[0]
        (held,) = (one for one in model.graph.initializer if one.name == weight)
        held.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(held) * np.float32(by), weight))

    return change


def renamed(model: ModelProto) -> None:
    """Every tensor but input and output."""
    ends = {value.name for value in (*model.graph.input, *model.graph.output)}
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [name if name in ends or not name else f"other/{name}" for name in names]
    for held in model.graph.initializer:
        held.name = f"other/{held.name}"
    del model.graph.value_info[:]


def reordered(model: ModelProto) -> None:
    """The same nodes in another order that is allowed: each as late as it can be."""
    left, late = list(model.graph.node), []
    while left:
        for at in range(len(left)):
            if not any(set(left[at].output) & set(other.input) for other in left):
                late.append(left.pop(at))
                break
    del model.graph.node[:]
    model.graph.node.extend(reversed(late))


class TestSame:
    def test_a_model_and_itself(self, mlp_exports: Path, tmp_path: Path) -> None:
        made = diff("mlp", exports=mlp_exports, out=tmp_path)
        assert made.first is None
        assert {(one.error, one.added, one.largest) for one in made.layers} == {(0, 0, 0)}
        assert made.alone == ()
        assert made.effect.changed == 0
        assert made.effect.images == 256
        assert made.effect.lost is not None
        assert made.effect.lost.share == 0
        assert made.bound == 1e-3

    @pytest.mark.parametrize("change", [renamed, reordered], ids=["renamed", "reordered"])
    def test_however_it_is_written(
        self, change: Change, changed: Callable[..., Path], tmp_path: Path
    ) -> None:
        a, b = changed("a.onnx"), changed("b.onnx", change)
        made = diff(a, b, given=DIGITS, count=20, out=tmp_path / "out")
        assert made.alone == ()
        assert len(made.layers) == 8
        assert max(one.error for one in made.layers) < 1e-6
        ways = {one.matched for one in made.layers if one.name != "logits"}
        assert ways == ({"place"} if change is renamed else {"name"})


class TestPlanted:
    @pytest.mark.parametrize("layer", ["MatMul_0", "MatMul_1", "logits"])
    @pytest.mark.parametrize("change", [lambda model: None, renamed], ids=["named", "renamed"])
    def test_the_layer_that_was_changed_is_the_first(
        self, layer: str, change: Change, changed: Callable[..., Path], tmp_path: Path
    ) -> None:
        def both(model: ModelProto) -> None:
            scaled(layer, 1.05)(model)
            change(model)

        made = diff(
            changed("a.onnx"), changed("b.onnx", both), given=DIGITS, count=20, out=tmp_path / "out"
        )
        assert made.first is not None
        assert made.first.name == layer
        assert made.worst.name == layer
        assert made.first.added == made.first.error
        before = [one.name for one in made.layers].index(layer)
        assert all(one.error == 0 for one in made.layers[:before])

    def test_errors_are_those_of_all_images_at_once(
        self, changed: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tensors, "_MOST", 3)
        a, b = changed("a.onnx"), changed("b.onnx", scaled("MatMul_0", 1.05))
        made = diff(a, b, given=DIGITS, count=8, out=tmp_path / "out")
        images = np.array(zoo.load_data("digits").test.images[:8])
        of_a, of_b = (
            np.stack([zoo.layers(path, image)["Relu_1"] for image in images]).astype(np.float64)
            for path in (a, b)
        )
        (found,) = (one for one in made.layers if one.name == "Relu_1")
        wanted = np.sqrt(np.square(of_b - of_a).mean()) / of_a.std()
        assert found.error == pytest.approx(wanted, rel=1e-3)
        assert found.spread == pytest.approx(of_a.std(), rel=1e-3)
        assert found.largest == pytest.approx(np.abs(of_b - of_a).max() / of_a.std(), rel=1e-3)

    def test_the_bound_is_told(self, changed: Callable[..., Path], tmp_path: Path) -> None:
        a, b = changed("a.onnx"), changed("b.onnx", scaled("MatMul_1", 1.05))
        made = diff(a, b, given=DIGITS, count=9, out=tmp_path / "out", max_difference=0.5)
        assert made.first is None
        assert (made.bound, made.why) == (0.5, "as told")


@pytest.fixture(scope="module")
def rounded(mlp_exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Diff:
    """All test images."""
    out = tmp_path_factory.mktemp("int8")
    return diff("mlp:fp32", "mlp:int8", exports=mlp_exports, out=out, count=10_000)


class TestInt8:
    def test_padded_and_folded_layers_are_named(self, rounded: Diff, mlp_exports: Path) -> None:
        found = {one.name: one for one in rounded.layers}
        assert "padded channels of B are cut" in found["Relu_0"].note
        assert found["Relu_0"].error < 0.1
        alone = {one.name: one.reason for one in rounded.alone if one.model == "A"}
        assert (
            alone["BatchNormalization_0"] == "B has no such layer; what it does is part of Relu_0"
        )
        every = {one.name for one in (*rounded.layers, *rounded.alone)}
        assert every >= set(zoo.layers("mlp", np.zeros((32, 32, 3), np.uint8), exports=mlp_exports))

    def test_the_bound_and_the_answers(self, rounded: Diff, mlp_exports: Path) -> None:
        assert rounded.why == "the default for int8"
        assert rounded.first is None
        card = zoo.load("mlp", mlp_exports).card
        effect = rounded.effect
        assert effect.accuracy_a == card.precisions["fp32"].accuracy
        assert effect.accuracy_b == card.precisions["int8"].accuracy
        assert effect.images - effect.changed == card.precisions["int8"].agreement
        test = zoo.load_data("digits").test
        for one in effect.examples:
            assert one.truth == str(test.labels[one.index])
            assert one.a != one.b

    def test_the_page_says_it_all(self, rounded: Diff) -> None:
        page = rounded.page.read_text()
        outline = Outline(page)
        assert rounded.page.name == "diff-mlp-digits-fp32-mlp-digits-int8.html"
        assert is_ours(rounded.page)
        assert len(page) < 5_000_000
        for one in (*rounded.layers, *rounded.alone):
            assert one.name in outline.text
        assert "standard deviation of A's tensor" in outline.text
        links = [value for name, value in outline.attributes if name == "a href"]
        assert links == [f"#layer-{at + 1}" for at in range(len(rounded.layers))]
        assert set(links) == {f"#{value}" for name, value in outline.attributes if name == "tr id"}
        assert outline.tags.count("img") == len(rounded.effect.examples)
        assert all(value for name, value in outline.attributes if name == "img alt")
        assert "script" not in outline.tags


class TestRefused:
    def test_a_provider_that_cannot_run_here(
        self, mlp_exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from zoo.ort import providers

        monkeypatch.setattr(
            providers, "problem_of", lambda asked: "there is no GPU" * (asked != "cpu")
        )
        out = tmp_path / "out"
        with pytest.raises(UnavailableError, match="cuda cannot run here: there is no GPU"):
            diff("mlp", exports=mlp_exports, providers=("cpu", "cuda"), out=out)
        assert not out.exists()

    def test_models_of_other_images_or_classes(
        self, changed: Callable[..., Path], tiny_onnx: Callable[..., Path], tmp_path: Path
    ) -> None:
        b = changed("b.onnx")
        with pytest.raises(UsageError, match="gives 96 classes"):
            diff(_one_layer(tmp_path / "a.onnx", "ReduceMax"), b, out=tmp_path / "out")
        with pytest.raises(UsageError, match="takes images of 4x5x3, "):
            diff(tiny_onnx(), b, out=tmp_path / "out")

    def test_files_that_share_no_layer(self, tmp_path: Path) -> None:
        a = _one_layer(tmp_path / "a.onnx", "ReduceMax")
        b = _one_layer(tmp_path / "b.onnx", "Sub")
        Image.fromarray(np.eye(8, dtype=np.uint8)).save(tmp_path / "x.png")
        with pytest.raises(ZooError, match="share no layer: none of the 1 layer of A"):
            diff(a, b, images=tmp_path / "x.png", out=tmp_path / "out")
        assert not list((tmp_path / "out").glob("*"))

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"count": 0}, "--count"),
            ({"max_difference": -1.0}, "--max-difference"),
            ({"max_difference": math.nan}, "--max-difference"),
            ({"precisions": ("fp32", "int8", "fp16")}, "--precision takes one or two values"),
            ({"providers": ("cpu",) * 3}, "--provider takes one or two values"),
            ({"given": Given(mean=(0.5,))}, "for third-party files"),
            ({"precisions": ("fp8",)}, "has no fp8"),
        ],
        ids=str,
    )
    def test_wrong_usage(
        self, options: dict[str, object], words: str, mlp_exports: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(UsageError, match=words):
            diff("mlp", exports=mlp_exports, out=tmp_path / "out", **options)

    def test_a_precision_twice(self, mlp_exports: Path) -> None:
        with pytest.raises(UsageError, match="Leave out --precision"):
            diff("mlp:int8", exports=mlp_exports, precisions=("fp32",))

    def test_a_precision_that_nobody_knows_is_named(self, mlp_exports: Path) -> None:
        with pytest.raises(UsageError, match=r"no precision 'int9'\. Did you mean int8"):
            diff("mlp:int9", exports=mlp_exports)

    def test_files_of_others_are_not_replaced(self, mlp_exports: Path, tmp_path: Path) -> None:
        page = tmp_path / "diff-mlp-digits-fp32-mlp-digits-fp32.html"
        page.write_text("mine")
        with pytest.raises(UsageError, match="did not write it"):
            diff("mlp", exports=mlp_exports, out=tmp_path)
        assert page.read_text() == "mine"


def _one_layer(path: Path, operator: str) -> Path:
    """96 numbers of a digit as classes: of one layer, and without weights."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Slice", ["pixels", "first", "second", "second"], ["row"]),
        helper.make_node("Slice", ["pixels", "second", "third", "second"], ["next"]),
        helper.make_node("ReduceMax", ["row"], [operator], axes=[1])
        if operator == "ReduceMax"
        else helper.make_node("Sub", ["row", "next"], [operator]),
        helper.make_node("Reshape", [operator, "flat"], ["logits"]),
    ]
    numbers = {"first": [0], "second": [1], "third": [2], "flat": [-1, 96]}
    graph = helper.make_graph(
        nodes,
        "columns",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 32, 32, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 96])],
        [
            numpy_helper.from_array(np.array(value, np.int64), name)
            for name, value in numbers.items()
        ],
    )
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
    return path


class TestThirdPartyFiles:
    def test_hostile_names_are_text(self, tmp_path: Path) -> None:
        names = [f"{NASTY} {n}" for n in range(10)]
        a = classifiers.write(tmp_path / "a.onnx", names=names)
        b = classifiers.write(tmp_path / "b.onnx", names=names, order=[1, 0, *range(2, 10)])
        folder = tmp_path / "images <b>"
        folder.mkdir()
        noise = np.random.default_rng(0).integers(0, 256, (6, 40, 30, 3), dtype=np.uint8)
        for at, pixels in enumerate(noise):
            Image.fromarray(pixels).save(folder / f"<script>{at}.png")
        made = diff(a, b, images=folder, out=tmp_path / "out")
        outline = Outline(made.page.read_text())
        assert "script" not in outline.tags
        assert "b" not in outline.tags
        assert made.effect.accuracy_a is None
        assert made.effect.lost is None
        for one in made.effect.examples:
            assert one.name in outline.text

    def test_images_that_cannot_be_read_are_left_out(self, tmp_path: Path) -> None:
        path = classifiers.write(tmp_path / "a.onnx")
        folder = tmp_path / "images"
        folder.mkdir()
        (folder / "bad.png").write_bytes(b"no image")
        with pytest.raises(ZooError, match="none of the images"):
            diff(path, images=folder, out=tmp_path / "out")
        for at in range(3):
            Image.fromarray(np.full((9, 9, 3), 80 * at, np.uint8)).save(folder / f"{at}.png")
        made = diff(path, images=folder, out=tmp_path / "out", count=2)
        assert made.effect.images == 2
        assert made.first is None

    def test_classes_in_another_order_are_matched_by_name(self, tmp_path: Path) -> None:
        names = zoo.load_data("digits").class_names
        order = [3, 1, 2, 0, *range(4, 10)]
        a = classifiers.write(tmp_path / "a.onnx", names=names)
        b = classifiers.write(tmp_path / "b.onnx", names=[names[at] for at in order], order=order)
        made = diff(a, b, given=DIGITS, count=50, out=tmp_path / "out")
        assert made.effect.changed == 0
        assert made.effect.accuracy_a == made.effect.accuracy_b
        assert made.first is not None
        assert made.first.name == "logits"

    def test_fixed_batches_of_two_sizes(self, tmp_path: Path) -> None:
        a = classifiers.write(tmp_path / "a.onnx", batch=4)
        b = classifiers.write(tmp_path / "b.onnx", batch=3)
        made = diff(a, b, given=DIGITS, count=10, out=tmp_path / "out")
        assert [one.name for one in made.layers] == ["sums", "values", "logits"]
        assert made.first is None
        assert made.effect.images == 10

    def test_files_of_one_name_are_told_apart(self, tmp_path: Path) -> None:
        (tmp_path / "old").mkdir()
        a = classifiers.write(tmp_path / "old" / "net.onnx")
        b = classifiers.write(tmp_path / "net.onnx")
        made = diff(a, b, given=DIGITS, count=4, out=tmp_path / "out")
        assert (made.a, made.b) == (str(a), str(b))

    def test_an_artifact_and_its_file(self, mlp_exports: Path, tmp_path: Path) -> None:
        path = tmp_path / "copy.onnx"
        shutil.copy(mlp_exports / "mlp-digits" / "int8.onnx", path)
        made = diff("mlp:int8", path, exports=mlp_exports, out=tmp_path / "out", count=20)
        assert made.why == "the default for int8"
        assert {one.error for one in made.layers} == {0}
        assert made.effect.lost is not None


def test_the_models_have_to_name_images(tmp_path: Path) -> None:
    path = classifiers.write(tmp_path / "a.onnx")
    with pytest.raises(UsageError, match="Name one with --data"):
        diff(path, out=tmp_path / "out")
