"""A training in JAX: it learns, tells what it does, and can be stopped anywhere."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import zoo
from tests.frameworks.jax.conftest import DIGITS
from tests.killing import Asking
from zoo.errors import UsageError, ZooError
from zoo.frameworks.registry import find_framework
from zoo.machine.threads import thread_budget
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.history import read_history
from zoo.runs.run import Run
from zoo.specs.catalog import find_model

jax = pytest.importorskip("jax")
pytest.importorskip("flax")
pytest.importorskip("optax")

NAME = "cnn-jax"
STEPS_PER_EPOCH = 1338 // 64


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Stopped within the first epoch; not to be changed."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(ZooError, match=r"interrupted after step 3/40.*train cnn-jax --resume"):
        zoo.train(NAME, DIGITS, run=folder, progress=Asking(3))
    return Run(folder)


def test_it_learns_and_history_tells(run: Run) -> None:
    rows = read_history(run.history)
    assert [(row.epoch, row.step) for row in rows] == [(1.0, 20), (2.0, 40)]
    assert (rows[1].train_loss or 9) < (rows[0].train_loss or 0)
    assert (rows[1].validation_accuracy or 0) > 0.9
    assert rows[1].lr == pytest.approx(0)


def test_the_card_says_the_recipe_the_cost_and_what_computed(run: Run) -> None:
    card = run.card()
    convolutions = 64 * 25 * 256 + 128 * 64 * 25 * 64
    assert card.macs == convolutions + 2048 * 256 + 256 * 192 + 192 * 10
    assert (card.options.epochs, card.options.batch, card.options.device) == (2.0, 64, "cpu")
    assert card.schedule.flip == "none"  # mirrored digits are none
    assert card.versions.keys() == {"python", "jax", "flax", "optax"}
    assert card.versions["jax"] == jax.__version__
    threads = os.environ.get("NPROC", thread_budget())  # set where JAX has been loaded
    assert card.machine.endswith(f"{threads} threads")


def test_it_has_the_shape_of_the_cnn_in_pytorch(run: Run) -> None:
    card = run.card()
    network = find_model("cnn").build(card.image_shape, len(card.class_names))
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_a_training_may_end_within_an_epoch(tmp_path: Path) -> None:
    options = replace(DIGITS, epochs=0.25, validate=None)
    short = zoo.train(NAME, options, run=tmp_path / "run")
    assert [row.step for row in read_history(short.history)] == [6]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compile": True}, "--compile is not for cnn-jax, which is written in jax"),
        ({"precision": "bf16"}, "--precision is not for cnn-jax.* It takes --batch, --data"),
        ({"backbone": "cnn"}, "--backbone is not for cnn-jax"),
        ({"device": "cuda"}, "written in jax, which computes only on the cpu"),
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
    [
        ("weights.0.bias", np.zeros(7, np.float32)),
        ("moments.1.trace.0.bias", None),
        ("averages.3.mean", np.zeros(64, np.float64)),
    ],
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
    framework = find_framework("jax")
    with pytest.raises(ValueError, match="does not fit"):
        framework.load(run.card(), arrays | {"0.bias": np.zeros(7, np.float32)})
    with pytest.raises(ValueError, match=r"other arrays: 0\.bias"):
        framework.load(run.card(), {key: a for key, a in arrays.items() if key != "0.bias"})


@pytest.mark.parametrize("package", ["jax", "flax", "optax"])
def test_where_a_package_is_missing_it_says_what_installs_it(
    call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    for name in [name for name in sys.modules if name.startswith("zoo.frameworks.jax.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    told = call("train", NAME, "--data", "digits", code=3).stderr
    assert told.startswith(f"error: {package} does not load")
    assert "pip install -e '.[jax]'" in told
    assert told.count("\n") == 1
    (finding,) = find_framework("jax").findings()
    assert (finding.what, finding.status) == ("jax", "note")
