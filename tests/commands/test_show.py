"""`show` on the command line: what it prints, and its exit codes."""

import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from zoo.actions.show import show
from zoo.commands import console


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["show", *map(str, words)])


def test_a_row_for_each_layer_and_the_files(mlp_exports: Path, tmp_path: Path) -> None:
    done = call("mlp", "--image", 3, "--exports", mlp_exports, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("mlp-digits fp32, test image 3 of digits")
    rows = [line.split("\t") for line in lines if "\t" in line]
    assert rows[0] == [
        *("layer", "kind", "shape", "parameters", "MACs", "bytes"),
        *("mean", "std", "range", "zeros", "dead", "time"),
    ]
    assert [row[0] for row in rows[1:]] == [
        *("Add_0", "MatMul_0", "BatchNormalization_0", "Relu_0"),
        *("MatMul_1", "BatchNormalization_1", "Relu_1", "logits"),
    ]
    assert {path.name for path in tmp_path.iterdir()} == {
        *("mlp-digits.html", "mlp-digits-layers.png")
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--image", "-1"), 2),
        (("--image", "99999999"), 2),
        (("--image", "none.png"), 2),
        (("--image", "bad.png"), 1),
        (("--image", "3", "--layer", "x"), 2),
        (("--image", "3", "--channels", "0"), 2),
        (("--image", "3", "--precision", "fp8"), 2),
        (("--image", "3", "--out", "bad.png"), 1),
        (("--sample", "0"), 2),
        (("--compare", "nothing.onnx"), 1),
    ],
    ids=str,
)
def test_bad_input_is_told_in_a_line(
    words: tuple[str, ...],
    code: int,
    mlp_exports: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = call("mlp", "--exports", mlp_exports, *words)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert not Path("results").exists()


def test_without_an_image_the_layers_and_their_cost(mlp_exports: Path, tmp_path: Path) -> None:
    done = call("mlp", "--exports", mlp_exports, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("mlp-digits fp32\n")
    rows = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    assert rows[0] == [
        *("layer", "kind", "shape", "parameters", "MACs", "bytes", "dead", "time"),
    ]
    assert rows[-1][:6] == ["logits", "linear", "10", "510", "500", "2,040"]
    assert {path.name for path in tmp_path.iterdir()} == {"mlp-digits.html"}


def test_json_says_the_same(mlp_exports: Path, tmp_path: Path) -> None:
    done = call("mlp", "--image", 3, "--exports", mlp_exports, "--out", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["title"] == "mlp-digits fp32"
    assert found["page"] == str(tmp_path / "mlp-digits.html")
    assert found["beside"] is None
    assert found["layers"][-1]["macs"] == 500
    assert found["layers"][-1]["statistics"]["zeros"] == 0


@pytest.mark.parametrize("image", [(), ("--image", 3)], ids=["no image", "an image"])
def test_a_terminal_gets_what_it_has_room_for(
    image: tuple[object, ...], mlp_exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "terminal_width", lambda: 80)
    found = show("mlp", *image[1:], exports=mlp_exports, out=tmp_path)
    said: list[str] = []
    monkeypatch.setattr(console.click, "echo", lambda text, err=False: said.append(text))
    monkeypatch.setattr(console.sys, "stdout", Terminal())
    console.print_layers(found.layers)
    lines = "\n".join(said).splitlines()
    assert len(lines) == 1 + len(found.layers)
    assert max(map(len, lines)) <= 80
    assert {"layer", "shape", "parameters", "time"} <= set(lines[0].split())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
