"""The loop takes rows of numbers as it takes images."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from zoo.frameworks.pytorch.estimate import measure_cost
from zoo.frameworks.pytorch.job import Job
from zoo.frameworks.pytorch.loop import Trainer
from zoo.frameworks.pytorch.vectors import VectorMaker
from zoo.specs.recipe import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
RECIPE = Recipe(epochs=4, quick_epochs=1, batch=32, lr=0.02, optimizer="adamw", flip="random")


@pytest.fixture
def job() -> Job:
    """256 rows of 6 numbers on scales of their own; the largest of four, rescaled, is the class."""
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(256, 6, generator=draw)
    mean, std = torch.arange(6.0) * 10, torch.tensor([1.0, 10, 100, 1000, 0.1, 0.01])
    torch.manual_seed(1)
    return Job(
        network=nn.Linear(6, 4),
        recipe=RECIPE,
        images=rows * std + mean,
        labels=rows[:, :4].argmax(1),
        indices=torch.arange(200),
        mean=tuple(mean.tolist()),
        std=tuple(std.tolist()),
        device=CPU,
        validation=torch.arange(200, 256),
    )


def test_rows_are_learned_and_validated(job: Job) -> None:
    trainer = Trainer(replace(job, recipe=replace(RECIPE, epochs=40)))
    trainer.fit()
    assert (trainer.rows[-1].validation_accuracy or 0) > 0.9


def test_the_cost_is_that_of_the_small_network(job: Job) -> None:
    cost = measure_cost(Trainer(job))
    assert (cost.parameters, cost.macs) == (6 * 4 + 4, 6 * 4)


def test_an_interrupted_training_goes_on_where_it_was(job: Job) -> None:
    straight, first = Trainer(job), Trainer(replace(job, network=nn.Linear(6, 4)))
    first.network.load_state_dict(straight.network.state_dict())
    straight.fit()
    plan = first.plan(0)
    for position in range(3):
        first.train_step(plan, position)
    second = Trainer(replace(job, network=nn.Linear(6, 4)))
    second.restore(first.snapshot())
    second.fit()
    for one, other in zip(straight.network.parameters(), second.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_rows_are_standardised(job: Job) -> None:
    maker = VectorMaker(job.images, job.mean, job.std, CPU)
    rows = maker.plain(job.images)
    torch.testing.assert_close(rows.mean(0), torch.zeros(6), atol=0.2, rtol=0)
    torch.testing.assert_close(rows.std(0), torch.ones(6), atol=0.2, rtol=0)
