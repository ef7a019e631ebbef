"""What the harness adds to a call, beside a bare loop over `session.run`.

    tox -e bench -- -k harness

Both run the same session of a model that does next to nothing, at batch 1, taking turns in one
process; the aim is at most 5 microseconds a call.
"""

import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.measuring.worker import Worker
from bench.runtimes import Order

CALLS, ROUNDS = 2000, 41
AIM = 5.0  # microseconds a call


@pytest.fixture
def worker(tiny_onnx: Callable[..., Path], tmp_path: Path) -> Worker:
    """The process of an arm, in this one."""
    images = tmp_path / "images.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (8, 4, 5, 3), dtype=np.uint8))
    worker = Worker(io.StringIO())
    worker.load(Order(str(tiny_onnx())).to_json())
    worker.batch(str(images), 1)
    return worker


def test_harness_overhead(worker: Worker, benchmark: BenchmarkFixture) -> None:
    session = worker.adapter.session.ort  # type: ignore[attr-defined]
    images = [np.array(placed) for placed in worker.pool]

    def bare() -> float:
        """Microseconds a call of what anybody would write."""
        run = session.run
        began = time.perf_counter_ns()
        for call in range(CALLS):
            run(["logits"], {"image": images[call % 8]})
        return (time.perf_counter_ns() - began) / CALLS / 1e3

    def ours() -> tuple[float, float]:
        """As a row tells it by its samples, and by the wall time of whole blocks."""
        block = worker.block(0.0, CALLS)["block"]
        return statistics.fmean(block["ns"]) / 1e3, block["wall_ns"] / CALLS / 1e3

    bare(), ours()
    rounds: list[tuple[float, float, float]] = []
    benchmark.pedantic(lambda: rounds.append((bare(), *ours())), rounds=ROUNDS)
    floor = statistics.median(worker.floor(CALLS)["ns"]) / 1e3
    plain = statistics.median(one for one, _, _ in rounds)
    told, wall = (statistics.median(one[at] - one[0] for one in rounds) for at in (1, 2))
    benchmark.extra_info |= {
        "bare_us": plain,
        "samples_add_us": told,
        "blocks_add_us": wall,
        "floor_us": floor,
        "aim_us": AIM,
    }
    print(
        f"\n{benchmark.name}: a bare call takes {plain:.2f} us; the harness adds {told:+.2f} us to "
        f"a sample and {wall:+.2f} us to a call of a block (aim: {AIM:g} us); "
        f"floor of a null model {floor:.2f} us"
    )
