"""How two arms are compared: they take turns in one process, and the ratio is what counts."""

import statistics
from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from zoo.machine import devices

ROUNDS = 7

Arm = Callable[[], float]  # runs for a while and returns images per second
Compare = Callable[[Arm, Arm, str], None]


@pytest.fixture
def compare(benchmark: BenchmarkFixture) -> Compare:
    """Let both arms take turns; report the median of the ratios ours / other, round by round.

    Nothing is asserted: machines differ and are shared; the ratio beside its floor is printed, and
    kept in pytest-benchmark's JSON as `extra_info`.
    """

    def run(ours: Arm, other: Arm, floor: str) -> None:
        ours(), other()
        rates = []

        def both() -> None:
            rates.append((ours(), other()))

        benchmark.pedantic(both, rounds=ROUNDS)
        ratios = sorted(one / two for one, two in rates)
        benchmark.extra_info |= {
            "ratio": statistics.median(ratios),
            "ratios": ratios,
            "ours_images_per_second": statistics.median(one for one, _ in rates),
            "other_images_per_second": statistics.median(two for _, two in rates),
            "floor": floor,
            "machine": devices.describe(torch.device("cpu")),
        }
        info = benchmark.extra_info
        print(
            f"\n{benchmark.name}: {info['ratio']:.2f}x ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
            f"{info['ours_images_per_second']:,.0f} against "
            f"{info['other_images_per_second']:,.0f} images/s; floor {floor}"
        )

    return run
