"""What a training is in any framework: it may end anywhere, and goes on to the same weights."""

from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

import zoo
from tests.frameworks.trainings import TRAININGS
from tests.killing import OFTEN, Asking, figures, killed_training
from zoo.errors import ZooError
from zoo.runs.run import Run
from zoo.specs.catalog import find_model

Runs = Callable[[str], Run]

pytestmark = pytest.mark.usefixtures("one_thread")
# Steps of an epoch: 1438 images, or 100 fewer, in batches of 64. Logistic regression has rounds.
KILLED = {
    "mlp-numpy": (7, 22, 31),
    "mlp-sklearn": (7, 22, 31),
    "logreg-sklearn": (2, 3),
    "cnn-keras": (20, 27),
    "cnn-jax": (20, 27),
}
ASKED = {
    "mlp-numpy": 25,
    "mlp-sklearn": 25,
    "logreg-sklearn": 1,
    "cnn-keras": 40,  # after the last step of all
    "cnn-jax": 40,
}

RANDOM = [name for name in TRAININGS if name != "logreg-sklearn"]  # which draws nothing


@pytest.fixture(autouse=True)
def _installed(name: str) -> None:
    framework = find_model(name).framework
    if framework in ("keras", "jax") and find_spec(framework) is None:
        pytest.skip(f"needs the extra {framework}")


@pytest.mark.parametrize(
    ("name", "steps"), [(name, steps) for name, moments in KILLED.items() for steps in moments]
)
def test_killed_and_resumed_it_ends_in_the_same_weights(
    run_of: Runs, tmp_path: Path, name: str, steps: int
) -> None:
    run = run_of(name)
    stopped = killed_training(name, TRAININGS[name], tmp_path / "run", steps)
    resumed = zoo.train(name, run=stopped.folder, resume=True)
    assert resumed.weights.read_bytes() == run.weights.read_bytes()
    assert figures(resumed) == figures(run)
    left = {path.name for path in resumed.folder.iterdir()}
    assert left == {"run.json", "weights.safetensors", "history.csv", "curves.png"}


@pytest.mark.parametrize(("name", "steps"), ASKED.items())
def test_stopped_it_says_how_to_go_on_and_does(
    run_of: Runs, tmp_path: Path, name: str, steps: int
) -> None:
    run, folder = run_of(name), tmp_path / "run"
    words = rf"interrupted after step {steps}/\d+.*train {name} --resume"
    with pytest.raises(ZooError, match=words):
        zoo.train(name, TRAININGS[name], run=folder, progress=Asking(steps))
    resumed = zoo.train(name, run=folder, resume=True)
    assert resumed.weights.read_bytes() == run.weights.read_bytes()
    assert figures(resumed) == figures(run)


@pytest.mark.parametrize("name", TRAININGS)
def test_the_same_seed_gives_the_same_weights(run_of: Runs, tmp_path: Path, name: str) -> None:
    same = zoo.train(name, TRAININGS[name], run=tmp_path / "same", pace=OFTEN)
    assert same.weights.read_bytes() == run_of(name).weights.read_bytes()


@pytest.mark.parametrize("name", RANDOM)
def test_another_seed_gives_other_weights(run_of: Runs, tmp_path: Path, name: str) -> None:
    other = zoo.train(name, replace(TRAININGS[name], seed=1), run=tmp_path / "other")
    assert other.weights.read_bytes() != run_of(name).weights.read_bytes()


@pytest.mark.parametrize("name", RANDOM)
def test_a_rate_far_too_high_is_told_and_not_trained_on(tmp_path: Path, name: str) -> None:
    with pytest.raises(ZooError, match=r"no longer a number.*smaller --lr"):
        zoo.train(name, replace(TRAININGS[name], lr=1e30), run=tmp_path / "run")
