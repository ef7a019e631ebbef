"""`show` on the command line: what it prints, and its exit codes."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main


def call(*words: object) -> Result:
    return CliRunner().invoke(main, ["show", *map(str, words)])


def test_a_row_for_each_layer_and_the_files(mlp_exports: Path, tmp_path: Path) -> None:
    done = call("mlp", "--image", 3, "--exports", mlp_exports, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].startswith("mlp-digits fp32, test image 3 of digits")
    rows = [line.split("\t") for line in lines if "\t" in line]
    assert rows[0] == ["layer", "kind", "shape", "parameters", "mean", "std", "range", "zeros"]
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
        ((), 2),
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
