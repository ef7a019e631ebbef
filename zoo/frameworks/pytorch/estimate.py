"""Estimate the cost of training: parameters, multiply-adds, and minutes from a few real steps."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import conv_flop_count

from zoo.frameworks.pytorch.counting import FlopCount
from zoo.frameworks.pytorch.loop import Trainer
from zoo.runs.cost import Cost
from zoo.runs.pace import PACE, Pace


def count_macs(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Multiply-adds of convolutions and matrix products for an image [height, width, channels]."""
    height, width, channels = image_shape
    weight = next(network.parameters())
    image = torch.zeros(1, channels, height, width, device=weight.device, dtype=weight.dtype)
    return _macs(network, image)


def _macs(network: nn.Module, image: Tensor) -> int:
    training = network.training
    network.eval()
    counted = FlopCount()
    with counted, torch.no_grad():
        network(image)
    network.train(training)
    return counted.total // 2


def measure_cost(trainer: Trainer, pace: Pace = PACE) -> Cost:
    """Train a few steps to see what one takes, then put everything back as it was."""
    before, left = trainer.snapshot(), trainer.steps - trainer.step
    plan = trainer.plan(0)
    counted = FlopCount({torch.ops.aten.convolution_backward: _backward_of_convolution})
    with counted:
        trainer.train_step(plan, 0)
    flop = counted.total * trainer.steps
    seconds = _seconds_a_step(trainer, left, pace)
    trainer.restore(before)
    return Cost(
        parameters=sum(p.numel() for p in trainer.network.parameters() if p.requires_grad),
        macs=_macs(trainer.network, trainer.maker.plain(trainer.images[:1])),
        flop=float(flop),
        seconds=seconds * left,
    )


def _backward_of_convolution(
    out_gradient: list[int], x: list[int], weight: list[int], *arguments: Any, **named: Any
) -> int:
    """The cost of the requested gradients: each takes as much as the forward pass.

    torch's own count treats every convolution as dense, which overestimates depthwise ones many
    times.
    """
    transposed, wanted = arguments[4], arguments[7]  # bias, stride, padding and dilation before it
    return conv_flop_count(x, weight, out_gradient, transposed) * int(sum(wanted[:2]))


def _seconds_a_step(trainer: Trainer, left: int, pace: Pace) -> float:
    plan = trainer.plan(0)

    def step(number: int) -> None:
        trainer.train_step(plan, number % trainer.steps_per_epoch)
        trainer.check_loss()  # waits for a GPU

    return pace.seconds_a_step(left, step)
