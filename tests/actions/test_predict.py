"""Predictions for images of any kind: right, in order, streamed, and named where they fail."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import psutil
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

import zoo
from tests import classifiers
from tests.factories import Told
from zoo.actions.predict import GRID, Prediction, predict, probabilities
from zoo.artifacts import artifact
from zoo.artifacts.publishing import publish, publishing
from zoo.data import loose, threads
from zoo.data.pixels import LARGEST_FILE
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.inspection.found import Inspection
from zoo.inspection.inspector import Inspector
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.progress import Advance, Progress

ROOT = Path(__file__).parents[2]
Make = Callable[..., Path]
PURE = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of one image of each colour, in several kinds of files, and things to ignore."""
    folder = tmp_path / "images"
    (folder / "b").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "__MACOSX").mkdir()
    Image.new("RGB", (90, 41), PURE["red"]).save(folder / "c.JPG")
    Image.new("RGBA", (3, 200), (*PURE["blue"], 255)).save(folder / "b" / "a.webp")
    Image.new("RGB", (1, 1), PURE["green"]).quantize().save(folder / "b" / "z.png")
    for ignored in (".hidden/a.png", "__MACOSX/a.png", ".a.png"):
        Image.new("RGB", (1, 1)).save(folder / ignored)
    (folder / "notes.txt").write_text("not an image")
    return folder


@pytest.fixture
def exports(tiny_onnx: Make, tmp_path: Path) -> Path:
    """A root with one export of cnn, fp32 alone."""
    root = tmp_path / "exports"
    with publishing("cnn-colours", root) as folder:
        shutil.copy(tiny_onnx(), folder / "fp32.onnx")
        facts = {"model": "cnn", "precisions": {"fp32": {}}}
        publish("cnn-colours", facts, folder)
    return root


def first(predictions: Iterator[Prediction]) -> list[tuple[str, str]]:
    """The file's name and the best guess, or the problem."""
    return [
        (found.path.name, found.guesses[0].class_name if found.guesses else found.problem)
        for found in predictions
    ]


