"""Whose a file is: what this project writes carries a mark, and nothing else is replaced."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from zoo.drawing import plots
from zoo.errors import UsageError, ZooError
from zoo.marks import MARKDOWN_LINE, is_ours, refuse_others
from zoo.runs.checkpoint import save_checkpoint


def draw(path: Path) -> None:
    plots.save(Figure(figsize=(1, 1)), path)


def test_what_is_written_here_is_known(tmp_path: Path) -> None:
    for name in ("a.png", "b.PNG", "no-ending"):
        draw(tmp_path / name)
        assert is_ours(tmp_path / name)
    save_checkpoint(tmp_path / "weights.safetensors", {"a": np.zeros(3)}, {"id": "mlp"})
    assert is_ours(tmp_path / "weights.safetensors")
    (tmp_path / "table.csv").write_text("subject,batch,pareto\ncnn,1,True\n")
    assert is_ours(tmp_path / "table.csv", ("subject", "pareto"))
    assert is_ours(tmp_path / "table.csv", ("subject", "batch", "pareto"))
    (tmp_path / "test.json").write_text('{"accuracy": 1, "id": 2}')
    assert is_ours(tmp_path / "test.json", ("accuracy",))
    (tmp_path / "page.md").write_text(f"{MARKDOWN_LINE}\n# Results\n")
    assert is_ours(tmp_path / "page.md")
    (tmp_path / "lines.jsonl").write_text('{"repeat": 1, "turns": [')
    assert is_ours(tmp_path / "lines.jsonl", ("repeat",))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b""),
        ("a.png", b"tEXtSoftware\0onnx-zoo"),
        ("a.html", b"<!doctype html><title>onnx-zoo</title>"),
        ("a.md", b"# Notes\n" + MARKDOWN_LINE.encode()),
        ("a.safetensors", b"\xff" * 40),
        ("a.safetensors", (2).to_bytes(8, "little") + b"{}"),
        ("a.safetensors", (18).to_bytes(8, "little") + b'{"__metadata__":1}'),
        ("a.csv", b"subject,notes\n1,2\n"),
        ("a.csv", b"\xff\xfe\0"),
        ("a.csv", b""),
        ("a.json", b"[]"),
        ("a.json", b'{"pareto": 1}'),
        ("a.json", b"[" * 100_000),
        ("a.jsonl", b"pareto, subject\n"),
        ("a.jsonl", b'{"pareto": 1}\n'),
        ("a.txt", b"precious"),
    ],
)
def test_what_others_wrote_is_refused_by_name(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    names = ("subject", "pareto")
    assert not is_ours(path, names)
    with pytest.raises(UsageError, match=rf"{name} exists, and .* Move it away, or name another"):
        refuse_others([path], "name another --out", names)
    assert path.read_bytes() == content


def test_images_of_other_programs_are_not_ours(tmp_path: Path) -> None:
    Figure(figsize=(1, 1)).savefig(tmp_path / "figure.png")
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "image.png")
    assert not any(is_ours(path) for path in tmp_path.iterdir())


def test_what_is_no_file_is_not_ours_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    for name in ("pipe.png", "gone.png"):
        with pytest.raises(UsageError, match=name):
            refuse_others([tmp_path / name], "name another --out")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(ZooError, match="is a folder"):
        refuse_others([tmp_path / "folder.png"], "name another --out")


def test_what_is_not_there_and_what_is_ours_may_be_written(tmp_path: Path) -> None:
    draw(tmp_path / "a.png")
    refuse_others([tmp_path / "a.png", tmp_path / "b.png"], "name another --out")


def test_json_without_names_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({}))
    assert not is_ours(tmp_path / "a.json")


def test_json_larger_than_anything_written_here_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"pareto": 1}')
    os.truncate(path, (1 << 26) + 1)  # with a hole that takes no space
    assert not is_ours(path, ("pareto",))
