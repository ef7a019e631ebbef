"""`diff` on the command line: what it prints, and its exit codes."""

import csv
import io
import json
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import numpy_helper

from cli import main


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["diff", *map(str, words)])


@pytest.fixture(scope="module")
def worse(mlp_exports: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mlp with the weights of its last layer doubled."""
    model = onnx.load(mlp_exports / "mlp-digits" / "fp32.onnx")
    weight = next(node for node in model.graph.node if "logits" in node.output).input[1]
    (held,) = (one for one in model.graph.initializer if one.name == weight)
    held.CopyFrom(numpy_helper.from_array(2 * numpy_helper.to_array(held), weight))
    path = tmp_path_factory.mktemp("worse") / "worse.onnx"
    onnx.save(model, path)
    return path


def test_a_row_for_each_layer_and_what_it_comes_to(mlp_exports: Path, tmp_path: Path) -> None:
    done = call("mlp", "--precision", "fp32,int8", "--exports", mlp_exports, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[:2] == ["A         mlp-digits fp32", "B         mlp-digits int8"]
    rows = [line.split("\t") for line in lines if "\t" in line]
    assert rows[0] == ["layer", "in B", "shape", "error", "added", "largest", "note"]
    assert [row[0] for row in rows[1:]] == ["Add_0", "Relu_0", "Relu_1", "logits"]
    assert "  A MatMul_0: B has no such layer; what it does is part of Relu_0" in lines
    assert "bound     no layer is above 25% (the default for int8)" in lines
    assert lines[-1].startswith("wrote     ")
    assert [path.suffix for path in tmp_path.iterdir()] == [".html"]


def test_beyond_the_bound_it_exits_with_1(worse: Path, mlp_exports: Path, tmp_path: Path) -> None:
    words = ("mlp", worse, "--exports", mlp_exports, "--out", tmp_path, "--count", 20)
    done = call(*words)
    assert done.exit_code == 1, done.output
    assert "bound     logits is the first above 0.1% (the default for fp32)" in done.stdout
    assert call(*words, "--max-difference", 2).exit_code == 0


def test_json_and_csv_hold_every_layer(worse: Path, mlp_exports: Path, tmp_path: Path) -> None:
    words = ("mlp", worse, "--exports", mlp_exports, "--out", tmp_path, "--count", 20)
    told = json.loads(call(*words, "--json").stdout)
    assert told["first"] == "logits"
    assert told["effect"]["images"] == 20
    rows = list(csv.DictReader(io.StringIO(call(*words, "--csv").stdout)))
    assert [row["layer"] for row in rows] == [layer["name"] for layer in told["layers"]]
    assert float(rows[-1]["error"]) == told["layers"][-1]["error"] > 0.9
    int8 = call("mlp:fp32", "mlp:int8", "--exports", mlp_exports, "--out", tmp_path, "--csv")
    rows = list(csv.DictReader(io.StringIO(int8.stdout)))
    assert [row["layer"] for row in rows if row["model"] == "A"] == [
        *("MatMul_0", "BatchNormalization_0", "MatMul_1", "BatchNormalization_1")
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--count", "0"), 2),
        (("--max-difference", "-1"), 2),
        (("--json", "--csv"), 2),
        (("--images", "nowhere"), 1),
        (("--provider", "cpu,cdua"), 2),
        (("--precision", "fp8"), 2),
        (("none",), 2),
        (("none.onnx",), 2),
        (("--mean", ".5"), 2),
    ],
    ids=str,
)
def test_bad_input_is_told_in_a_line(
    words: tuple[str, ...], code: int, mlp_exports: Path, in_folder: Path
) -> None:
    done = call("mlp", "--exports", mlp_exports, *words)
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    assert not Path("results").exists()


def test_a_provider_that_is_not_there_exits_with_3(
    mlp_exports: Path, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.ort.providers.provider_problem", lambda *asked: "there is no GPU")
    done = call("mlp", "--exports", mlp_exports, "--provider", "cpu,cuda")
    assert done.exit_code == 3
    assert "cannot run here: there is no GPU" in done.output