class TestImages:
    def test_a_folder_is_walked_in_order(self, tiny_onnx: Make, images: Path) -> None:
        found = first(predict(tiny_onnx(), [images]))
        assert found == [("c.JPG", "red"), ("a.webp", "blue"), ("z.png", "green")]

    def test_files_come_in_the_order_given(self, tiny_onnx: Make, images: Path) -> None:
        named = [images / "c.JPG", images / "b", str(images / "c.JPG")]
        found = first(zoo.predict(str(tiny_onnx()), named))
        assert [colour for _, colour in found] == ["red", "blue", "green", "red"]

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    def test_every_mode_is_seen(self, tiny_onnx: Make, tmp_path: Path, mode: str) -> None:
        Image.new(mode, (9, 7)).save(tmp_path / "it.png")
        (found,) = predict(tiny_onnx(), [tmp_path / "it.png"])
        assert found.problem == ""

    def test_problems_are_named_and_the_others_go_on(
        self, tiny_onnx: Make, images: Path, tmp_path: Path
    ) -> None:
        (images / "b" / "m.png").write_bytes(b"no image")
        half = (images / "c.JPG").read_bytes()[:-200]
        (tmp_path / "half.jpg").write_bytes(half)
        empty, pipe = tmp_path / "empty", tmp_path / "pipe"
        empty.mkdir()
        os.mkfifo(pipe)
        asked = [images / "b", tmp_path / "gone.png", tmp_path / "half.jpg", empty, pipe]
        found = first(predict(tiny_onnx(), asked))
        assert [name for name, _ in found] == [
            *("a.webp", "m.png", "z.png"),
            *("gone.png", "half.jpg", "empty", "pipe"),
        ]
        said = [text for _, text in found]
        assert said[0] == "blue"
        assert "not an image (BMP, JPEG, PNG, WEBP)" in said[1]
        assert said[2:4] == ["green", "No such file or directory"]
        assert said[4]
        assert "no images in this folder" in said[5]
        assert said[6] == "it is a named pipe, not a regular file"

    @pytest.mark.parametrize("asked", [["gone.png"], [], ["."]], ids=["file", "none", "folder"])
    def test_no_image_at_all_is_an_error(
        self, tiny_onnx: Make, in_folder: Path, asked: list[str]
    ) -> None:
        model = tiny_onnx()
        model.rename(in_folder / "moved.onnx")
        with pytest.raises(ZooError, match=r"there is no image"):
            predict("moved.onnx", asked)

    def test_too_large_a_file_is_not_read(self, tiny_onnx: Make, images: Path) -> None:
        large = images / "a.png"
        with large.open("wb") as file:
            file.truncate(LARGEST_FILE + 1)  # a hole, which takes no room on the disk
        ((_, problem), *_) = first(predict(tiny_onnx(), [large, images]))
        assert problem == "it is larger than 1,024 MiB"

    def test_only_a_bounded_number_of_images_is_read_ahead(
        self, tiny_onnx: Make, images: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(threads, "thread_budget", lambda: 1)
        read: list[Path] = []
        encoded = loose.read_encoded
        monkeypatch.setattr(loose, "read_encoded", lambda path: read.append(path) or encoded(path))
        found = predict(tiny_onnx(), [images / "c.JPG"] * 2000)
        next(found)
        assert len(read) <= 5 * 64
        assert sum(1 for _ in found) == 1999

    def test_progress_counts_every_image(self, tiny_onnx: Make, images: Path) -> None:
        counts: list[int] = []

        class Counting(Progress):
            @contextmanager
            def task(self, label: str, total: int) -> Iterator[Advance]:
                counts.append(-total)
                yield lambda count=1, text="": counts.append(count)

        list(predict(tiny_onnx(), [images] * 30, progress=Counting()))
        assert sum(counts) == 0
        assert counts[0] == -90


class TestGuesses:
    def test_the_likeliest_come_first_and_add_up(self, tiny_onnx: Make, tmp_path: Path) -> None:
        Image.new("RGB", (8, 8), (200, 90, 100)).save(tmp_path / "it.png")
        (found,) = predict(tiny_onnx(), [tmp_path / "it.png"])
        assert [guess.class_name for guess in found.guesses] == ["red", "blue", "green"]
        powers = np.exp(np.array([200, 100, 90]) / 25.5)
        shares = [guess.probability for guess in found.guesses]
        assert shares == pytest.approx(powers / powers.sum(), rel=1e-5)

    @pytest.mark.parametrize(("classes", "top", "shown"), [(9, 5, 5), (3, 5, 3), (9, 1, 1)])
    def test_top(self, tiny_onnx: Make, images: Path, classes: int, top: int, shown: int) -> None:
        model = tiny_onnx(classes=classes)
        assert {len(found.guesses) for found in predict(model, [images], top=top)} == {shown}

    def test_top_of_nothing_is_wrong_usage(self, tiny_onnx: Make, images: Path) -> None:
        with pytest.raises(UsageError, match="--top"):
            predict(tiny_onnx(), [images], top=0)

    def test_without_names_classes_have_numbers(self, tiny_onnx: Make, images: Path) -> None:
        found = first(predict(tiny_onnx(metadata={}), [images]))
        assert [name for _, name in found] == ["class 0", "class 2", "class 1"]

    @pytest.mark.parametrize("batch", ["batch", 1, 2, 5])
    @pytest.mark.parametrize("kind", ["uint8-nhwc", "float32-nchw"])
    def test_fixed_batches_and_bare_networks_predict_the_same(
        self, tiny_onnx: Make, images: Path, batch: int | str, kind: str
    ) -> None:
        model = tiny_onnx(batch=batch, kind=kind)
        assert [name for _, name in first(predict(model, [images]))] == ["red", "blue", "green"]

    def test_a_strangers_network_needs_mean_and_std(self, tiny_onnx: Make, images: Path) -> None:
        model = tiny_onnx(kind="float32-nchw", metadata={})
        with pytest.raises(UsageError, match="--mean"):
            predict(model, [images])
        found = first(predict(model, [images], given=Given((0, 0, 0), (1, 1, 1))))
        assert [name for _, name in found] == ["class 0", "class 2", "class 1"]

    def test_values_that_are_not_numbers_are_not_a_prediction(
        self, tiny_onnx: Make, images: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        passed = Inspection(True, "", "", 0.0)
        monkeypatch.setattr(Inspector, "inspect", lambda *_, **given: passed)
        model = onnx.load(path := tiny_onnx())
        bias = next(tensor for tensor in model.graph.initializer if tensor.name == "bias")
        bias.float_data[:] = [float("nan")] * 3
        onnx.save(model, path)
        with pytest.raises(ZooError, match="not finite"):
            list(predict(path, [images]))

    def test_a_file_that_looks_at_the_batch_is_said_to(self, tmp_path: Path, images: Path) -> None:
        for kind, warnings in (("plain", 0), ("batch mean", 1)):
            told = Told()
            path = classifiers.write(tmp_path / "digits.onnx", kind)  # type: ignore[arg-type]
            list(predict(path, [images], progress=told))
            assert sum("depends on its batch" in line for line in told.lines) == warnings

    def test_what_is_a_probability_already_is_left_alone(self) -> None:
        shares = np.array([[0.2, 0.8], [1.0, 0.0]], np.float32)
        assert probabilities(shares, "probabilities") == pytest.approx(shares)
        assert probabilities(shares, "logits")[1, 0] == pytest.approx(np.e / (1 + np.e))
        large = np.array([[1e30, 0.0]], np.float32)
        assert probabilities(large, "scores").tolist() == [[1.0, 0.0]]


class TestModels:
    @pytest.mark.parametrize("name", ["cnn", "cnn-colours"])
    def test_an_artifact_goes_by_id_or_model(self, exports: Path, images: Path, name: str) -> None:
        found = predict(name, [images], exports=exports, precision="fp32")
        assert first(found)[0] == ("c.JPG", "red")

    def test_an_artifact_goes_by_its_folder(self, exports: Path, images: Path) -> None:
        (exports / "cnn-colours" / "card.json").write_text("{}")
        assert first(predict(exports / "cnn-colours", [images]))[0] == ("c.JPG", "red")

    def test_a_precision_that_was_not_published_is_named(self, exports: Path, images: Path) -> None:
        with pytest.raises(UsageError, match="has no int8, only fp32"):
            predict("cnn", [images], exports=exports, precision="int8")

    def test_an_artifact_whose_bytes_changed_is_refused(self, exports: Path, images: Path) -> None:
        file = exports / "cnn-colours" / "fp32.onnx"
        file.write_bytes(file.read_bytes() + b"\0")
        with pytest.raises(ZooError, match="sha256"):
            predict("cnn", [images], exports=exports)

    def test_a_folder_may_come_from_anywhere_with_its_manifest(
        self, exports: Path, images: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What lies among one's own exports goes by name, and was looked at when it was made."""
        with publishing("cnn-colours", exports) as folder:
            (folder / "card.json").write_text("{}")
            (folder / "fp32.onnx").write_text("some words, and more of them")
            facts = {"model": "cnn", "precisions": {"fp32": {}}}
            publish("cnn-colours", facts, folder)
        monkeypatch.setattr(artifact.Artifact, "session", None)
        with pytest.raises(ZooError, match=r"fp32\.onnx is refused: it is not an ONNX file"):
            predict(exports / "cnn-colours", [images])

    def test_a_strangers_file_is_looked_at_from_afar_first(
        self, tiny_onnx: Make, images: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tiny_onnx()
        path.write_bytes(path.read_bytes()[:-40])
        monkeypatch.delattr(Inspector, "open")
        with pytest.raises(ZooError, match=r"tiny\.onnx is refused: .*cut short"):
            predict(path, [images])

    def test_a_file_has_the_precision_it_has(self, tiny_onnx: Make, images: Path) -> None:
        with pytest.raises(UsageError, match="Leave out --precision"):
            predict(tiny_onnx(), [images], precision="int8")


def only_white(path: Path, then: list[onnx.NodeProto]) -> Path:
    """A file that runs the nodes `then` with `count` 2^34 for a white image, else 0.

    Noise, which every file is tried with, is not white.
    """
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceMax", ["means"], ["most"], keepdims=0),
        helper.make_node("Div", ["most", "white"], ["share"]),
        helper.make_node("Floor", ["share"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["is_white"], to=TensorProto.INT64),
        helper.make_node("Mul", ["is_white", "many"], ["count"]),
        *then,
    ]
    held = [
        numpy_helper.from_array(np.array(255, np.float32), "white"),
        numpy_helper.from_array(np.array(1 << 34), "many"),
        numpy_helper.from_array(np.array([0]), "axis"),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 4, 5, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    graph = helper.make_graph(nodes, "white", [image], [logits], held)
    opset = helper.make_opsetid("", 13)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[opset]), path)
    return path


def loops(path: Path) -> Path:
    """For hours."""
    inputs = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        helper.make_tensor_value_info("v", TensorProto.FLOAT, ["n", 3]),
    ]
    outputs = [
        helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        helper.make_tensor_value_info("w", TensorProto.FLOAT, ["n", 3]),
    ]
    nodes = [
        helper.make_node("Identity", ["go"], ["going"]),
        helper.make_node("Relu", ["v"], ["w"]),
    ]
    body = helper.make_graph(nodes, "body", inputs, outputs)
    return only_white(
        path, [helper.make_node("Loop", ["count", "", "means"], ["logits"], body=body)]
    )


def swells(path: Path) -> Path:
    """To 64 GiB."""
    nodes = [
        helper.make_node("Unsqueeze", ["count", "axis"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("ReduceSum", ["zeros"], ["zero"], keepdims=0),
        helper.make_node("Add", ["means", "zero"], ["logits"]),
    ]
    return only_white(path, nodes)


class TestBounds:
    """What one image alone sets off, after the file passed with noise."""

    @pytest.mark.parametrize(
        ("make", "options", "told"),
        [
            (loops, {"seconds": 3.0}, r"took more than 3 s; --timeout raises the limit"),
            (swells, {"memory": 10**9}, r"[Mm]emory.*; --memory raises the limit"),
        ],
        ids=["loops", "swells"],
    )
    def test_the_images_are_named_and_nothing_is_left(
        self,
        tmp_path: Path,
        make: Callable[[Path], Path],
        options: dict[str, float],
        told: str,
    ) -> None:
        path = make(tmp_path / "odd.onnx")
        for colour in ("black", "white"):
            Image.new("RGB", (5, 4), colour).save(tmp_path / f"{colour}.png")
        (found,) = predict(path, [tmp_path / "black.png"], **options)
        assert len(found.guesses) == 3
        before = {child.pid for child in psutil.Process().children()}
        both = [tmp_path / "black.png", tmp_path / "white.png"]
        with pytest.raises(ZooError, match=told) as caught:
            list(predict(path, both, **options))
        assert f"{path} failed: " in str(caught.value)
        assert str(caught.value).endswith(f"({both[0]} to {both[1]}).")
        assert {child.pid for child in psutil.Process().children()} == before

    def test_no_process_is_left_of_predictions_that_nobody_wants(
        self, tiny_onnx: Make, images: Path
    ) -> None:
        before = {child.pid for child in psutil.Process().children()}
        found = predict(tiny_onnx(), [images] * 100)
        next(found)
        found.close()
        assert {child.pid for child in psutil.Process().children()} == before


class TestGrid:
    def test_it_is_drawn_when_all_are_done(
        self, tiny_onnx: Make, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        drawn: list[tuple[tuple[int, ...], list[str], str]] = []
        monkeypatch.setattr(
            "zoo.drawing.plots.draw_grid",
            lambda images, captions, path, title: drawn.append((images.shape, captions, title)),
        )
        (images / "d.png").touch()
        list(predict(tiny_onnx(), [images] * 30, save=tmp_path / "grid.png"))
        ((shape, captions, title),) = drawn
        assert shape == (GRID, 4, 5, 3)
        told = ["red 100%", "blue 100%", "green 100%", "red 100%"]
        assert [caption.split("\n")[0] for caption in captions[:4]] == told
        assert captions[0].split("\n")[1] in {path.name for path in images.iterdir()}
        assert title.startswith("tiny.onnx: ")

    def test_it_is_a_png(self, tiny_onnx: Make, images: Path, tmp_path: Path) -> None:
        path = tmp_path / "new" / "grid.png"
        list(predict(tiny_onnx(), [images], save=path))
        with Image.open(path) as drawn:
            assert drawn.format == "PNG"

    def test_a_folder_in_its_place_is_named_at_once(
        self, tiny_onnx: Make, images: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(ZooError, match="this is a folder"):
            predict(tiny_onnx(), [images], save=tmp_path)


def test_neither_torch_nor_onnx_is_imported(exports: Path, images: Path) -> None:
    code = (
        "import sys\n"
        "import cli\n"
        "try:\n    cli.main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", "cnn", images, "--exports", exports, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(done.stderr.split())
    assert "onnxruntime" in loaded
    assert loaded & {"torch", "torchvision", "onnx", "pandas", "matplotlib", "sklearn"} == set()


BAD = Here("1.24.4", frozenset({"amx_int8"}))


def test_a_file_that_this_onnxruntime_answers_wrongly_here(
    integer_onnx: Callable[[int], Path], images: Path
) -> None:
    with pytest.raises(
        UnavailableError, match=r"would give wrong answers: onnxruntime 1\.24\.4.*26324"
    ):
        list(predict(integer_onnx(24), [images], on=BAD))
    assert len(list(predict(integer_onnx(32), [images], on=BAD))) == 3
    assert len(list(predict(integer_onnx(24), [images], on=Here("1.25.0", BAD.flags)))) == 3


def test_an_artifact_of_earlier_that_this_onnxruntime_answers_wrongly_here(
    integer_onnx: Callable[[int], Path], images: Path, tmp_path: Path
) -> None:
    for width in (24, 32):
        with publishing(f"cnn-{width}", tmp_path / "exports") as folder:
            shutil.copy(integer_onnx(width), folder / "int8.onnx")
            publish(f"cnn-{width}", {"model": "cnn", "precisions": {"int8": {}}}, folder)
    asked = {"precision": "int8", "exports": tmp_path / "exports", "on": BAD}
    with pytest.raises(UnavailableError, match="cnn-24 int8 would give wrong answers"):
        list(predict("cnn-24", [images], **asked))
    assert len(list(predict("cnn-32", [images], **asked))) == 3
