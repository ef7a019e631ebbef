from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.frameworks.pytorch.estimate import count_macs, measure_cost
from zoo.frameworks.pytorch.job import Job
from zoo.frameworks.pytorch.loop import Trainer
from zoo.specs.catalog import find_model
from zoo.specs.recipe import Recipe


def test_macs_of_the_mlp_are_its_matrix_sizes() -> None:
    network = find_model("mlp").build((28, 28, 1), 10)
    assert count_macs(network, (28, 28, 1)) == 784 * 500 + 500 * 50 + 50 * 10
    assert network.training


def test_measuring_leaves_the_training_as_if_it_had_not_been(make_job: Callable[..., Job]) -> None:
    measured, plain = Trainer(make_job()), Trainer(make_job())
    cost = measure_cost(measured)
    assert measured.step == 0
    for trainer in (measured, plain):
        trainer.fit()
    for name, value in plain.kept.state_dict().items():
        assert torch.equal(value, measured.kept.state_dict()[name]), name
    assert measured.rows[0].train_loss == plain.rows[0].train_loss
    assert cost.parameters == sum(p.numel() for p in plain.network.parameters())
    assert cost.seconds > 0


@pytest.mark.parametrize(("epochs", "steps"), [(1.0, 1 + 1 + 1), (10.0, 1 + 2 + 4)])
def test_a_short_training_is_measured_by_a_share_of_its_steps(
    make_job: Callable[..., Job],
    small_recipe: Recipe,
    monkeypatch: pytest.MonkeyPatch,
    epochs: float,
    steps: int,
) -> None:
    """One step is counted, up to two warm up, a twentieth is timed."""
    taken: list[int] = []
    step = Trainer.train_step
    monkeypatch.setattr(Trainer, "train_step", lambda *of: (taken.append(1), step(*of)))
    trainer = Trainer(make_job(recipe=replace(small_recipe, epochs=epochs)))
    assert trainer.steps == 8 * epochs
    measure_cost(trainer)
    assert len(taken) == steps


def test_training_flop_is_three_forward_passes_less_the_first_gradient(
    make_job: Callable[..., Job],
) -> None:
    job = make_job()
    cost = measure_cost(Trainer(job))
    images = 20 * 32
    # Forward, and backward to weights and inputs; the first layer needs no gradient of its input.
    first_layer = 8 * 3 * 9 * 16 * 16
    assert cost.flop == images * 2 * (3 * cost.macs - first_layer)


def test_a_depthwise_convolution_is_not_counted_as_a_dense_one(
    make_job: Callable[..., Job],
) -> None:
    layers = (nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(1568, 4))
    cost = measure_cost(Trainer(make_job(nn.Sequential(*layers))))
    assert cost.macs == 3 * 8 * 16 * 16 + 8 * 9 * 14 * 14 + 1568 * 4
    assert cost.flop == 20 * 32 * 2 * (3 * cost.macs - 3 * 8 * 16 * 16)


def test_the_line_tells_parameters_macs_and_time(make_job: Callable[..., Job]) -> None:
    line = measure_cost(Trainer(make_job())).line()
    assert "parameters" in line
    assert "multiply-adds" in line
    assert "here" in line
