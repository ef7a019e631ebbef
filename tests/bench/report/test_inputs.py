"""What a report is made of, and the errors where it is something else."""

import json
import shutil
from pathlib import Path

import pytest

from bench.report.inputs import read_inputs
from zoo.errors import UsageError, ZooError


def test_what_lies_beside_a_sweep_is_read(results: Path) -> None:
    (file,) = read_inputs([results]).results
    assert len(file.rows) == 19
    assert len(file.operators) == 40
    assert (file.environment or {})["versions"]["torch"] == "2.14.1"


def test_a_sweep_may_lie_alone(results: Path) -> None:
    results.with_name("results.operators.csv").unlink()
    results.with_name("results.environment.json").unlink()
    (file,) = read_inputs([results]).results
    assert (file.operators, file.environment) == ([], None)


def test_a_suite_of_pytest_benchmark_is_read(suite: Path) -> None:
    (found,) = read_inputs([suite]).suites
    first = found.timings[0]
    assert (first.name, first.params, first.rounds) == ("test_run", "export=cnn, batch=1", 1200)
    assert (first.median, first.iqr) == (0.000421, 0.0000123)
    assert found.machine["node"] == "host"


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"benchmarks": 3},
        {"benchmarks": [{}]},
        {"benchmarks": [3]},
        {"benchmarks": [{"name": "a", "stats": {"rounds": 1, "median": None, "iqr": 0}}]},
        {"benchmarks": [{"name": "a", "stats": {"rounds": 1, "median": float("nan"), "iqr": 0}}]},
    ],
)
def test_other_json_is_refused(tmp_path: Path, value: object) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(value))
    with pytest.raises(ZooError, match=r"other\.json"):
        read_inputs([path])


@pytest.mark.parametrize(
    "text", ["cell,operator\na,b\n", "cell,operator,calls,total_us,share\na,Conv,1,2,nan\n"]
)
def test_damaged_operators_are_an_error_that_names_the_file(results: Path, text: str) -> None:
    results.with_name("results.operators.csv").write_text(text)
    with pytest.raises(ZooError, match=r"results\.operators\.csv"):
        read_inputs([results])


def test_a_missing_file_and_no_file_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"none\.csv"):
        read_inputs([tmp_path / "none.csv"])
    with pytest.raises(UsageError, match="at least one"):
        read_inputs([])


def test_a_file_given_twice_is_read_once(results: Path) -> None:
    assert len(read_inputs([results, results]).results) == 1


def test_files_of_one_name_are_told_apart_by_their_folders(results: Path, tmp_path: Path) -> None:
    other = tmp_path / "again" / "results.csv"
    other.parent.mkdir()
    shutil.copy(results, other)
    inputs = read_inputs([results, other])
    assert inputs.name(other) == str(other)
    assert read_inputs([other]).name(other) == "results.csv"


def test_a_cell_that_two_sweeps_profiled_has_its_operators_once(
    results: Path, tmp_path: Path
) -> None:
    for ending in ("csv", "operators.csv"):
        shutil.copy(results.with_name(f"results.{ending}"), tmp_path / f"again.{ending}")
    assert len(read_inputs([results, tmp_path / "again.csv"]).operators) == 40
