"""`--profile`: how long each kind of operator takes, from ONNX Runtime's own profiler."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from bench.measuring.arm_process import ArmProcess
from bench.results.operators import OperatorTime, keep_operators
from bench.results.rows import OK, Row
from bench.runtimes.profile import read_profile
from bench.subjects.arm import REFERENCE, Arm
from bench.sweep.matrix import Settings
from zoo.errors import ZooError
from zoo.progress import Progress

_CALLS = 30


def write_operators(
    out: Path,
    arms: Sequence[Arm],
    settings: Settings,
    rows: Sequence[Row],
    progress: Progress,
) -> None:
    """Profile every measured cell of ONNX Runtime, and keep the table beside the results.

    Profiling slows a session down, so it is done in separate processes, after timing.
    """
    found: list[OperatorTime] = []
    wanted = [(arm, row) for arm in arms for row in rows if row.status == OK and _is_of(row, arm)]
    with progress.task("profiling", len(wanted)) as advance:
        for arm, row in wanted:
            try:
                found += profile(arm, settings, row.batch, row.cell)
            except ZooError as error:
                progress.say(f"{row.arm}, batch {row.batch} cannot be profiled: {error}")
            advance()
    keep_operators(out, found)


def _is_of(row: Row, arm: Arm) -> bool:
    """Whether the row was measured by that arm of ONNX Runtime."""
    key = (arm.subject.name, arm.subject.precision, REFERENCE, arm.provider)
    same = row.key[:6] == (*key, arm.boundary, arm.threads)
    return same and bool(row.cuda_graph) == arm.cuda_graph and arm.runtime == REFERENCE


def profile(arm: Arm, settings: Settings, batch: int, cell: str) -> list[OperatorTime]:
    """The operators of one cell, the slowest first."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        prefix = Path(folder) / "profile"
        order = replace(settings.order(arm), profile=str(prefix))
        with ArmProcess(order, settings.timeout) as process:
            shape = process.facts["image_shape"]
            images = np.random.default_rng(0).integers(0, 256, (batch, *shape), dtype=np.uint8)
            path = Path(folder) / "images.npy"
            np.save(path, images)
            process.ask("batch", images=str(path), size=batch)
            process.ask("calls", count=_CALLS)
        found = read_profile(Path(folder), _CALLS)
    whole = sum(one.total_us for one in found) or 1.0
    return [
        OperatorTime(
            cell, one.name, one.nodes, round(one.total_us, 2), round(one.total_us / whole, 4)
        )
        for one in found
    ]
