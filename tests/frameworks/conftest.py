"""A training of each model on small digits, once for all tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from tests.frameworks.trainings import TRAININGS
from tests.shared import Make
from zoo.runs.run import Run


@pytest.fixture(scope="session")
def run_of(made_once: Callable[[str, Make], Path]) -> Callable[[str], Run]:
    """Trained without a break; not to be changed."""

    def run(name: str) -> Run:
        def fill(folder: Path) -> None:
            zoo.train(name, TRAININGS[name], run=folder / "run")

        return Run(made_once(f"{name}-small", fill) / "run")

    return run
