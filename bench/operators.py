"""`--profile`: how long each kind of operator takes, as ONNX Runtime's own profiler tells it."""

import csv
import io
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.arm import Arm as Process
from bench.matrix import REFERENCE, Arm, Settings
from bench.results import OK, Row, beside
from zoo.errors import ZooError
from zoo.files import write_text
from zoo.progress import Progress

_CALLS = 30
_KERNEL = "_kernel_time"


@dataclass(frozen=True)
class OperatorTime:
    """One kind of operator in one call of a cell, on average. share: of all operators' time."""

    cell: str
    operator: str
    calls: int
    total_us: float
    share: float


def write_operators(
    out: Path,
    arms: Sequence[Arm],
    settings: Settings,
    rows: Sequence[Row],
    progress: Progress,
) -> None:
    """Profile every measured cell of ONNX Runtime, and keep the table beside the results.

    Profiling slows a session down, so it is done in processes of its own, after the timing.
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
    write_text(beside(out, "operators.csv"), _csv(found))


def _is_of(row: Row, arm: Arm) -> bool:
    """Whether the row was measured by that arm, which is one of ONNX Runtime."""
    key = (arm.subject.name, arm.subject.precision, REFERENCE, arm.provider)
    return row.key[:6] == (*key, arm.boundary, arm.threads) and arm.runtime == REFERENCE


def profile(arm: Arm, settings: Settings, batch: int, cell: str) -> list[OperatorTime]:
    """The operators of one cell, the slowest first."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        prefix = Path(folder) / "profile"
        order = replace(arm.order(settings), profile=str(prefix))
        with Process(order, settings.timeout) as process:
            shape = process.facts["image_shape"]
            pictures = np.random.default_rng(0).integers(0, 256, (batch, *shape), dtype=np.uint8)
            path = Path(folder) / "pictures.npy"
            np.save(path, pictures)
            process.ask("batch", pictures=str(path), size=batch)
            process.ask("calls", count=_CALLS)
        (written,) = Path(folder).glob("profile*.json")
        return list(_summed(json.loads(written.read_text()), cell))


def _summed(events: list[dict[str, object]], cell: str) -> Iterator[OperatorTime]:
    """By operator, over the last calls: the first ones paid for the start."""
    times: dict[str, dict[object, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            told: Any = event["args"]
            # By index: nodes that ONNX Runtime itself put in may share a name.
            times[str(told["op_name"])][told["node_index"]].append(float(event["dur"]))  # type: ignore[arg-type]
    totals = {
        operator: sum(float(np.mean(durations[-_CALLS:])) for durations in nodes.values())
        for operator, nodes in times.items()
    }
    whole = sum(totals.values()) or 1.0
    for operator, total in sorted(totals.items(), key=lambda item: -item[1]):
        yield OperatorTime(
            cell, operator, len(times[operator]), round(total, 2), round(total / whole, 4)
        )


def _csv(found: Sequence[OperatorTime]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(OperatorTime.__dataclass_fields__)
    writer.writerows(vars(one).values() for one in found)
    return text.getvalue()
