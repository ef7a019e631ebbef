"""Runs of which something is gone, or that are none: said at once, with a fix that works."""

import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import zoo
from zoo.files import sha256
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.runs.options import TrainOptions
from zoo.runs.training import InterruptedRunError

pytestmark = pytest.mark.usefixtures("one_thread")
OPTIONS = TrainOptions(data="digits", epochs=1, validate=0.1, size=(16, 16), flip=False, seed=3)
RUN = Path("runs/mlp-digits-16x16-s3")
TRAIN = ("train", "mlp", "--data", "digits", "--run", RUN)


class Stop(Hook):
    def stepped(self, trainer: Trainer) -> None:
        if trainer.step == 5:
            raise InterruptedRunError("stopped")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; not to be changed."""
    return zoo.train("mlp", OPTIONS, run=tmp_path_factory.mktemp("trained") / "run").folder


@pytest.fixture
def run(trained: Path, in_folder: Path) -> Path:
    return shutil.copytree(trained, RUN)


@pytest.fixture
def unfinished(in_folder: Path) -> Path:
    with pytest.raises(InterruptedRunError):
        zoo.train("mlp", OPTIONS, run=RUN, hooks=(Stop(),))
    return RUN


Call = Callable[..., Result]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def proposed(done: Result) -> list[str]:
    """The arguments of the command that a message names."""
    found = re.search(r"python cli\.py (.+)", done.stderr)
    assert found
    return shlex.split(found[1])


COMMANDS: dict[str, tuple[object, ...]] = {
    "train": TRAIN,
    "resume": (*TRAIN, "--resume"),
    "test": ("test", "mlp", "--run", RUN),
    "test by id": ("test", RUN.name),
    "export": ("export", "mlp", "--run", RUN, "--precision", "fp32"),
    "transfer": ("train", "transfer", "--data", "digits", "--backbone", RUN.name),
}


@pytest.mark.parametrize("command", ["train", "resume", "test", "test by id", "export", "transfer"])
def test_weights_that_are_gone(call: Call, run: Path, trained: Path, command: str) -> None:
    (run / "weights.safetensors").unlink()
    before = contents(run)
    done = call(*COMMANDS[command], code=1)
    assert "weights.safetensors is gone, but run.json says" in done.stderr
    assert contents(run) == before
    call(*proposed(done))
    assert (run / "weights.safetensors").read_bytes() == (
        trained / "weights.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("command", ["train", "resume", "export"])
def test_a_history_that_is_gone(call: Call, run: Path, command: str) -> None:
    (run / "history.csv").unlink()
    before = contents(run)
    done = call(*COMMANDS[command], code=1)
    assert "history.csv is gone, but run.json says" in done.stderr
    assert contents(run) == before
    call("test", "mlp", "--run", run)
    call(*proposed(done))
    assert zoo.read_history(run / "history.csv")


@pytest.mark.parametrize("command", ["train", "resume", "test", "test by id", "export", "transfer"])
def test_a_card_that_is_gone(call: Call, run: Path, command: str) -> None:
    (run / "run.json").unlink()
    before = contents(run)
    code = 2 if command in ("train", "resume") else 1
    error = call(*COMMANDS[command], code=code).stderr
    assert "holds weights.safetensors, history.csv, curves.png, but no run.json" in error
    assert "Restore it, train again with --overwrite" in error
    assert contents(run) == before
    call(*TRAIN, "--data", "digits", "--epochs", "1", "--overwrite")
    call("test", "mlp", "--run", run)


@pytest.mark.parametrize("command", ["resume", "test", "export", "transfer"])
def test_weights_of_another_training(call: Call, run: Path, command: str) -> None:
    zoo.train("mlp", TrainOptions(epochs=0.2).filled(OPTIONS), run=Path("other"))
    shutil.copy("other/weights.safetensors", run)
    before = contents(run)
    done = call(*COMMANDS[command], code=1)
    assert "is not the file that run.json describes" in done.stderr
    assert contents(run) == before
    call(*proposed(done))
    call("test", "mlp", "--run", run)


def test_curves_that_are_gone_are_drawn_again(call: Call, run: Path) -> None:
    (run / "curves.png").unlink()
    call("test", "mlp", "--run", run)
    assert "--resume" in call(*TRAIN, code=2).stderr
    assert "already finished" in call(*TRAIN, "--resume").stderr
    assert (run / "curves.png").exists()


def test_a_checkpoint_that_is_gone(call: Call, unfinished: Path, trained: Path) -> None:
    (RUN / "state.safetensors").unlink()
    for command in ("test", "export"):
        done = call(*COMMANDS[command], code=1)
        assert "is not finished. Continue with" in done.stderr
    resumed = call(*proposed(done))
    assert "there is no checkpoint; starting from the beginning" in resumed.stderr
    weights = [folder / "weights.safetensors" for folder in (RUN, trained)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_card_of_before_hashes_were_kept_is_still_one(call: Call, run: Path) -> None:
    card = json.loads((run / "run.json").read_text())
    assert card.pop("weights") == sha256(run / "weights.safetensors")
    (run / "run.json").write_text(json.dumps(card))
    call("test", "mlp", "--run", run)
    assert "already finished" in call(*TRAIN, "--resume").stderr


@pytest.mark.parametrize("options", [(), ("--overwrite",), ("--resume",)])
@pytest.mark.parametrize(
    "name",
    ["weights.safetensors", "history.csv", "confusion.png", "test.json", "state.safetensors"],
)
def test_files_that_no_training_left_are_not_replaced(
    call: Call, in_folder: Path, name: str, options: tuple[str, ...]
) -> None:
    folder = Path("thesis")
    folder.mkdir()
    (folder / name).write_text("precious")
    command = ("train", "mlp", "--data", "digits", "--epochs", "1", "--run", folder, *options)
    error = call(*command, code=2).stderr
    assert f"thesis holds {name}, which `train` did not write" in error
    assert contents(folder) == {name: b"precious"}


@pytest.mark.parametrize("options", [(), ("--overwrite",), ("--resume",)])
def test_a_card_of_something_else_is_not_replaced(
    call: Call, in_folder: Path, options: tuple[str, ...]
) -> None:
    folder = Path("thesis")
    folder.mkdir()
    (folder / "run.json").write_text('{"precious": 1}')
    command = ("train", "mlp", "--data", "digits", "--epochs", "1", "--run", folder, *options)
    error = call(*command, code=2 if "--overwrite" in options else 1).stderr
    assert "Move it away, or name another folder with --run" in error
    assert contents(folder) == {"run.json": b'{"precious": 1}'}


def test_a_folder_in_place_of_a_file_is_named_before_the_training(call: Call, run: Path) -> None:
    (run / "curves.png").unlink()
    (run / "curves.png").mkdir()
    (run / "curves.png" / "text").write_text("precious")
    error = call(*TRAIN, "--data", "digits", "--epochs", "1", "--overwrite", code=2).stderr
    assert "holds curves.png, which `train` did not write" in error
    assert (run / "weights.safetensors").exists()
    assert (run / "curves.png" / "text").exists()


def test_a_damaged_card_beside_its_weights_can_be_trained_over(call: Call, run: Path) -> None:
    (run / "run.json").write_text('{"id": "mlp')
    assert "Start again with --overwrite" in call(*TRAIN, "--resume", code=1).stderr
    call(*TRAIN, "--data", "digits", "--epochs", "1", "--overwrite")
    call("test", "mlp", "--run", run)


def test_a_link_to_a_folder_is_trained_in_and_files_it_holds_are_left(
    call: Call, run: Path
) -> None:
    run.rename("elsewhere")
    run.symlink_to(Path("elsewhere").absolute())
    Path("elsewhere/notes.txt").write_text("precious")
    call(*TRAIN, "--data", "digits", "--epochs", "1", "--overwrite")
    assert run.is_symlink()
    assert Path("elsewhere/notes.txt").read_text() == "precious"
    call("test", "mlp", "--run", run)


def test_a_training_that_is_refused_leaves_no_folder(call: Call, in_folder: Path) -> None:
    call("train", "mlp", "--data", "digits", "--batch", "5000", "--run", "new", code=1)
    assert not Path("new").exists()


def test_a_run_in_the_way_is_named_before_data_is_looked_for(call: Call, run: Path) -> None:
    error = call("train", "mlp", "--data", "nowhere.zip", "--run", run, code=2).stderr
    assert "already holds a run" in error
