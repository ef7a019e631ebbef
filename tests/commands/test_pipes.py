"""A named pipe or a device in place of any file that a command is named: said at once, not read."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

Call = Callable[..., Result]


@pytest.fixture(params=["a named pipe", "a device"])
def odd(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make one by name; what it is called in messages."""

    def make(name: str) -> str:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        if request.param == "a device":
            path.symlink_to("/dev/zero")
        else:
            os.mkfifo(path)
        return f"{request.param}, not a regular file"

    return make


@pytest.mark.parametrize(
    ("name", "code", "command"),
    [
        ("x.onnx", 2, ["bench", "x.onnx", "--dry-run"]),
        ("x.onnx", 2, ["bench", "x.onnx"]),
        ("x.onnx", 2, ["compare", "x.onnx", "x.onnx"]),
        ("x.csv", 2, ["compare", "x.csv", "x.csv"]),
        ("x.csv", 1, ["compare", "a", "a", "--out", "x.csv"]),
        ("x.csv", 1, ["report", "x.csv"]),
        ("x.json", 1, ["report", "x.json"]),
        ("x.safetensors", 2, ["train", "transfer", "--data", "digits", "--weights", "@"]),
        ("run/run.json", 1, ["test", "mlp", "--run", "run"]),
        ("run/run.json", 1, ["export", "mlp", "--run", "run"]),
        ("x/manifest.json", 1, ["list", "exports", "--exports", "x"]),
        ("x/manifest.json", 1, ["predict", "cnn", "a.png", "--exports", "x"]),
        ("x/manifest.json", 1, ["bench", "--exports", "x"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_it_is_refused_by_name(
    call: Call,
    tiny_onnx: Callable[..., Path],
    odd: Callable[[str], str],
    name: str,
    code: int,
    command: list[str],
) -> None:
    told = odd(name)
    Image.fromarray(np.zeros((4, 5, 3), np.uint8)).save("a.png")
    good = str(tiny_onnx())
    words = {"@": name, "a": good}
    said = call(*(words.get(word, word) for word in command), code=code).stderr
    assert told in said
    assert Path(name).name in said


def test_the_predictions_beside_a_results_file(
    call: Call, odd: Callable[[str], str], one_row: Path
) -> None:
    told = odd("r.predictions.npz")
    assert told in call("compare", one_row, one_row, "--no-remeasure", code=2).stderr


@pytest.fixture
def one_row(in_folder: Path) -> Path:
    """A results file of one row."""
    from bench.results.results_file import write_csv
    from bench.results.rows import Row

    path = in_folder / "r.csv"
    write_csv(path, [Row("m", "fp32", "onnxruntime", "cpu", "host", 1, 1, "latency", p50_ms=1.0)])
    return path
