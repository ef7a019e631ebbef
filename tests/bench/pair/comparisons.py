"""What the tests of comparisons here and now, and of series of them, have in common."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.measuring.environment import environment
from bench.measuring.harness import harness
from bench.pair.series import PairRow, csv_text
from bench.pair.settings import PairSettings
from zoo.files import sha256

SETTINGS = PairSettings(
    runtimes=("faulty_sweep:Right", "faulty_sweep:Right"),
    seconds=0.05,
    instances=2,
    warm_seconds=0.01,
)
ROW = PairRow(
    a="cnn fp32",
    b="cnn fp32",
    sha256_a="a" * 64,
    sha256_b="a" * 64,
    runtime_a="onnxruntime",
    runtime_b="onnxruntime",
    provider="cpu",
    threads=1,
    batch=1,
    way="turns",
    seconds=8.0,
    instances=5,
    neighbour=0.0,
    margin=0.02,
    repeat=1,
    ratio=1.001,
    low=0.998,
    high=1.004,
    verdict="same",
    turns=5000,
    p50_a_us=400.0,
    p50_b_us=400.4,
    wrong_answers=0,
    same_answers=True,
    wall_seconds=11.0,
    when="2026-11-21T12:00:00+00:00",
    machine=environment().machine,
    runtime_version_a="faulty 1.0",
    runtime_version_b="faulty 1.0",
    harness="h1",
)
ComparePair = Callable[..., list[PairRow]]


def kept(path: Path, file: Path) -> PairRow:
    """The row of a comparison of a file with itself, by `SETTINGS`, as it stands in `path`."""
    facts: dict[str, Any] = {
        **dict.fromkeys("ab", f"{file} file"),
        **dict.fromkeys(("sha256_a", "sha256_b"), sha256(file)),
        **dict.fromkeys(("runtime_a", "runtime_b"), SETTINGS.runtimes[0]),
        "seconds": SETTINGS.seconds,
        "instances": SETTINGS.instances,
        "harness": harness(*SETTINGS.runtimes),
    }
    row = replace(ROW, **facts)
    path.write_text(csv_text([row]))
    return row
