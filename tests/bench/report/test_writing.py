"""Three files from any number of results."""

import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.report import report
from bench.results.results_file import read_csv, write_csv
from bench.results.rows import Row
from zoo.errors import UsageError, ZooError


def test_three_files_beside_the_first(results: Path, suite: Path, tmp_path: Path) -> None:
    done = report([results, suite], exports=tmp_path / "none")
    assert [path.name for path in (done.html, done.markdown, done.csv)] == [
        "results.html",
        "results.md",
        "results.summary.csv",
    ]
    assert done.html.parent == results.parent
    assert len(done.summary.answers) == 2


@pytest.mark.parametrize("out", ["deep/page", "deep/page.html", "deep/page.csv"])
def test_out_is_a_stem(results: Path, tmp_path: Path, out: str) -> None:
    done = report([results], tmp_path / out, exports=tmp_path / "none")
    assert done.html == tmp_path / "deep/page.html"
    assert done.csv == tmp_path / "deep/page.summary.csv"


def test_dots_in_a_name_stay(results: Path, tmp_path: Path) -> None:
    path = results.rename(tmp_path / "2026-11-21.cpu.csv")
    assert report([path], exports=tmp_path / "none").html.name == "2026-11-21.cpu.html"


def test_the_same_files_give_the_same_report(results: Path, suite: Path, tmp_path: Path) -> None:
    def texts() -> list[str]:
        done = report([results, suite], exports=tmp_path / "none")
        return [path.read_text() for path in (done.html, done.markdown, done.csv)]

    assert texts() == texts()


def test_the_summary_has_types_and_flags(results: Path, tmp_path: Path) -> None:
    done = report([results], exports=tmp_path / "none")
    table = pd.read_csv(done.csv)
    assert len(table) == 19
    assert table["p50_ms"].dtype == float
    assert table["batch"].dtype == int
    assert table["pareto"].dtype == bool
    assert "source" not in table
    best = table[table["best_accuracy"]]
    assert sorted(best["batch"]) == [1, 64]
    assert set(best["subject"]) == {"speednet-cifar10"}
    assert set(table[table["fastest"]]["subject"]) == {"mlp-cifar10"}
    assert not table[table["status"] != "ok"][["pareto", "best_accuracy", "fastest"]].any(axis=None)


def test_the_summary_is_no_results_file(results: Path, tmp_path: Path) -> None:
    done = report([results], exports=tmp_path / "none")
    with pytest.raises(ZooError, match="was not written by `bench`"):
        read_csv(done.csv)


def test_rows_of_several_files_say_where_they_come_from(
    results: Path, sweep_rows: list[Row], tmp_path: Path
) -> None:
    other = tmp_path / "other.csv"
    write_csv(other, [replace(row, machine="another") for row in sweep_rows])
    done = report([results, other], exports=tmp_path / "none")
    with done.csv.open() as handle:
        sources = [row["source"] for row in csv.DictReader(handle)]
    assert (sources.count("results.csv"), sources.count("other.csv")) == (19, 19)
    assert len(done.summary.answers) == 4
    assert "The rows come from 2 machines" in done.markdown.read_text()


def test_two_sweeps_on_one_machine_are_warned_of(results: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    shutil.copy(results, other)
    done = report([results, other], exports=tmp_path / "none")
    assert "from different sweeps" in done.markdown.read_text()
    assert "cnn fp32 onnxruntime [other.csv]" in done.html.read_text()


def test_no_input_is_replaced(suite: Path, results: Path, tmp_path: Path) -> None:
    page = results.rename(tmp_path / "a.html")
    with pytest.raises(UsageError, match="one of its own inputs"):
        report([page, suite], tmp_path / "a")


def test_a_sweep_without_rows_and_one_of_failures_only(
    tmp_path: Path, sweep_rows: list[Row]
) -> None:
    for rows in ([], sweep_rows[-3:]):
        path = tmp_path / "few.csv"
        write_csv(path, rows)
        done = report([path], exports=tmp_path / "none")
        assert done.summary.lines()[0] == "No cell was measured."
        assert "<h1>" in done.html.read_text()


def test_a_suite_alone_is_a_report(suite: Path, tmp_path: Path) -> None:
    done = report([suite], exports=tmp_path / "none")
    assert done.html == tmp_path / "suite.html"
    assert "| test\\_run | export=cnn, batch=64 | 18 | 26.9 | 0.0123 |" in done.markdown.read_text()
