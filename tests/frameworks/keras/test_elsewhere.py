"""Keras on JAX: trained, stopped, resumed and evaluated in a separate process."""

import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import zoo
from tests.frameworks.keras.conftest import DIGITS
from tests.killing import Asking, figures, killed_training
from zoo.actions.trained import load_trained
from zoo.data import load
from zoo.errors import UnavailableError, ZooError
from zoo.frameworks.keras.elsewhere import TrainedElsewhere
from zoo.progress import Progress
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.run import Run

pytest.importorskip("keras")
jax = pytest.importorskip("jax")

NAME = "cnn-keras"
ON_JAX = replace(DIGITS, keras_backend="jax")

pytestmark = pytest.mark.usefixtures("one_thread")


class Heard(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


HEARD = Heard()


@pytest.fixture(scope="module")
def on_jax(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained without a break; not to be changed."""
    folder = tmp_path_factory.mktemp("jax") / "run"
    return zoo.train(NAME, ON_JAX, run=folder, progress=HEARD)


def test_it_learns_and_tells(on_jax: Run) -> None:
    rows = figures(on_jax)
    assert [row[1] for row in rows] == [20, 40]
    assert (rows[0][3] or 0) > 2 * (rows[1][3] or 0)
    told = "\n".join(HEARD.lines)
    assert "multiply-adds per image" in told
    assert "epoch 2/2  train loss" in told
    left = {path.name for path in on_jax.folder.iterdir()}
    assert left == {"run.json", "weights.safetensors", "history.csv", "curves.png"}


def test_the_card_says_what_computed(on_jax: Run, run: Run) -> None:
    card = on_jax.card()
    assert card.options.keras_backend == "jax"
    assert card.id == "cnn-keras-digits-jax-16x16-grey"
    assert card.versions["jax"] == jax.__version__
    assert (card.parameters, card.macs) == (run.card().parameters, run.card().macs)
    assert run.card().id == "cnn-keras-digits-16x16-grey"


def test_killed_within_an_epoch_and_resumed_it_ends_in_the_same_weights(
    on_jax: Run, tmp_path: Path
) -> None:
    stopped = killed_training(NAME, ON_JAX, tmp_path / "run", 27)
    resumed = zoo.train(NAME, run=stopped.folder, resume=True)
    assert resumed.weights.read_bytes() == on_jax.weights.read_bytes()
    assert figures(resumed) == figures(on_jax)


def test_asked_to_stop_it_saves_and_may_not_change_its_backend(on_jax: Run, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    folder = tmp_path / "run"
    with pytest.raises(ZooError, match=r"interrupted after step \d+/40.*--resume") as stopped:
        zoo.train(NAME, ON_JAX, run=folder, progress=Asking(3))
    assert stopped.value.exit_code == 130
    assert signal.getsignal(signal.SIGINT) is before
    arrays, meta = load_checkpoint(Run(folder).state)
    assert meta["step"] >= 3
    assert "optimizer.0" in arrays
    with pytest.raises(ZooError, match="was started with keras-backend jax"):
        zoo.train(NAME, replace(ON_JAX, keras_backend="torch"), run=folder, resume=True)


def test_an_error_there_is_an_error_here(tmp_path: Path) -> None:
    with pytest.raises(ZooError, match=r"no longer a number.*smaller --lr"):
        zoo.train(NAME, replace(ON_JAX, lr=1e30), run=tmp_path / "run")


def test_its_files_are_compared_with_the_answers_of_its_own_backend(
    on_jax: Run, tmp_path: Path
) -> None:
    trained = load_trained(on_jax, on_jax.card())
    assert isinstance(trained, TrainedElsewhere)
    images = load("digits", size=(16, 16), grey=True).test.images
    own, same = trained.logits(images), trained.same.logits(images)
    assert 0 < np.abs(own - same).max() < 1e-3  # not torch's, and near them
    made = zoo.export(NAME, run=on_jax.folder, precisions=["fp32"], exports=tmp_path / "exports")
    assert made.id == on_jax.card().id
    assert made.card.accuracy.correct == int(
        (own.argmax(axis=1) == load("digits", size=(16, 16), grey=True).test.labels).sum()
    )


def test_where_the_backend_is_missing_it_says_what_installs_it(
    call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, in_folder: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    asked = ("train", NAME, "--data", "digits", "--keras-backend", "tensorflow")
    told = call(*asked, code=3).stderr
    assert "pip install -e '.[tensorflow]'" in told
    assert told.count("\n") == 1
    assert not list(in_folder.glob("runs/*"))


def test_a_run_of_a_backend_that_is_missing_here_says_so(
    on_jax: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(UnavailableError, match=r"pip install -e '\.\[jax\]'"):
        zoo.test(NAME, run=on_jax.folder)


@pytest.mark.parametrize(
    ("model", "backend", "words"),
    [
        (NAME, "theano", "there is no backend of Keras 'theano'"),
        ("cnn", "jax", "--keras-backend is not for cnn, which is written in pytorch"),
        ("transfer-keras", "jax", "--keras-backend jax is not for transfer-keras"),
    ],
)
def test_what_makes_no_sense_is_refused(
    call: Callable[..., Result], in_folder: Path, model: str, backend: str, words: str
) -> None:
    asked = ("train", model, "--data", "digits", "--keras-backend", backend)
    assert words in call(*asked, code=2).stderr
    assert not list(in_folder.glob("runs/*"))
