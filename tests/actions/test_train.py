"""Whole runs through the Python API: folders, kills, refusals."""

import errno
import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import zoo.files
from tests.factories import Told
from tests.killing import OFTEN, begin, die, killed
from zoo.actions import test
from zoo.actions.export import export
from zoo.actions.train import train
from zoo.actions.trained import load_trained
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.machine import devices
from zoo.progress import PlainProgress
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.runs.history import read_history
from zoo.runs.holding import LOCK
from zoo.runs.options import TrainOptions
from zoo.runs.run import Run, RunCard
from zoo.runs.training import InterruptedRunError

QUICK = TrainOptions(data="digits", epochs=2, precision="fp32", size=(16, 16))
STEPS = 2 * (1438 // 64)

# An earlier test of this process may have loaded JAX; what is forked here touches files alone.
pytestmark = pytest.mark.filterwarnings(r"ignore:os.fork\(\) was called:RuntimeWarning")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An uninterrupted run."""
    return train("mlp", QUICK, run=tmp_path_factory.mktemp("whole") / "run")


def tensors(run: Run) -> dict[str, torch.Tensor]:
    return load_file(run.weights)


def assert_same_weights(one: Run, other: Run) -> None:
    first, second = tensors(one), tensors(other)
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name


class Kill(Hook):
    """Kills its process: at a step, or in the middle of writing the next checkpoint."""

    def __init__(self, where: str, step: int) -> None:
        self.where, self.step = where, step

    def stepped(self, trainer: Trainer) -> None:
        if trainer.step == self.step and self.where == "step":
            die()
        if trainer.step == self.step and self.where == "write":
            zoo.files.os.fsync = die


def train_and_die(folder: Path, where: str, step: int) -> None:
    train("mlp", QUICK, run=folder, resume=folder.exists(), hooks=(Kill(where, step),), pace=OFTEN)


def kill(folder: Path, where: str, step: int) -> None:
    killed(train_and_die, folder, where, step)


@pytest.mark.parametrize(
    ("where", "step"), [("step", 1), ("step", 13), ("step", 22), ("write", 30), ("step", STEPS)]
)
def test_a_run_killed_anywhere_resumes_to_bit_identical_weights(
    whole: Run, tmp_path: Path, where: str, step: int
) -> None:
    kill(tmp_path / "run", where, step)
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    resumed = train("mlp", QUICK, run=tmp_path / "run", resume=True)
    assert_same_weights(resumed, whole)
    left = {path.name for path in resumed.folder.iterdir()}
    assert left == {"run.json", "weights.safetensors", "history.csv", "curves.png"}
    timeless = [(row.step, row.train_loss) for row in read_history(whole.history)]
    assert [(row.step, row.train_loss) for row in read_history(resumed.history)] == timeless


def test_a_run_killed_twice_resumes_too(whole: Run, tmp_path: Path) -> None:
    kill(tmp_path / "run", "step", 9)
    kill(tmp_path / "run", "step", 31)
    assert_same_weights(train("mlp", QUICK, run=tmp_path / "run", resume=True), whole)


def test_the_same_seed_gives_the_same_weights_again(whole: Run, tmp_path: Path) -> None:
    assert_same_weights(train("mlp", QUICK, run=tmp_path / "again"), whole)


def test_training_leaves_the_callers_random_numbers_alone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train("mlp", TrainOptions(data="digits", epochs=0.1, size=(16, 16)), run=tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_the_card_tells_everything_that_determines_the_run(whole: Run) -> None:
    card = whole.card()
    assert card.finished
    assert card.id == "mlp-digits-16x16"
    assert card.options.device == "cpu" or torch.cuda.is_available()
    assert card.options.precision == "fp32"
    assert card.recipe.flip == "none"  # a mirrored digit is another one, or none
    assert card.recipe.epochs == 2
    assert card.macs == 16 * 16 * 3 * 500 + 500 * 50 + 50 * 10
    assert card.train_flop > 0
    assert card.machine
    assert set(card.versions) == {"python", "torch"}
    assert str(Path.home()) not in whole.card_file.read_text()


def test_resume_of_a_finished_run_says_so_and_changes_nothing(
    whole: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    before = whole.weights.stat().st_mtime_ns
    train("mlp", run=whole.folder, resume=True, progress=PlainProgress())
    assert "already finished" in capsys.readouterr().err
    assert whole.weights.stat().st_mtime_ns == before


def test_an_existing_run_is_not_trained_over_unasked(whole: Run) -> None:
    with pytest.raises(UsageError, match=r"already holds a run.*--resume.*--overwrite"):
        train("mlp", QUICK, run=whole.folder)


def test_overwrite_starts_again(tmp_path: Path, whole: Run) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    (tmp_path / "run" / "test.json").write_text("{}")
    again = train(
        "mlp",
        TrainOptions(data="digits", epochs=1, precision="fp32", size=(16, 16)),
        run=tmp_path / "run",
        overwrite=True,
    )
    assert again.card().recipe.epochs == 1
    assert not (tmp_path / "run" / "test.json").exists()  # it told of the weights before


def test_overwriting_an_unfinished_run_does_not_take_up_its_checkpoint(
    stopped: Run, tmp_path: Path
) -> None:
    assert stopped.state.exists()
    other = TrainOptions(seed=1).filled(QUICK)
    replaced = train("mlp", other, run=stopped.folder, overwrite=True)
    assert_same_weights(replaced, train("mlp", other, run=tmp_path / "other"))


def test_resume_without_a_run_starts_from_the_beginning(whole: Run, tmp_path: Path) -> None:
    assert_same_weights(train("mlp", QUICK, run=tmp_path / "new", resume=True), whole)


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (TrainOptions(seed=3), "seed"),
        (TrainOptions(epochs=5), "epochs"),
        (TrainOptions(batch=32), "batch"),
        (TrainOptions(validate=100), "validate"),
        (TrainOptions(sub_batches=2), "sub-batches"),
        (TrainOptions(quick=True), "quick"),
    ],
)
def test_a_resumed_run_is_what_it_was_begun_as(
    stopped: Run, options: TrainOptions, flag: str
) -> None:
    with pytest.raises(UsageError, match=f"started with {flag} .*--{flag}"):
        train("mlp", options, run=stopped.folder, resume=True)


class StopAt(Hook):
    """Presses Ctrl-C after a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture
def stopped(tmp_path: Path) -> Run:
    """A run interrupted after 7 steps."""
    with pytest.raises(InterruptedRunError):
        train("mlp", QUICK, run=tmp_path / "stopped", hooks=(StopAt(7),))
    return Run(tmp_path / "stopped")


def test_ctrl_c_keeps_everything_and_says_how_to_go_on(whole: Run, tmp_path: Path) -> None:
    with pytest.raises(InterruptedRunError, match=r"step 8/44.*train mlp --resume --run") as stop:
        train("mlp", QUICK, run=tmp_path / "run", hooks=(StopAt(7),))
    assert stop.value.exit_code == 130
    assert_same_weights(train("mlp", run=tmp_path / "run", resume=True), whole)


def test_another_model_cannot_take_up_the_run(stopped: Run) -> None:
    with pytest.raises(UsageError, match="a run of mlp, not of cnn"):
        train("cnn", run=stopped.folder, resume=True)


def test_other_images_cannot_take_up_the_run(stopped: Run) -> None:
    card = json.loads(stopped.card_file.read_text())
    stopped.card_file.write_text(json.dumps(card | {"fingerprint": "0" * 64}))
    with pytest.raises(ZooError, match="fingerprints differ"):
        train("mlp", run=stopped.folder, resume=True)


def test_a_damaged_checkpoint_is_refused(stopped: Run) -> None:
    stopped.state.write_bytes(stopped.state.read_bytes()[:-100])
    with pytest.raises(ZooError, match="damaged"):
        train("mlp", run=stopped.folder, resume=True)


def test_a_checkpoint_of_something_else_is_refused(stopped: Run, whole: Run) -> None:
    shutil.copy(whole.weights, stopped.state)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        train("mlp", run=stopped.folder, resume=True)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("step", None),
        ("step", "3"),
        ("step", -1),
        ("step", 10**6),
        ("seconds", None),
        ("rows", None),
        ("rows", [{"epoch": "1"}]),
        ("scaler", "x"),
        ("past", None),
        ("past", {"rows": [None]}),
    ],
    ids=str,
)
def test_a_checkpoint_that_says_nonsense_is_refused(stopped: Run, part: str, value: Any) -> None:
    tensors, told = load_checkpoint(stopped.state)
    save_checkpoint(stopped.state, tensors, told | {part: value})
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        train("mlp", run=stopped.folder, resume=True)


