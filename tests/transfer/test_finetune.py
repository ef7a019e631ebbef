"""`train transfer --finetune`: the head on latents, then the whole network on images."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from zoo.actions.export import export
from zoo.actions.train import train as train_at
from zoo.actions.trained import load_trained
from zoo.data import load
from zoo.errors import UsageError
from zoo.frameworks.pytorch.evaluate import accuracy_of
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.progress import Progress
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.history import read_history
from zoo.runs.options import TrainOptions
from zoo.runs.pace import Pace
from zoo.runs.run import Run
from zoo.runs.training import InterruptedRunError
from zoo.transfer.frozen_backbone import open_backbone

pytestmark = pytest.mark.usefixtures("one_thread")

FROZEN = TrainOptions(
    data="digits",
    backbone="mobilenet_v3_small",
    backbone_size=32,
    backbone_init="random",
    latents_runtime="torch",  # neither of two is measured: see test_transfer.py
    precision="fp32",
    head="linear",
)
FINETUNED = replace(FROZEN, finetune=True, epochs=2, lr=1e-3)
HEAD_STEPS, STEPS = 20 * 22, 2 * 22
BRIEF = Pace(warm_steps=0, timed_steps=1)
train = partial(train_at, pace=BRIEF)


class Stop(Hook):
    """Interrupts a stage after a step of it."""

    def __init__(self, finetuning: bool, step: int) -> None:
        self.finetuning = finetuning
        self.step = step

    def stepped(self, trainer: Trainer) -> None:
        if bool(trainer.job.past.rows) == self.finetuning and trainer.step == self.step:
            raise InterruptedRunError("stopped")


@pytest.fixture(scope="module")
def frozen_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The head alone; not to be changed."""
    return train("transfer", FROZEN, run=tmp_path_factory.mktemp("frozen") / "run")


