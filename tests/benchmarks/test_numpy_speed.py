"""How fast the MLP from scratch trains, against the same loop in torch on the same threads.

    python -m pytest -s tests/benchmarks/test_numpy_speed.py

Random images in the shape of CIFAR-10, the recipe of `mlp-numpy` with flips and shifts; torch's
is the zoo's own loop, in fp32. OPENBLAS_CORETYPE must not be set: which kernels numpy's BLAS
chose by itself is printed.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn

from zoo.frameworks.batches import Batches, plan_epoch
from zoo.frameworks.lesson import Lesson
from zoo.frameworks.numpy.blas import described, take_threads
from zoo.frameworks.numpy.mlp import RECIPE, build
from zoo.frameworks.numpy.network import initialize_network
from zoo.frameworks.numpy.training import Learner, train_step
from zoo.frameworks.pytorch.job import Job
from zoo.frameworks.pytorch.loop import Trainer
from zoo.machine import devices

COUNT = 8192
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
SIZES = build((32, 32, 3), 10)
LONG = replace(RECIPE, epochs=10_000)  # so that no turn comes to its end

Arm = Callable[[], float]  # runs for a while and returns images per second
Compare = Callable[[Arm, Arm, str], None]


def in_numpy(images: np.ndarray, labels: np.ndarray) -> Arm:
    lesson = Lesson(LONG, Batches(images, MEAN, STD), labels, np.arange(COUNT), None, 0)
    learner = Learner.of(initialize_network(SIZES, np.random.default_rng(0)))

    def epoch() -> float:
        started = time.perf_counter()
        plan = plan_epoch(lesson.indices, LONG, 0, 0)
        for position in range(lesson.steps_per_epoch):
            train_step(lesson, learner, plan, position)
        return lesson.steps_per_epoch * LONG.batch / (time.perf_counter() - started)

    return epoch


def in_torch(images: np.ndarray, labels: np.ndarray) -> Arm:
    parts: list[nn.Module] = [nn.Flatten()]
    for inputs, units in pairwise(SIZES):
        parts += [nn.Linear(inputs, units), nn.Sigmoid()]
    trainer = Trainer(
        Job(
            network=nn.Sequential(*parts[:-1]),
            recipe=LONG,
            images=torch.from_numpy(images),
            labels=torch.from_numpy(labels),
            indices=torch.arange(COUNT),
            mean=MEAN,
            std=STD,
            device=torch.device("cpu"),
            precision="fp32",
        )
    )

    def epoch() -> float:
        started = time.perf_counter()
        plan = trainer.plan(0)
        for position in range(trainer.steps_per_epoch):
            trainer.train_step(plan, position)
        return trainer.steps_per_epoch * LONG.batch / (time.perf_counter() - started)

    return epoch


def test_an_epoch_in_numpy_against_the_same_loop_in_torch(
    compare: Compare, benchmark: BenchmarkFixture
) -> None:
    assert "OPENBLAS_CORETYPE" not in os.environ
    devices.keep_freed_memory()
    take_threads(torch.get_num_threads())
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (COUNT, 32, 32, 3), dtype=np.uint8)
    labels = draw.integers(0, 10, COUNT)
    compare(in_numpy(images, labels), in_torch(images, labels), "0.67x")
    benchmark.extra_info["blas"] = described()
    print(f"{torch.get_num_threads()} threads each; {described()}")