def test_a_checkpoint_with_other_sums_of_the_optimizer_is_refused(stopped: Run) -> None:
    tensors, told = load_checkpoint(stopped.state)
    name = next(name for name in tensors if name.startswith("optimizer."))
    save_checkpoint(stopped.state, tensors | {name: np.zeros((7, 7), np.float32)}, told)
    with pytest.raises(ZooError, match=r"not a checkpoint of this training.*--overwrite"):
        train("mlp", run=stopped.folder, resume=True)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("recipe", {"epochs": "3", "quick_epochs": 1, "batch": "32", "lr": "0.1"}),
        ("parameters", "1000"),
        ("mean", ["a", "b", "c"]),
        ("mean", [0.5]),
        ("image_shape", [0, 32, 3]),
        ("seconds", None),
    ],
    ids=str,
)
def test_a_card_that_says_nonsense_is_refused(stopped: Run, part: str, value: Any) -> None:
    card = json.loads(stopped.card_file.read_text())
    stopped.card_file.write_text(json.dumps(card | {part: value}))
    with pytest.raises(ZooError, match=rf"run\.json is damaged \(the card.*{part}"):
        train("mlp", run=stopped.folder, resume=True)


def test_a_damaged_card_is_refused(stopped: Run) -> None:
    stopped.card_file.write_text('{"id": "mlp')
    with pytest.raises(ZooError, match=r"run\.json is damaged"):
        train("mlp", run=stopped.folder, resume=True)


