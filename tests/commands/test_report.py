"""`report`: results in; a page, markdown and a summary out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from bench.measuring.samples import Block, Samples
from bench.results.journal import Journal
from bench.results.results_file import write_csv
from bench.results.rows import Row
from tests.factories import record, scored

Call = Callable[..., Result]


def rows() -> list[Row]:
    """Two models, of which one is faster and the other more accurate, and one that failed."""
    failed = scored("dense", None, 0.9, status="failed", reason="it hung")
    return [scored("mlp", 0.1, 0.8), scored("cnn", 0.4, 0.9), failed]


@pytest.fixture
def results(in_folder: Path) -> Path:
    write_csv(Path("r.csv"), rows())
    return Path("r.csv")


def test_it_writes_three_files_beside_the_results(call: Call, results: Path) -> None:
    done = call("report", results)
    for kind, name in (("page", "r.html"), ("markdown", "r.md"), ("summary", "r.summary.csv")):
        assert f"{kind:9} {name}" in done.stdout
        assert Path(name).stat().st_size > 500
    assert {path.name for path in Path().iterdir()} == {"r.csv", "r.html", "r.md", "r.summary.csv"}
    assert "best accuracy: cnn fp32, 90.00%" in done.stdout
    assert "fastest: mlp fp32" in done.stdout
    assert "1 cell failed" in done.stdout
    table = pd.read_csv("r.summary.csv")
    assert table.pareto.tolist() == [True, True, False]


def test_budgets_and_the_place_can_be_told(call: Call, results: Path) -> None:
    done = call("report", results, "--budget-ms", "0.2", "--out", "deep/page.html")
    assert "best under 0.2 ms a call (p50): mlp fp32" in done.stdout
    assert {path.name for path in Path("deep").iterdir()} == {
        *("page.html", "page.md", "page.summary.csv"),
    }


def test_rows_are_kept_to_a_family_and_a_framework(call: Call, in_folder: Path) -> None:
    models = {"mlp": "mlp", "cnn": "cnn", "numpy": "mlp-numpy"}
    found = [scored(name, 0.1, 0.8, model=model) for name, model in models.items()]
    write_csv(Path("r.csv"), found)
    for words, subjects in (
        (("--family", "mlp"), ["mlp", "numpy"]),
        (("--framework", "numpy"), ["numpy"]),
    ):
        call("report", "r.csv", *words)
        assert pd.read_csv("r.summary.csv").subject.tolist() == subjects
    error = call("report", "r.csv", "--family", "dense", code=2).stderr
    assert "--family dense: these files have no row of such a model." in error
    assert "Did you mean mlp" in call("report", "r.csv", "--family", "mpl", code=2).stderr


def test_every_figure_is_computed_again(call: Call, results: Path) -> None:
    assert "raw samples are not beside it" in call("report", results, "--recompute", code=1).stderr
    path = Path("swept.csv")
    row = Journal(path).add(record(Samples(blocks=[Block([1000], 1000)])))
    assert "1 row recomputed" in call("report", path, "--recompute").stdout
    write_csv(path, [replace(row, p50_ms=2.0)])
    done = call("report", path, "--recompute", code=1)
    assert "cnn-digits fp32, batch 1 (c1): p50_ms is 2.0, recomputed 0.001" in done.stdout
    assert {one.name for one in Path().iterdir()} == {"r.csv", "swept.csv", "swept.samples.jsonl"}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("other.csv", "a,b\n1,2\n", "other.csv was not written by `bench`"),
        ("old.csv", "subject,runtime,schema\ncnn,onnxruntime,0\n", "Measure again"),
    ],
)
def test_what_cannot_be_read_is_exit_1_and_named(
    call: Call, in_folder: Path, name: str, text: str, told: str
) -> None:
    Path(name).write_text(text)
    assert told in call("report", name, code=1).stderr
    assert list(Path().glob("*.html")) == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rr.csv", "there is no file rr.csv. Did you mean r.csv?"),
        ("gone.csv", "there is no file gone.csv. Make it with: python cli.py bench --out gone.csv"),
        ("gone.json", "there is no file gone.json. Make it with: pytest tests/benchmarks"),
    ],
)
def test_a_file_that_is_not_there_is_exit_2_and_the_fix_is_named(
    call: Call, results: Path, name: str, told: str
) -> None:
    assert told in call("report", name, code=2).stderr
    assert list(Path().glob("*.html")) == []


@pytest.mark.parametrize("name", ["r.html", "r.md", "r.summary.csv"])
def test_only_its_own_files_are_replaced(call: Call, results: Path, name: str) -> None:
    call("report", results)
    call("report", results)
    Path(name).write_text("precious")
    assert f"{name} exists" in call("report", results, code=2).stderr
    assert Path(name).read_text() == "precious"


def test_no_file_is_exit_2(call: Call) -> None:
    assert "RESULTS" in call("report", code=2).stderr
