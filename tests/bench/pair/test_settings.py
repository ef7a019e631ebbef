"""How two arms are compared: what is refused of it before anything is opened."""

from pathlib import Path
from typing import Any

import pytest

from bench.pair.settings import PairSettings, check, find_way
from bench.results.rows import USUAL
from zoo.errors import UsageError


def test_near_ways_are_offered() -> None:
    assert find_way("usual") == USUAL
    with pytest.raises(UsageError, match="Did you mean usual"):
        find_way("usally")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"instances": 1}, "an interval needs at least 2 instances"),
        ({"runtimes": ("onnxruntime", "onxruntime")}, "Did you mean onnxruntime"),
        ({"provider": "cdua"}, "Did you mean cuda"),
        ({"threads": 10_000}, "--threads 10000: this process may use"),
    ],
)
def test_what_cannot_be_measured_here_is_refused(change: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        check(PairSettings(**change), None)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        check(PairSettings(), tmp_path)


def test_a_provider_has_one_name(tmp_path: Path) -> None:
    long = PairSettings(provider="CPUExecutionProvider")
    assert check(long, tmp_path / "new.csv") == PairSettings(provider="cpu")


def test_a_value_of_another_kind_is_refused_where_it_is_written() -> None:
    with pytest.raises(UsageError, match="instances"):
        PairSettings(instances="3")  # type: ignore[arg-type]
