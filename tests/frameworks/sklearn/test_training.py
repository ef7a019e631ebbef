"""A training of scikit-learn is a run like any other, and it can be stopped anywhere."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

import zoo
from tests.frameworks.sklearn.conftest import LOGREG, MLP, NAMES, options_of
from tests.killing import Asking
from zoo.errors import UsageError, ZooError
from zoo.frameworks.registry import find_framework
from zoo.frameworks.sklearn.framework import WAYS
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.history import read_history
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run
from zoo.specs.catalog import MODELS

STEPS_PER_EPOCH = 1438 // 64  # a small dataset gets smaller batches
Runs = Callable[[str], Run]


def stopped(name: str, folder: Path) -> Run:
    after = {MLP: STEPS_PER_EPOCH + 3, LOGREG: 1}[name]
    with pytest.raises(ZooError, match=rf"interrupted after step .*train {name} --resume"):
        zoo.train(name, options_of(name), run=folder, progress=Asking(after))
    return Run(folder)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_says_how_it_was_trained_and_what_computed(run_of: Runs, name: str) -> None:
    card = run_of(name).card()
    sizes = {MLP: (256, 500, 50, 10), LOGREG: (256, 10)}[name]
    macs = sum(one * two for one, two in pairwise(sizes))
    assert (card.macs, card.parameters) == (macs, macs + sum(sizes[1:]))
    assert card.options.device == "cpu"
    assert card.versions.keys() == {"python", "scikit-learn", "numpy"}
    assert f"numpy {np.__version__}, " in card.machine
    if name == MLP:
        assert card.schedule.flip == "none"  # mirrored digits are none
        assert card.train_flop == pytest.approx(2 * 64 * 44 * (3 * macs - 256 * 500))
    else:
        assert card.told["iterations"] == 25
        assert card.train_flop == 4 * macs * 1438 * 25


@pytest.mark.parametrize("name", NAMES)
def test_a_row_for_each_epoch_with_validation_where_images_are_held_out(
    tmp_path: Path, name: str
) -> None:
    run = zoo.train(name, replace(options_of(name), validate=0.2), run=tmp_path / "run")
    rows = read_history(run.history)
    assert [row.epoch for row in rows] == {MLP: [1, 2], LOGREG: [10, 20, 25]}[name]
    assert all(row.validation_loss and row.validation_accuracy for row in rows)
    assert rows[-1].train_loss < rows[0].train_loss  # type: ignore[operator]
    assert run.curves.exists()


def test_epochs_of_the_mlp_may_end_inside_one(tmp_path: Path) -> None:
    run = zoo.train(MLP, replace(options_of(MLP), epochs=1.5), run=tmp_path / "run")
    assert [row.step for row in read_history(run.history)] == [22, 33]


def test_a_single_step_is_a_training_too(tmp_path: Path) -> None:
    run = zoo.train(MLP, replace(options_of(MLP), epochs=0.01), run=tmp_path / "run")
    assert [row.step for row in read_history(run.history)] == [1]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (MLP, {"compile": True}, "--compile is not for mlp-sklearn, which is written in sklearn"),
        (MLP, {"precision": "bf16"}, "--precision is not for mlp-sklearn"),
        (LOGREG, {"backbone": "cnn"}, "--backbone is not for logreg-sklearn"),
        (MLP, {"device": "cuda"}, "written in sklearn, which computes only on the cpu"),
        (MLP, {"lr": -1.0}, "--epochs and --lr must be above 0"),
        (MLP, {"batch": 1}, "--batch must be 2 or more"),
        (LOGREG, {"batch": 64}, "--batch is not for logreg-sklearn: L-BFGS looks at all images"),
        (LOGREG, {"lr": 0.1}, "--lr is not for logreg-sklearn"),
        (LOGREG, {"flip": False}, "--flip is not for logreg-sklearn"),
        (LOGREG, {"epochs": 1.5}, "--epochs 1.5: logreg-sklearn takes whole numbers"),
        (LOGREG, {"epochs": 0.0}, "takes whole numbers of 1 and more"),
        (LOGREG, {"epochs": float("inf")}, "takes whole numbers of 1 and more"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    in_folder: Path, name: str, options: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        zoo.train(name, replace(options_of(name), **options))  # type: ignore[arg-type]
    assert not list(in_folder.glob("runs/*"))


def test_the_command_line_says_the_same(call: Callable[..., Result]) -> None:
    train = ("train", LOGREG, "--data", "digits")
    assert "--lr is not for logreg-sklearn" in call(*train, "--lr", "0.1", code=2).stderr
    assert "only on the cpu" in call(*train, "--device", "cuda", code=2).stderr


@pytest.mark.parametrize(
    ("name", "array", "value"),
    [
        (MLP, "coefs.0", np.zeros((3, 3), np.float32)),
        (MLP, "intercepts.1", np.zeros(50)),
        (MLP, "velocities.2", None),
        (LOGREG, "coef_", np.zeros((10, 3), np.float32)),
        (LOGREG, "intercept_", None),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(
    tmp_path: Path, name: str, array: str, value: np.ndarray | None
) -> None:
    run = stopped(name, tmp_path / "run")
    arrays, meta = load_checkpoint(run.state)
    changed = {key: kept for key, kept in arrays.items() if key != array}
    save_checkpoint(run.state, changed | ({} if value is None else {array: value}), meta)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        zoo.train(name, run=run.folder, resume=True)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (MLP, {"step": 9999}),
        (MLP, {"step": "many"}),
        (MLP, {"loss": None}),
        (LOGREG, {"rounds": 3}),
        (LOGREG, {"rounds": None}),
    ],
)
def test_a_checkpoint_of_no_possible_moment_is_refused(
    tmp_path: Path, name: str, change: dict[str, object]
) -> None:
    run = stopped(name, tmp_path / "run")
    arrays, meta = load_checkpoint(run.state)
    save_checkpoint(run.state, arrays, meta | change)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        zoo.train(name, run=run.folder, resume=True)


def test_weights_of_another_network_are_refused(run_of: Runs) -> None:
    framework, run = find_framework("sklearn"), run_of(MLP)
    arrays, _ = load_checkpoint(run.weights)
    framework.load(run.card(), arrays)
    with pytest.raises(ValueError, match="other sizes"):
        framework.load(run.card(), arrays | {"0.bias": np.zeros(7, np.float32)})
    with pytest.raises(ValueError, match="other sizes"):
        framework.load(run_of(LOGREG).card(), arrays)
    with pytest.raises(ValueError, match=r"no 0\.weight"):
        framework.load(run.card(), {"a": np.zeros(1), "b": np.zeros(1)})


def coloured(folder: Path, name: str, colour: tuple[int, int, int], images: int) -> None:
    draw = np.random.default_rng(len(name))
    for number in range(images):
        noise = draw.integers(0, 60, (16, 16, 3), dtype=np.uint8)
        path = folder / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise + np.array(colour, np.uint8)).save(path)


@pytest.mark.parametrize("name", NAMES)
def test_two_classes_have_a_logit_each(tmp_path: Path, name: str) -> None:
    for number, colour in enumerate(((150, 0, 0), (0, 0, 150))):
        for part, images in (("train", 40), ("test", 10)):
            coloured(tmp_path / "data" / part, f"colour{number}", colour, images)
    options = TrainOptions(data=str(tmp_path / "data"), epochs=10)
    run = zoo.train(name, options, run=tmp_path / "run")
    assert zoo.test(name, run=run.folder).accuracy.share == 1
    made = zoo.export(
        name, run=run.folder, precisions=["fp32", "int8"], exports=tmp_path / "exports"
    )
    assert made.card.precisions["int8"].accuracy.share == 1


def test_every_model_of_the_catalog_has_its_way() -> None:
    assert WAYS.keys() == {name for name, spec in MODELS.items() if spec.framework == "sklearn"}


def test_a_class_whose_images_are_all_held_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("train", "test"):
        for name in "abc":
            coloured(tmp_path / "data" / part, name, (90, 0, 0), 40)

    def split(labels: np.ndarray, options: TrainOptions) -> tuple[np.ndarray, np.ndarray]:
        return np.flatnonzero(labels != 2), np.flatnonzero(labels == 2)

    for place in ("sklearn.in_rounds", "lesson"):
        monkeypatch.setattr(f"zoo.frameworks.{place}.split_of", split)
    options = TrainOptions(data=str(tmp_path / "data"), epochs=10)
    with pytest.raises(ZooError, match=r"needs training images of every class, and c has none"):
        zoo.train(LOGREG, options, run=tmp_path / "run")
    assert zoo.train(MLP, replace(options, epochs=1), run=tmp_path / "mlp").weights.exists()


def test_quick_is_a_shorter_schedule(tmp_path: Path) -> None:
    options = replace(options_of(LOGREG), epochs=None, quick=True)
    run = zoo.train(LOGREG, options, run=tmp_path / "run")
    assert [row.epoch for row in read_history(run.history)] == [10, 20]
