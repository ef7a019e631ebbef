"""Scenarios by name, by what the batch sizes mean, and as a row says them."""

import pytest

from bench.scenarios.registry import SCENARIOS, USUAL, find_scenario, read_as, scenario_of
from zoo.errors import UsageError


def test_each_stands_under_its_name() -> None:
    assert [one.name for one in SCENARIOS.values()] == list(SCENARIOS)


def test_one_that_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="no scenario 'latencies'"):
        find_scenario("latencies")


def test_without_a_name_the_batch_sizes_tell() -> None:
    assert scenario_of(None, (1, 64)).name == "latency"
    assert scenario_of(None, ()).name == "throughput"
    assert scenario_of("throughput", (1, 64)).name == "throughput"


def test_a_row_of_another_zoo_is_read_as_usual() -> None:
    assert read_as("of-another-zoo") is read_as("") is SCENARIOS[USUAL]
