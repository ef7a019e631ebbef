"""Markdown that a comment on a change can show, whatever models are called."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.report import report
from bench.report.markdown import escaped
from bench.results.results_file import write_csv
from bench.results.rows import Row


def test_it_says_what_the_page_says(results: Path, tmp_path: Path) -> None:
    text = report([results], exports=tmp_path / "none", budget_ms=1).markdown.read_text()
    for part in (
        "# Benchmark report: results.csv",
        "- best accuracy: speednet fp32 onnxruntime, 93.07% (92.56% to 93.55%)",
        "- best under 1 ms a call (p50): speednet fp32 onnxruntime",
        "- fastest: mlp int8 onnxruntime",
        "| cnn fp32 torch, batch 1 | 0.552 (0.540 to 0.568) |",
        "1.310 (1.298 to 1.327) slower",
        "failed: the process was killed (signal 9)",
        "- times had not settled when the warm-up ended (cnn fp32 torch, batch 1,",
        "| versions, torch | 2.14.1 |",
        "- **The ratio** is another measurement",
    ):
        assert part in text


def test_tables_have_as_many_cells_in_every_line(results: Path, tmp_path: Path) -> None:
    text = report([results], exports=tmp_path / "none").markdown.read_text()
    table = [line for line in text.splitlines() if line.startswith("| ") and "batch" in line]
    assert {line.replace("\\|", "").count("|") for line in table} == {9}


def test_files_are_listed_with_what_their_graphs_hold(
    make_row: Callable[..., Row], tmp_path: Path
) -> None:
    path = tmp_path / "mixed.csv"
    ours = make_row(opset=20, file_precision="fp32")
    other = make_row(
        subject="nets/a.onnx",
        precision="file",
        model=None,
        macs=None,
        opset=17,
        file_precision=None,
    )
    write_csv(path, [ours, replace(ours, batch=64), other])
    text = report([path], exports=tmp_path / "none").markdown.read_text()
    table = text[text.index("## Models") :].split("\n\n")[1].splitlines()
    assert table[2:] == [
        "| cnn | fp32 | fp32 | 20 | 2,360,000 | 59,500,000 | 9.4 MB |",
        "| a.onnx |  |  | 17 | 2,360,000 |  | 9.4 MB |",
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<script>", "&lt;script&gt;"),
        ("two\nlines", "two lines"),
        ("[x](http://y)", "\\[x\\](http://y)"),
        ("\x1b[31m", "\N{REPLACEMENT CHARACTER}\\[31m"),
    ],
)
def test_names_are_no_markup(name: str, shown: str) -> None:
    assert escaped(name) == shown


def test_a_name_cannot_leave_its_cell(make_row: Callable[..., Row], tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    write_csv(path, [make_row(subject="a | b\n| c <img src=x>", model=None)])
    text = report([path], exports=tmp_path / "none").markdown.read_text()
    assert "| a \\| b \\| c &lt;img src=x&gt; fp32, batch 1 |" in text