def test_a_bf16_run_goes_on_in_fp32_only_when_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "native_bf16", lambda device: True)
    options = TrainOptions(data="digits", epochs=1, size=(16, 16), device="cpu")
    with pytest.raises(InterruptedRunError):
        train("mlp", options, run=tmp_path / "run", hooks=(StopAt(3),))
    assert Run(tmp_path / "run").card().options.precision == "bf16"
    monkeypatch.setattr(devices, "native_bf16", lambda device: False)
    with pytest.raises(ZooError, match="--precision fp32") as refusal:
        train("mlp", run=tmp_path / "run", resume=True)
    assert refusal.value.exit_code == 1
    done = train("mlp", TrainOptions(precision="fp32"), run=tmp_path / "run", resume=True)
    assert done.card().options.precision == "fp32"
    assert done.card().finished


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (TrainOptions(batch=2000), "larger than the data, 1438 training images"),
        (TrainOptions(batch=1), "two images"),
        (TrainOptions(validate=2000), "cannot be held out of 1438"),
        (TrainOptions(epochs=0), "must be above 0"),
        (TrainOptions(lr=-1.0), "must be above 0"),
        (TrainOptions(sub_batches=65), "between 1 and the batch size, 64"),
        (TrainOptions(lr=1e30), "no longer a number"),
    ],
)
def test_what_cannot_be_trained_is_refused_with_the_reason(
    tmp_path: Path, options: TrainOptions, message: str
) -> None:
    with pytest.raises(ZooError, match=message):
        train("mlp", options.filled(QUICK), run=tmp_path / "run")
    assert not (tmp_path / "run" / "weights.safetensors").exists()


