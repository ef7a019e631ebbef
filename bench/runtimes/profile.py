"""What ONNX Runtime's profiler writes, summed up by kind of operator."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_KERNEL = "_kernel_time"


@dataclass(frozen=True)
class Operator:
    """One kind of operator."""

    name: str
    nodes: int  # of this kind
    total_us: float  # of all nodes of the kind in one call, on average


def read_profile(folder: Path, calls: int) -> list[Operator]:
    """Read the only profile in the folder: operators over its last calls, the slowest first."""
    (written,) = folder.glob("profile*.json")
    return list(operators(json.loads(written.read_text()), calls))


def operators(events: Iterable[dict[str, Any]], calls: int) -> Iterator[Operator]:
    """Times by operator, over the last calls: the first ones include start-up."""
    times: dict[str, dict[object, list[float]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            told = event["args"]
            # By index: nodes inserted by ONNX Runtime may share a name.
            times[str(told["op_name"])][told["node_index"]].append(float(event["dur"]))
    totals = {
        operator: sum(float(np.mean(durations[-calls:])) for durations in nodes.values())
        for operator, nodes in times.items()
    }
    for operator, total in sorted(totals.items(), key=lambda item: -item[1]):
        yield Operator(operator, len(times[operator]), total)
