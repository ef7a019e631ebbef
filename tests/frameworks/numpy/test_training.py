"""Step 5 of the MLP from scratch: what a run of it is, and that it can be stopped anywhere."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import zoo
from tests.frameworks.numpy.conftest import DIGITS
from tests.killing import Asking
from zoo.errors import UsageError, ZooError
from zoo.frameworks.numpy.framework import Numpy
from zoo.frameworks.numpy.network import arrays_of, network_of
from zoo.frameworks.registry import find_framework
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.history import read_history
from zoo.runs.run import Run

NAME = "mlp-numpy"
STEPS_PER_EPOCH = 1438 // 64  # a small dataset gets smaller batches


def test_the_card_says_the_recipe_the_cost_and_what_computed(run: Run) -> None:
    card = run.card()
    sizes = (16 * 16, 500, 50, 10)
    macs = sum(one * two for one, two in pairwise(sizes))
    assert (card.macs, card.parameters) == (macs, macs + 560)
    assert card.train_flop == pytest.approx(2 * 64 * 44 * (3 * macs - 16 * 16 * 500))
    assert (card.options.epochs, card.options.batch, card.options.device) == (2.0, 64, "cpu")
    assert card.schedule.flip == "none"  # mirrored digits are none
    assert card.versions.keys() == {"python", "numpy"}
    assert f"numpy {np.__version__}, " in card.machine
    assert "threads" in card.machine


def test_a_row_for_each_epoch_with_validation_where_images_are_held_out(tmp_path: Path) -> None:
    run = zoo.train(NAME, replace(DIGITS, validate=0.2), run=tmp_path / "run")
    rows = read_history(run.history)
    assert [row.epoch for row in rows] == [1, 2]
    assert all(row.validation_loss and row.validation_accuracy for row in rows)
    assert rows[-1].lr == pytest.approx(0, abs=1e-9)
    assert run.curves.exists()


def test_epochs_may_end_inside_one(tmp_path: Path) -> None:
    run = zoo.train(NAME, replace(DIGITS, epochs=1.5), run=tmp_path / "run")
    assert [row.step for row in read_history(run.history)] == [22, 33]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"compile": True}, "--compile is not for mlp-numpy, which is written in numpy"),
        ({"precision": "bf16"}, "--precision is not for mlp-numpy.* It takes --batch, --data"),
        ({"sub_batches": 2}, "--sub-batches is not for mlp-numpy"),
        ({"backbone": "cnn"}, "--backbone is not for mlp-numpy"),
        ({"device": "cuda"}, "written in numpy, which computes only on the cpu"),
        ({"lr": -1.0}, "--epochs and --lr must be above 0"),
        ({"batch": 1}, "--batch must be 2 or more"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    in_folder: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.train(NAME, replace(DIGITS, **options))  # type: ignore[arg-type]
    assert not list(in_folder.glob("runs/*"))


def test_the_command_line_says_the_same(call: Callable[..., Result]) -> None:
    train = ("train", NAME, "--data", "digits")
    assert "only on the cpu" in call(*train, "--device", "cuda", code=2).stderr
    assert "--compile is not for mlp-numpy" in call(*train, "--compile", code=2).stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [("0.weight", np.zeros((3, 3), np.float32)), ("0.bias", np.zeros(500)), ("1.bias", None)],
)
def test_a_checkpoint_of_another_network_is_refused(
    run: Run, tmp_path: Path, name: str, value: np.ndarray | None
) -> None:
    with pytest.raises(ZooError, match="interrupted"):
        zoo.train(NAME, DIGITS, run=tmp_path / "run", progress=Asking(STEPS_PER_EPOCH + 3))
    stopped = Run(tmp_path / "run")
    arrays, meta = load_checkpoint(stopped.state)
    changed = {key: array for key, array in arrays.items() if key != name}
    save_checkpoint(stopped.state, changed | ({} if value is None else {name: value}), meta)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        zoo.train(NAME, run=stopped.folder, resume=True)


@pytest.mark.parametrize("change", [{"step": 9999}, {"step": "many"}, {"loss": None}])
def test_a_checkpoint_of_no_possible_moment_is_refused(
    tmp_path: Path, change: dict[str, object]
) -> None:
    with pytest.raises(ZooError, match="interrupted"):
        zoo.train(NAME, DIGITS, run=tmp_path / "run", progress=Asking(STEPS_PER_EPOCH + 3))
    stopped = Run(tmp_path / "run")
    arrays, meta = load_checkpoint(stopped.state)
    save_checkpoint(stopped.state, arrays, meta | change)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        zoo.train(NAME, run=stopped.folder, resume=True)


def test_weights_of_another_network_are_refused(run: Run) -> None:
    arrays, _ = load_checkpoint(run.weights)
    framework = find_framework("numpy")
    assert isinstance(framework, Numpy)
    framework.load(run.card(), arrays)
    with pytest.raises(ValueError, match="other sizes"):
        framework.load(run.card(), arrays | {"0.bias": np.zeros(7, np.float32)})
    with pytest.raises(ValueError, match=r"no 0\.weight"):
        framework.load(run.card(), {"a": np.zeros(1), "b": np.zeros(1)})


def test_weights_go_to_their_names_and_back(run: Run) -> None:
    arrays, _ = load_checkpoint(run.weights)
    assert list(arrays_of(network_of(arrays))) == [
        f"{place}.{name}" for place in range(3) for name in ("weight", "bias")
    ]
