"""Every recipe of the catalog learns the embedded digits, so that a broken one fails the suite."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.shared import BegunRun
from zoo.actions.test import test as examine
from zoo.specs.catalog import MODELS

TOO_LARGE = {"densenet-bc-100-12"}  # for a CPU: only its first steps are looked at
FROZEN = {name for name, spec in MODELS.items() if spec.way}  # see test_transfer.py


def test_every_model_has_its_floor(digits_floors: dict[str, float]) -> None:
    assert digits_floors.keys() | TOO_LARGE | FROZEN == MODELS.keys()


@pytest.mark.parametrize("name", sorted(MODELS.keys() - TOO_LARGE - FROZEN))
def test_the_recipe_learns_digits(
    name: str,
    digits_run: Callable[[str], Path],
    digits_floors: dict[str, float],
    tmp_path: Path,
) -> None:
    run = shutil.copytree(digits_run(name), tmp_path / name)
    assert examine(name, run=run).accuracy.share >= digits_floors[name]


@pytest.mark.parametrize("name", sorted(TOO_LARGE))
def test_the_loss_of_a_large_model_falls_over_20_steps(
    name: str, begun_run: Callable[[str], BegunRun]
) -> None:
    losses = begun_run(name).losses[:20]
    assert len(losses) == 20
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
