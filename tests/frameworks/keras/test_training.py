"""Keras's `fit` in a run: it learns, tells what it does, and can be stopped anywhere."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import zoo
from tests.frameworks.keras.conftest import DIGITS
from tests.killing import Asking
from zoo.errors import UsageError, ZooError
from zoo.frameworks.registry import find_framework
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.history import read_history
from zoo.runs.run import Run

keras = pytest.importorskip("keras")

NAME = "cnn-keras"
STEPS_PER_EPOCH = 1338 // 64

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Stopped within the first epoch; not to be changed."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(ZooError, match=r"interrupted after step 3/40.*train cnn-keras --resume"):
        zoo.train(NAME, DIGITS, run=folder, progress=Asking(3))
    return Run(folder)


def test_it_learns_and_history_tells(run: Run) -> None:
    rows = read_history(run.history)
    assert [(row.epoch, row.step) for row in rows] == [(1.0, 20), (2.0, 40)]
    assert (rows[0].train_loss or 0) > 2 * (rows[1].train_loss or 0)
    assert (rows[1].train_accuracy or 0) > 0.8
    assert all(row.validation_accuracy for row in rows)  # low: Keras's averages of batches are slow
    assert rows[1].lr == pytest.approx(0)


def test_the_card_says_the_recipe_the_cost_and_what_computed(run: Run) -> None:
    card = run.card()
    convolutions = 32 * 25 * 256 + 64 * 32 * 25 * 64 + 128 * 64 * 9 * 16
    assert card.macs == convolutions + 512 * 128 + 128 * 10
    assert (card.options.epochs, card.options.batch, card.options.device) == (2.0, 64, "cpu")
    assert card.schedule.flip == "none"  # mirrored digits are none
    assert card.versions.keys() == {"python", "keras", "torch"}
    assert card.versions["keras"] == keras.__version__


def test_a_training_may_end_within_an_epoch(tmp_path: Path) -> None:
    options = replace(DIGITS, epochs=0.25, validate=None, seed=1)
    short = zoo.train("mlp-keras", options, run=tmp_path / "run")
    assert [row.step for row in read_history(short.history)] == [6]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compile": True}, "--compile is not for cnn-keras, which is written in keras"),
        ({"precision": "bf16"}, "--precision is not for cnn-keras.* It takes .*--batch, --data"),
        ({"backbone": "cnn"}, "--backbone is for transfer-keras, not for cnn-keras"),
        ({"device": "cuda"}, "written in keras, which computes only on the cpu"),
        ({"lr": -1.0}, "--epochs and --lr must be above 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    in_folder: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.train(NAME, replace(DIGITS, **options))  # type: ignore[arg-type]
    assert not list(in_folder.glob("runs/*"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("model.0", np.zeros((3, 3), np.float32)), ("optimizer.3", None), ("metrics.0", None)],
)
def test_a_checkpoint_of_another_network_is_refused(
    stopped: Run, tmp_path: Path, name: str, value: np.ndarray | None
) -> None:
    arrays, meta = load_checkpoint(stopped.state)
    changed = {key: array for key, array in arrays.items() if key != name}
    copy = copied(stopped, tmp_path / "run")
    save_checkpoint(copy.state, changed | ({} if value is None else {name: value}), meta)
    with pytest.raises(ZooError, match="not a checkpoint of this training"):
        zoo.train(NAME, run=copy.folder, resume=True)


@pytest.mark.parametrize("change", [{"step": 9999}, {"step": "many"}, {"seconds": None}])
def test_a_checkpoint_of_no_possible_moment_is_refused(
    stopped: Run, tmp_path: Path, change: dict[str, object]
) -> None:
    arrays, meta = load_checkpoint(stopped.state)
    copy = copied(stopped, tmp_path / "run")
    save_checkpoint(copy.state, arrays, meta | change)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        zoo.train(NAME, run=copy.folder, resume=True)


def copied(run: Run, folder: Path) -> Run:
    folder.mkdir()
    (folder / "run.json").write_bytes(run.card_file.read_bytes())
    return Run(folder)


def test_weights_of_another_network_are_refused(run: Run) -> None:
    arrays, _ = load_checkpoint(run.weights)
    framework = find_framework("keras")
    with pytest.raises(ValueError, match="does not fit"):
        framework.load(run.card(), arrays | {"0.bias": np.zeros(7, np.float32)})
    with pytest.raises(ValueError, match=r"other weights: .*0\.bias"):
        framework.load(run.card(), {key: a for key, a in arrays.items() if key != "0.bias"})


def test_where_keras_is_missing_it_says_what_installs_it(
    call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("zoo.frameworks.keras.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "keras", None)
    told = call("train", NAME, "--data", "digits", code=3).stderr
    assert "pip install -e '.[keras]'" in told
    assert told.count("\n") == 1
    (finding,) = find_framework("keras").findings()
    assert (finding.what, finding.status) == ("keras", "note")