@pytest.fixture(scope="module")
def finetuned(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The same, and then the whole network; not to be changed."""
    return train("transfer", FINETUNED, run=tmp_path_factory.mktemp("finetuned") / "run")


def accuracy(run: Run) -> float:
    card, data = run.card(), load("digits")
    logits = load_trained(run, card).logits(data.test.images)
    return accuracy_of(torch.from_numpy(logits), data.test.labels)


def test_it_beats_the_frozen_backbone(frozen_run: Run, finetuned: Run) -> None:
    before, after = accuracy(frozen_run), accuracy(finetuned)
    assert after > before + 0.1
    assert after > 0.7


def test_all_weights_have_moved_a_little_and_no_statistics(finetuned: Run) -> None:
    frozen = open_backbone(FROZEN, load("digits"), Path("exports"), Progress())
    kept = load_file(finetuned.weights)
    for name, tensor in frozen.trunk.network.state_dict().items():
        statistic = name.endswith(("running_mean", "running_var", "num_batches_tracked"))
        assert torch.equal(kept[f"backbone.{name}"], tensor) == statistic, name
        torch.testing.assert_close(kept[f"backbone.{name}"], tensor, atol=0.1, rtol=0)


def test_the_card_says_so_and_what_both_stages_cost(frozen_run: Run, finetuned: Run) -> None:
    before, card = frozen_run.card(), finetuned.card()
    assert card.id == "transfer-digits-mobilenet_v3_small-random-finetuned"
    assert card.finished
    assert before.design is not None
    assert card.design is not None
    assert card.design.finetuning is not None
    assert before.design.finetuning is None
    assert card.design.backbone == before.design.backbone  # what it started from
    assert card.recipe == before.recipe  # of the head, whatever --epochs and --lr say
    assert (card.options.epochs, card.options.lr, card.options.batch) == (2, 1e-3, 64)
    assert (card.design.finetuning.epochs, card.design.finetuning.lr) == (2, 1e-3)
    assert (card.recipe.epochs, card.epochs) == (20, 22)
    assert (card.finetuned_in, before.finetuned_in) == ("fp32", "")
    assert (card.macs, card.parameters) == (before.macs, before.parameters)
    forward = 2 * card.macs * STEPS * 64
    # A backward pass is two forward ones, but for the first layer, which passes nothing on.
    assert 2.5 * forward < card.train_flop - before.train_flop <= 3 * forward


def test_one_history_counts_on(frozen_run: Run, finetuned: Run) -> None:
    before, rows = read_history(frozen_run.history), read_history(finetuned.history)
    assert [row.epoch for row in rows] == list(range(1, 23))
    assert [row.train_loss for row in rows[:20]] == [row.train_loss for row in before]
    assert [rows[at].step for at in (19, 21)] == [HEAD_STEPS, HEAD_STEPS + STEPS]
    assert finetuned.card().seconds == pytest.approx(sum(row.seconds for row in rows))
    assert finetuned.curves.exists()


@pytest.mark.parametrize(("finetuning", "step"), [(False, 30), (True, 1), (True, 30)])
def test_one_that_was_stopped_in_either_stage_ends_in_the_same_weights(
    finetuned: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    finetuning: bool,
    step: int,
) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(InterruptedRunError, match=rf"after step {step}/\d+; .*--resume --run"):
        train("transfer", FINETUNED, run=run.folder, hooks=(Stop(finetuning, step),))
    assert bool(load_checkpoint(run.state)[1]["past"]["rows"]) == finetuning
    if finetuning:  # the checkpoint has it all

        def refuse(*arguments: object) -> None:
            raise AssertionError("the backbone was looked for")

        monkeypatch.setattr("zoo.transfer.way.open_backbone", refuse)
    train("transfer", run=run.folder, resume=True)
    straight = load_file(finetuned.weights)
    for name, tensor in load_file(run.weights).items():
        assert torch.equal(tensor, straight[name]), name
    rows, wanted = read_history(run.history), read_history(finetuned.history)
    assert [(row.step, row.train_loss) for row in rows] == [
        (row.step, row.train_loss) for row in wanted
    ]
    assert run.card().train_flop == finetuned.card().train_flop
    assert not run.state.exists()


def test_killed_between_a_stage_and_its_first_checkpoint_the_cost_is_not_counted_twice(
    finetuned: Run, tmp_path: Path
) -> None:
    """The card speaks of both stages already, the checkpoint is the head's."""

    class Killed(Exception):  # noqa: N818
        pass

    class Kill(Stop):
        def stepped(self, trainer: Trainer) -> None:
            try:
                super().stepped(trainer)
            except InterruptedRunError:
                raise Killed from None

    never = replace(BRIEF, checkpoint_seconds=1e9)
    run = Run(tmp_path / "run")
    with pytest.raises(InterruptedRunError):
        train("transfer", FINETUNED, run=run.folder, hooks=(Stop(False, 430),), pace=never)
    with pytest.raises(Killed):
        train("transfer", run=run.folder, resume=True, hooks=(Kill(True, 1),), pace=never)
    assert load_checkpoint(run.state)[1]["step"] == 430
    train("transfer", run=run.folder, resume=True)
    assert run.card().train_flop == finetuned.card().train_flop


def test_resume_of_a_finished_one_and_of_one_that_was_not_to_be_finetuned(
    frozen_run: Run, finetuned: Run
) -> None:
    before = finetuned.weights.stat().st_mtime_ns
    train("transfer", FINETUNED, run=finetuned.folder, resume=True)
    assert finetuned.weights.stat().st_mtime_ns == before
    with pytest.raises(UsageError, match="started with finetune None"):
        train("transfer", replace(FROZEN, finetune=True), run=frozen_run.folder, resume=True)


def test_both_ways_round_in_parts_and_with_validation(tmp_path: Path) -> None:
    options = replace(
        FINETUNED, flip_average=True, validate=100, quick=True, epochs=0.2, batch=32, sub_batches=2
    )
    run = train("transfer", options, run=tmp_path / "run")
    rows = read_history(run.history)
    assert [row.epoch for row in rows] == [1, 2, 3, pytest.approx(3.2, abs=0.03)]
    assert all(row.validation_accuracy is not None for row in rows)
    design = run.card().design
    assert design is not None
    assert design.flip_average


def test_it_is_exported_as_a_network_of_its_own(finetuned: Run, tmp_path: Path) -> None:
    artifact = export("transfer", run=finetuned.folder, precisions=["fp32"], exports=tmp_path)
    assert artifact.id == "transfer-digits-mobilenet_v3_small-random-finetuned"
    text = (artifact.folder / "README.md").read_text()
    assert "Then the whole network was trained on images." in text
    assert "frozen" not in text
    assert artifact.card.trained["epochs"] == 22


def test_it_is_for_transfer_alone() -> None:
    with pytest.raises(UsageError, match="--finetune is for transfer, not for mlp"):
        train("mlp", TrainOptions(finetune=True))


def test_what_the_second_stage_refuses_is_refused_before_the_first(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--batch must be 2 or more"):
        train("transfer", replace(FINETUNED, batch=1), run=tmp_path / "run")
    assert not (tmp_path / "run").exists()
