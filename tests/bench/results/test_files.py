"""What the files of a sweep are called."""

from pathlib import Path

import pytest

from bench.results.files import beside, files_of


@pytest.mark.parametrize("name", ["results.csv", "results"])
def test_they_lie_beside_the_csv(name: str) -> None:
    assert beside(Path("out", name), "predictions.npz") == Path("out/results.predictions.npz")


def test_a_sweep_knows_all_of_its_files() -> None:
    assert [path.name for path in files_of(Path("out", "a.csv"))] == [
        *("a.csv", "a.samples.jsonl", "a.environment.json", "a.predictions.npz", "a.operators.csv"),
    ]
