"""How fast training is beside a busy process, with threads that wait as `spin_briefly` has them.

    tox -e bench -- -k waiting

Two processes train `cnn` on digits in turns, one of them as torch is by itself; who has no turn
sleeps. Quiet, and beside a process that never rests.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import torch

from zoo.machine import devices

ROOT = Path(__file__).parent.parent.parent
TURN_SECONDS = 1.5
NATIVE_BF16 = devices.native_bf16(torch.device("cpu"))

Arm = Callable[[], float]  # runs for a while and returns images per second
Compare = Callable[[Arm, Arm, str], None]

TRAINING = """
import sys, time
from zoo.machine.threads import spin_briefly
if sys.argv[1] == "briefly":
    spin_briefly()
from zoo.progress import Progress
from zoo.machine import devices as hardware
from zoo.actions.cards import new_card
from zoo.frameworks.pytorch.loop import Trainer
from zoo.runs.options import TrainOptions
from zoo.frameworks.pytorch.stage import stage_on_images
hardware.settle()
options = TrainOptions(data="digits", precision=sys.argv[2])
data = options.load_data(None, Progress())
trainer = Trainer(stage_on_images(new_card("cnn", options, data, None, Progress()), data).job)
plan = trainer.plan(0)
for turn in sys.stdin:
    steps, started = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - started) < float(turn):
        trainer.train_step(plan, steps % trainer.steps_per_epoch)
        steps += 1
    print(steps * trainer.job.recipe.batch / elapsed, flush=True)
"""


@contextmanager
def training(waiting: str, precision: str) -> Iterator[Arm]:
    """A process that trains for a turn whenever it is called."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRAINING, waiting, precision],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdin
    assert process.stdout
    commands, answers = process.stdin, process.stdout

    def turn() -> float:
        print(TURN_SECONDS, file=commands, flush=True)
        return float(answers.readline())

    with process:
        try:
            yield turn
        finally:
            process.kill()


@contextmanager
def busy_process() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        try:
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("beside", ["quiet", "busy"])
@pytest.mark.parametrize(
    "precision",
    [
        "fp32",
        pytest.param("bf16", marks=pytest.mark.skipif(not NATIVE_BF16, reason="no native bf16")),
    ],
)
def test_training_with_threads_that_wait_briefly_against_those_that_spin(
    compare: Compare, beside: str, precision: str
) -> None:
    with ExitStack() as stack:
        ours, other = (
            stack.enter_context(training(waiting, precision)) for waiting in ("briefly", "as torch")
        )
        if beside == "busy":
            stack.enter_context(busy_process())
        compare(ours, other, "none, reported")