def test_what_fails_before_training_leaves_an_earlier_run_alone(whole: Run, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "run")
    wrong = TrainOptions(batch=2000).filled(QUICK)
    with pytest.raises(ZooError):
        train("mlp", wrong, run=tmp_path / "run", overwrite=True)
    assert_same_weights(Run(tmp_path / "run"), whole)


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here")
def test_cuda_where_there_is_none_is_exit_3(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="--device cuda cannot run here"):
        train("mlp", TrainOptions(device="cuda").filled(QUICK), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "the file system is read-only")],
)
def test_a_disk_that_takes_nothing_is_named_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Run, code: int, words: str
) -> None:
    def refuse(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    class Full(Hook):
        def stepped(self, trainer: Trainer) -> None:
            if trainer.step == 10:
                patch.setattr("zoo.files.os.fsync", refuse)

    with monkeypatch.context() as patch, pytest.raises(ZooError, match=words):
        train("mlp", QUICK, run=tmp_path / "run", hooks=(Full(),), pace=OFTEN)
    assert not list((tmp_path / "run").glob(".*.tmp"))
    assert_same_weights(train("mlp", QUICK, run=tmp_path / "run", resume=True), whole)


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match=r"cannot write .*file"):
        train("mlp", QUICK, run=tmp_path / "file" / "run")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"),
    ],
)
def test_memory_that_runs_out_names_sub_batches(tmp_path: Path, error: Exception) -> None:
    class Exhausted(Hook):
        def stepped(self, trainer: Trainer) -> None:
            raise error

    with pytest.raises(ZooError, match=r"memory.*--sub-batches"):
        train("mlp", QUICK, run=tmp_path / "run", hooks=(Exhausted(),))


def test_the_cost_is_told_before_the_first_epoch(tmp_path: Path) -> None:
    heard = Told()
    train("mlp", TrainOptions(epochs=1).filled(QUICK), run=tmp_path / "run", progress=heard)
    told = [index for index, line in enumerate(heard.lines) if "multiply-adds" in line]
    first = [index for index, line in enumerate(heard.lines) if line.startswith("epoch 1")]
    assert told
    assert first
    assert told[0] < first[0]
    assert any("precision fp32" in line for line in heard.lines)


def test_a_schedule_shorter_than_its_measurement_is_trained(tmp_path: Path) -> None:
    short = train("mlp", TrainOptions(epochs=0.1).filled(QUICK), run=tmp_path / "run")
    assert [row.step for row in read_history(short.history)] == [3]


def test_fp16_is_refused_where_the_device_cannot(stopped: Run) -> None:
    fp16, cpu = TrainOptions(precision="fp16", device="cpu"), TrainOptions(device="cpu")
    with pytest.raises(UsageError, match="CUDA only"):
        train("mlp", fp16, run=stopped.folder, resume=True)
    card = json.loads(stopped.card_file.read_text())
    card["options"]["precision"] = "fp16"
    stopped.card_file.write_text(json.dumps(card))
    with pytest.raises(ZooError, match="--precision fp32"):
        train("mlp", cpu, run=stopped.folder, resume=True)


@pytest.mark.cuda
@pytest.mark.parametrize("model", ["mlp", "speednet"])
def test_a_gpu_run_goes_on_after_an_interruption(tmp_path: Path, model: str) -> None:
    options = TrainOptions(data="digits", epochs=2, device="cuda", validate=0.1)
    with pytest.raises(InterruptedRunError):
        train(model, options, run=tmp_path / "run", hooks=(StopAt(7),))
    done = train(model, run=tmp_path / "run", resume=True)
    assert read_history(done.history)[-1].train_accuracy > 0.5


class Pause(Hook):
    """Says that some steps are done, and waits until it is told to go on."""

    def __init__(self, ends: Connection) -> None:
        self.ends = ends

    def stepped(self, trainer: Trainer) -> None:
        if trainer.step == 5:
            self.ends.send("trained 5 steps")
            self.ends.recv()


def train_with_a_pause(folder: Path, ends: Connection) -> None:
    train("mlp", QUICK, run=folder, overwrite=True, hooks=(Pause(ends),))


