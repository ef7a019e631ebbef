"""Names of the scenarios."""

from collections.abc import Sequence

from bench.scenarios.latency import Latency
from bench.scenarios.scenario import Scenario
from bench.scenarios.throughput import Throughput
from zoo.errors import unknown_name

SCENARIOS: dict[str, Scenario] = {
    "latency": Latency(),
    "throughput": Throughput(),
}
USUAL = "latency"  # what a row is of unless it says otherwise
_FINDS_SIZES = "throughput"  # what is meant where no batch size is named


def find_scenario(name: str) -> Scenario:
    """The scenario of that name."""
    if name not in SCENARIOS:
        raise unknown_name("scenario", name, SCENARIOS)
    return SCENARIOS[name]


def scenario_of(name: str | None, batches: Sequence[int]) -> Scenario:
    """The scenario of that name, or by default the one implied by these batch sizes."""
    return find_scenario(name or (USUAL if batches else _FINDS_SIZES))


def read_as(name: str) -> Scenario:
    """The scenario of a row; an unknown one is read as the default."""
    return SCENARIOS.get(name, SCENARIOS[USUAL])
