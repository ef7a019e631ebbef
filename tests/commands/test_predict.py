"""`predict`: images in, lines or JSON or CSV out; names that steer no terminal."""

import csv
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
import torch
from click.testing import Result
from PIL import Image

Call = Callable[..., Result]
ROOT = Path(__file__).parent.parent.parent


class TestPredict:
    @pytest.fixture
    def model(self, tiny_onnx: Callable[..., Path], in_folder: Path) -> str:
        """An ONNX file and two images, one below a folder, where the command looks for them."""
        tiny_onnx()
        Path("images").mkdir()
        Image.new("RGB", (70, 50), (255, 0, 0)).save("images/red.png")
        Image.new("L", (3, 3), 255).save("grey.jpg")
        return "tiny.onnx"

    def test_a_line_for_each_image(self, call: Call, model: str) -> None:
        done = call("predict", model, "images", "grey.jpg", "--top", "2")
        assert done.stdout.splitlines() == [
            "images/red.png  red 100.0%, green 0.0%",
            "grey.jpg  red 33.3%, green 33.3%",
        ]

    def test_json_and_csv_agree(self, call: Call, model: str) -> None:
        found = json.loads(call("predict", model, "images", "grey.jpg", "--json").stdout)
        table = call("predict", model, "images", "grey.jpg", "--csv").stdout
        rows = list(csv.DictReader(table.splitlines()))
        assert list(rows[0]) == ["path", "rank", "class", "probability"]
        assert [
            (row["path"], int(row["rank"]), row["class"], float(row["probability"])) for row in rows
        ] == [
            (each["path"], rank, guess["class"], guess["probability"])
            for each in found
            for rank, guess in enumerate(each["guesses"], 1)
        ]
        assert len(rows) == 6

    def test_what_cannot_be_read_is_named_and_counted(self, call: Call, model: str) -> None:
        Path("bad.png").write_text("no image")
        asked = ("predict", model, "bad.png", "gone.png", "images")
        done = call(*asked, code=1)
        assert done.stdout.startswith("images/red.png  red")
        assert "unreadable: bad.png: not an image" in done.stderr
        assert "unreadable: gone.png: No such file" in done.stderr
        assert "error: 2 of 3 images could not be read." in done.stderr
        found = json.loads(call(*asked, "--json", code=1).stdout)
        assert ["problem" in each for each in found] == [True, True, False]

    @pytest.mark.parametrize("kind", ["GIF", "TIFF"])
    def test_a_format_that_is_not_read_is_named(self, call: Call, model: str, kind: str) -> None:
        Image.new("RGB", (8, 8)).save("image", format=kind)
        told = call("predict", model, "image", code=1).stderr
        assert f"unreadable: image: unsupported format {kind}: convert it to one of BMP" in told

    def test_a_folder_says_what_it_skipped(self, call: Call, model: str) -> None:
        Path("images/notes.txt").write_text("none")
        Image.new("RGB", (8, 8)).save("images/moving.gif")
        done = call("predict", model, "images")
        assert "images: 2 of 3 files skipped, which are not .bmp" in done.stderr
        assert len(done.stdout.splitlines()) == 1

    def test_the_json_beside_a_file_and_its_data_describe_it(
        self, call: Call, tiny_onnx: Callable[..., Path], model: str
    ) -> None:
        tiny_onnx(kind="float32-nchw", classes=10, metadata={})
        Path("tiny.json").write_text('{"mean": [0], "std": [1], "data": "digits"}')
        assert call("predict", model, "images").stdout.startswith("images/red.png  0 ")
        told = call("predict", model, "images", "--classes", "a,b,c,d,e,f,g,h,i,j").stdout
        assert told.startswith("images/red.png  a ")

    def test_json_that_ends_early_is_json(self, call: Call, model: str) -> None:
        """Of black the logarithm is not a number, which stops the second batch."""
        network = onnx.load(model)
        network.graph.node[-1].input[0] = "logarithms"
        logarithm = onnx.helper.make_node("Log", ["means"], ["logarithms"])
        network.graph.node.insert(len(network.graph.node) - 1, logarithm)
        onnx.save(network, model)
        Image.new("L", (3, 3), 0).save("black.png")
        done = call("predict", model, *["grey.jpg"] * 64, "black.png", "--json", code=1)
        assert "not finite" in done.stderr
        assert len(json.loads(done.stdout)) == 64

    def test_no_image_is_an_error(self, call: Call, model: str) -> None:
        Path("empty").mkdir()
        assert "there is no image" in call("predict", model, "empty", code=1).stderr
        call("predict", model, code=2)

    def test_save_draws_them(self, call: Call, model: str) -> None:
        done = call("predict", model, "images", "--save", "grid.png")
        assert "saved grid.png: the first 1 images with their classes" in done.stderr
        with Image.open("grid.png") as drawn:
            assert drawn.format == "PNG"
        call("predict", model, "images", "--save", "grid.png")

    def test_save_replaces_nothing_of_others(self, call: Call, model: str) -> None:
        before = Path("grey.jpg").read_bytes()
        done = call("predict", model, "images", "--save", "grey.jpg", code=2)
        assert "grey.jpg exists" in done.stderr
        assert done.stdout == ""
        assert Path("grey.jpg").read_bytes() == before

    @pytest.mark.parametrize(
        ("arguments", "code", "cause"),
        [
            (["gone.onnx", "grey.jpg"], 1, "there is no file gone.onnx"),
            (["grey.jpg", "grey.jpg"], 1, "grey.jpg is refused: "),
            (["cnnn", "grey.jpg"], 2, "Did you mean cnn"),
            (["cnn", "grey.jpg"], 1, "python cli.py export cnn"),
            (["tiny.onnx", "grey.jpg", "--provider", "cdua"], 2, "Did you mean cuda"),
            (["tiny.onnx", "grey.jpg", "--mean", "a,b"], 2, "'a,b' is not a list of numbers"),
            (["tiny.onnx", "grey.jpg", "--std", "1"], 2, "leave out --mean and --std"),
            (["tiny.onnx", "grey.jpg", "--top", "0"], 2, "--top"),
            (["tiny.onnx", "grey.jpg", "--precision", "int8"], 2, "Leave out --precision"),
            (["tiny.onnx", "grey.jpg", "--json", "--csv"], 2, "--json and --csv"),
            (["tiny.onnx", "grey.jpg", "--save", "images"], 1, "is a folder"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_what_cannot_be_is_refused_with_its_cause(
        self, call: Call, model: str, arguments: list[str], code: int, cause: str
    ) -> None:
        done = call("predict", *arguments, code=code)
        assert cause in done.stderr
        assert done.stdout == ""

    @pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here, so it is not refused")
    def test_cuda_that_is_not_there_is_exit_3_with_the_cause(self, call: Call, model: str) -> None:
        error = call("predict", model, "grey.jpg", "--provider", "cuda", code=3).stderr
        assert re.search(r"--provider cuda cannot run here: \w+.{10,}", error)

    @pytest.mark.parametrize(
        ("mean", "std", "best"),
        [
            (".0,.5,.5", "1,1,1", "class 0 98."),
            (".5", ".25,.25,.5", "class 0 50.0%, class 1 50.0%"),
        ],
    )
    def test_mean_and_std_are_for_each_channel_or_one_for_all(
        self,
        call: Call,
        tiny_onnx: Callable[..., Path],
        model: str,
        mean: str,
        std: str,
        best: str,
    ) -> None:
        tiny_onnx(kind="float32-nchw", metadata={})
        done = call("predict", model, "grey.jpg", "--mean", mean, "--std", std, "--top", "2")
        assert done.stdout.startswith(f"grey.jpg  {best}")

    @pytest.mark.parametrize(
        ("mean", "told"),
        [
            ("125,123,114", "Did you mean --mean .490,.482,.447 --std 1.00,1.00,1.00?"),
            ("-.1,.5,.5", "--mean cannot be -0.1, 0.5, 0.5"),
        ],
    )
    def test_a_mean_of_another_scale_is_refused_with_what_was_meant(
        self, call: Call, tiny_onnx: Callable[..., Path], model: str, mean: str, told: str
    ) -> None:
        tiny_onnx(kind="float32-nchw", metadata={})
        given = ("--mean", mean, "--std", "255,255,255")
        assert told in call("predict", model, "grey.jpg", *given, code=2).stderr

    def test_names_of_strangers_do_not_steer_the_terminal(
        self, call: Call, tiny_onnx: Callable[..., Path], model: str
    ) -> None:
        tiny_onnx(metadata={"class_names": json.dumps(["\x1b[2J\nred", "ü", "b"])})
        Path("a\nb.png").write_bytes(Path("images/red.png").read_bytes())
        (line,) = call("predict", model, "a\nb.png").stdout.splitlines()
        assert line.startswith("a�b.png  �[2J�red 100.0%, ü")
        assert (
            "error: there is no file \ufffd[2J.onnx."
            in call("predict", "\x1b[2J.onnx", "grey.jpg", code=1).stderr
        )

    def test_a_reader_that_goes_away_is_no_traceback(self, model: str) -> None:
        command = [sys.executable, str(ROOT / "cli.py"), "predict", model, *["grey.jpg"] * 3000]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            assert child.stdout
            assert child.stderr
            child.stdout.readline()
            child.stdout.close()
            assert child.stderr.read() == b""