class Training:
    """Another process that is in the middle of a training."""

    def __init__(self, folder: Path) -> None:
        self.ends, theirs = Pipe()
        self.process = begin(train_with_a_pause, folder, theirs)
        theirs.close()
        assert self.ends.recv() == "trained 5 steps"

    def end(self) -> int | None:
        if self.process.is_alive():
            self.ends.send("go on")
        self.ends.close()
        self.process.join()
        return self.process.exitcode


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_second_process_stops_at_once_and_says_who_trains_there(
    tmp_path: Path, whole: Run
) -> None:
    folder = shutil.copytree(whole.folder, tmp_path / "run")
    other = Training(folder)
    before = contents(folder)
    held = rf"run is in use by process {other.process.pid} \(.*\), since 20"
    for work in (
        lambda: train("mlp", QUICK, run=folder),
        lambda: train("mlp", run=folder, resume=True),
        lambda: train("mlp", TrainOptions(seed=1).filled(QUICK), run=folder, overwrite=True),
        lambda: test.test("mlp", run=folder),
        lambda: export("mlp", run=folder, exports=tmp_path / "exports"),
    ):
        with pytest.raises(ZooError, match=held) as refusal:
            work()
        assert refusal.value.exit_code == 1
    assert contents(folder) == before
    assert other.end() == 0
    assert_same_weights(Run(folder), whole)
    assert not (folder / LOCK).exists()
    test.test("mlp", run=folder)


def test_a_run_of_a_process_that_was_killed_is_free(tmp_path: Path, whole: Run) -> None:
    other = Training(tmp_path / "run")
    other.process.kill()
    other.process.join()
    assert other.end() == -signal.SIGKILL
    assert_same_weights(train("mlp", run=tmp_path / "run", resume=True), whole)
    assert not (tmp_path / "run" / LOCK).exists()


def train_and_tell(folder: Path, seed: int, told: Connection) -> None:
    try:
        train("mlp", replace(QUICK, epochs=1, seed=seed), run=folder)
    except ZooError as error:
        told.send(str(error))
        sys.exit(1)
    told.send("")


def test_two_at_once_never_leave_a_card_of_other_weights(tmp_path: Path) -> None:
    heard, told = Pipe(duplex=False)
    with heard, told:
        children = [begin(train_and_tell, tmp_path / "run", seed, told) for seed in (1, 2)]
        said = heard.recv() + heard.recv()
    for child in children:
        child.join()
    assert sorted(child.exitcode or 0 for child in children) == [0, 1]
    assert "is in use by process" in said or "already holds a run" in said
    run = Run(tmp_path / "run")
    winner = 1 + [child.exitcode for child in children].index(0)
    assert run.finished_card().options.seed == winner
    alone = train("mlp", replace(QUICK, epochs=1, seed=winner), run=tmp_path / "alone")
    assert_same_weights(run, alone)


def test_what_is_replaced_while_it_is_read_is_told(
    tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(shutil.copytree(whole.folder, tmp_path / "run"))
    other = train("mlp", TrainOptions(seed=1).filled(QUICK), run=tmp_path / "other")
    card = run.finished_card()
    shutil.copy(other.weights, run.weights)
    with pytest.raises(ZooError, match="was replaced in the meantime"):
        load_trained(run, card)


def begin_and_die(run: Run, card: RunCard, step: int) -> int:
    """Let another process replace the run's card, and die before its step-th change on disk."""
    process = os.fork()
    if not process:
        left = step
        for name in ("replace", "unlink", "fsync"):

            def dying(*args: object, real: object = getattr(os, name), **options: object) -> object:
                nonlocal left
                left -= 1
                if left < 0:
                    os._exit(137)
                return real(*args, **options)  # type: ignore[operator]

            setattr(os, name, dying)
        run.begin(card)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def test_killed_while_it_replaces_a_run_nothing_is_mixed(
    tmp_path: Path, whole: Run, stopped: Run
) -> None:
    """Either the old run is whole, or the new one continues from its own beginning."""
    other = train("mlp", TrainOptions(seed=1, epochs=0.2).filled(QUICK), run=tmp_path / "other")
    begun = replace(other.card(), finished=False, weights="")
    seeds = []
    for step in range(30):
        run = Run(shutil.copytree(whole.folder, tmp_path / f"run-{step}"))
        shutil.copy(stopped.state, run.state)
        (run.folder / "test.json").write_text("{}")
        code = begin_and_die(run, begun, step)
        card = run.card()
        seeds.append(card.options.seed)
        if card.finished:
            assert run.finished_card() == whole.finished_card()
        assert_same_weights(train("mlp", run=run.folder, resume=True), (whole, other)[seeds[-1]])
        assert not list(run.folder.glob(".*"))
        if code == 0:
            break
        assert code == 137
    assert seeds == sorted(seeds)
    assert {0, 1} == set(seeds)
