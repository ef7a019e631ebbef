"""The loop's promises: same seed same weights, resumable anywhere, parts equal the whole batch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from zoo.errors import ZooError
from zoo.frameworks.pytorch.hooks import kept
from zoo.frameworks.pytorch.job import Job, Past
from zoo.frameworks.pytorch.loop import Hook, Trainer
from zoo.runs.checkpoint import load_checkpoint, save_checkpoint
from zoo.specs.recipe import Recipe

MakeJob = Callable[..., Job]


class StopAt(Hook):
    """Leaves the loop after a step, as a killed process would."""

    class ReachedError(Exception):
        pass

    def __init__(self, step: int) -> None:
        self.step = step

    def stepped(self, trainer: Trainer) -> None:
        if trainer.step == self.step:
            raise self.ReachedError


def weights(network: nn.Module) -> torch.Tensor:
    return torch.cat([value.double().flatten() for value in network.state_dict().values()])


def trained(job: Job) -> Trainer:
    trainer = Trainer(job)
    trainer.fit()
    return trainer


def test_it_learns(make_job: MakeJob, small_recipe: Recipe) -> None:
    done = trained(make_job(recipe=replace(small_recipe, epochs=6)))
    assert done.rows[-1].train_accuracy > 0.9 > done.rows[0].train_accuracy


def test_the_same_seed_gives_the_same_weights_and_another_does_not(make_job: MakeJob) -> None:
    first, again, other = (weights(trained(make_job(seed=seed)).kept) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
@pytest.mark.parametrize("step", [1, 5, 8, 13, 19])
def test_a_run_stopped_anywhere_ends_in_the_very_same_weights(
    make_job: MakeJob, small_recipe: Recipe, tmp_path: Path, optimizer: str, step: int
) -> None:
    rates = {"lr": 0.01, "bias_lr": 0.02, "head_lr": 0.005}
    recipe = replace(small_recipe, optimizer=optimizer, **rates)  # type: ignore[arg-type]
    held = torch.arange(200, 256)
    whole = trained(make_job(recipe=recipe, validation=held))
    stopped = Trainer(make_job(recipe=recipe, validation=held), [StopAt(step)])
    with pytest.raises(StopAt.ReachedError):
        stopped.fit()
    save_checkpoint(tmp_path / "state.safetensors", *kept(stopped.state()))
    torch.manual_seed(99)  # the process that goes on has drawn other numbers before
    resumed = Trainer(make_job(recipe=recipe, validation=held))
    arrays, position = load_checkpoint(tmp_path / "state.safetensors")
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    resumed.restore((tensors, position))
    assert resumed.step == step
    resumed.fit()
    assert torch.equal(weights(resumed.kept), weights(whole.kept))
    assert torch.equal(weights(resumed.network), weights(whole.network))
    timeless = [replace(row, seconds=0, images_per_second=0) for row in whole.rows]
    assert [replace(row, seconds=0, images_per_second=0) for row in resumed.rows] == timeless


def test_a_fractional_schedule_ends_inside_an_epoch(make_job: MakeJob) -> None:
    done = trained(make_job())
    assert done.steps == done.step == 20  # 2.5 epochs of 8 steps
    assert [row.epoch for row in done.rows] == [1.0, 2.0, 2.5]
    assert done.rows[-1].lr == 0


def test_a_later_stage_counts_on_from_the_one_before(make_job: MakeJob) -> None:
    first = trained(make_job())
    later = trained(make_job(past=Past(tuple(first.rows), 5.0)))
    assert [row.epoch for row in later.history] == [1, 2, 2.5, 3.5, 4.5, 5]
    assert [row.step for row in later.history] == [8, 16, 20, 28, 36, 40]
    assert (later.step, len(later.rows)) == (20, 3)
    assert torch.equal(weights(later.kept), weights(first.kept))
    assert list(later.state()[1]["past"]["rows"]) == list(first.state()[1]["rows"])


def plain_net() -> nn.Module:
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 14 * 14, 4))


@pytest.mark.parametrize("parts", [2, 4, 32])
def test_sub_batches_equal_the_whole_batch_without_batch_statistics(
    make_job: MakeJob, parts: int
) -> None:
    whole = trained(make_job(plain_net()))
    split = trained(make_job(plain_net(), sub_batches=parts))
    torch.testing.assert_close(weights(split.kept), weights(whole.kept), atol=1e-5, rtol=1e-4)
    assert split.rows[-1].train_loss == pytest.approx(whole.rows[-1].train_loss, rel=1e-4)


def test_uneven_sub_batches_weigh_every_image_the_same(make_job: MakeJob) -> None:
    whole = trained(make_job(plain_net()))
    split = trained(make_job(plain_net(), sub_batches=5))
    torch.testing.assert_close(weights(split.kept), weights(whole.kept), atol=1e-5, rtol=1e-4)


def test_validation_looks_at_the_held_out_images_only(make_job: MakeJob) -> None:
    job = make_job(indices=torch.arange(128), validation=torch.arange(128, 256))
    poisoned = job.labels.clone()
    poisoned[128:] = (poisoned[128:] + 1) % 4  # held-out labels all wrong
    done = trained(replace(job, labels=poisoned, recipe=replace(job.recipe, epochs=16)))
    assert done.rows[-1].train_accuracy > 0.9
    assert done.rows[-1].validation_accuracy is not None
    assert done.rows[-1].validation_accuracy < 0.2


def test_without_validation_its_columns_are_empty(make_job: MakeJob) -> None:
    assert trained(make_job()).rows[0].validation_accuracy is None


def test_a_loss_that_is_not_a_number_names_the_step_and_the_fix(
    make_job: MakeJob, small_recipe: Recipe
) -> None:
    recipe = replace(small_recipe, lr=1e20)
    with pytest.raises(ZooError, match=r"no longer a number \(epoch 1, step \d+\).*--lr"):
        trained(make_job(plain_net(), recipe))


def test_the_last_weights_are_kept_where_the_recipe_averages_nothing(
    make_job: MakeJob, small_recipe: Recipe
) -> None:
    done = trained(make_job(recipe=replace(small_recipe, average=0.0)))
    assert done.kept is done.network


def test_bf16_trains_close_to_fp32(make_job: MakeJob) -> None:
    losses = [trained(make_job(precision=name)).rows[0].train_loss for name in ("fp32", "bf16")]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.1)


def test_compiled_training_gives_the_same_answer(make_job: MakeJob, small_recipe: Recipe) -> None:
    recipe = replace(small_recipe, epochs=0.5)
    plain, compiled = (
        trained(make_job(plain_net(), recipe, compile=compile)) for compile in (False, True)
    )
    torch.testing.assert_close(weights(compiled.kept), weights(plain.kept), atol=1e-4, rtol=1e-3)


@pytest.mark.cuda
def test_a_gpu_holds_the_data_and_learns(make_job: MakeJob, small_recipe: Recipe) -> None:
    job = make_job(recipe=replace(small_recipe, epochs=6), device=torch.device("cuda"))
    done = trained(job)
    assert done.images.is_cuda
    assert done.rows[-1].train_accuracy > 0.9


@pytest.mark.cuda
@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "muon"])
def test_no_step_waits_for_the_gpu_even_with_the_data_on_the_host(
    make_job: MakeJob,
    small_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    optimizer: str,
) -> None:
    monkeypatch.setattr("zoo.frameworks.pytorch.loop._on_device", lambda images, device: images)
    rates = {"bias_lr": 0.02, "head_lr": 0.005}
    recipe = replace(small_recipe, optimizer=optimizer, **rates)  # type: ignore[arg-type]
    trainer = Trainer(make_job(recipe=recipe, device=torch.device("cuda")))
    plan = trainer.plan(0)
    trainer.train_step(plan, 0)
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.train_step(plan, 1)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_step_with_muon_asks_nothing_back_of_the_gpu(
    make_job: MakeJob, small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a GPU that is only played: tensors without numbers, of which none can be read."""
    monkeypatch.setattr("zoo.frameworks.pytorch.loop._on_device", lambda images, device: images)
    recipe = replace(small_recipe, optimizer="muon", bias_lr=0.02, head_lr=0.005, average=0.0)
    cuda = torch.device("cuda", 0)
    with FakeTensorMode(), cuda:
        network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten())
        network.append(nn.Linear(4 * 12 * 12, 4))
        monkeypatch.setattr(network, "to", lambda device, memory_format: network)
        images, labels = torch.zeros(256, 16, 16, 3, dtype=torch.uint8), torch.arange(256)
        parts = {"images": images, "labels": labels, "indices": torch.arange(256, device="cpu")}
        trainer = Trainer(make_job(network, recipe, device=cuda, **parts))

        def backward(loss: torch.Tensor) -> None:  # needs a driver
            for weight in network.parameters():
                weight.grad = torch.zeros_like(weight)

        monkeypatch.setattr(torch.Tensor, "backward", backward)
        trainer.train_step(trainer.plan(0), 0)
        trainer.train_step(trainer.plan(0), 1)
        with pytest.raises(DataDependentOutputException):  # as a step that waits would
            trainer.check_loss()
    assert trainer.step == 2


@pytest.mark.cuda
def test_fp16_trains_in_sub_batches(make_job: MakeJob) -> None:
    job = make_job(precision="fp16", device=torch.device("cuda"), sub_batches=2)
    assert trained(job).rows[-1].train_loss < 2
