"""Where the time of a call goes, by layer: ONNX Runtime's own profiler on a few calls."""

import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from onnx import ModelProto

from zoo.graphs.anatomy import LayerTimes
from zoo.graphs.layers import anatomy_of
from zoo.graphs.timing import times_of, with_own_names
from zoo.ort.session import Array, Session, open_session

_WARM_UP = 3
_FEWEST, _MOST = 3, 50  # calls
_SECONDS = 1.0  # seconds that the calls take together, unless the minimum number takes longer
_KERNEL = "_kernel_time"


def time_layers(model: ModelProto, feeds: Mapping[str, Array], name: str) -> LayerTimes:
    """Profile a model on its inputs, on the CPU; only the names of its nodes are changed.

    Profiling takes time itself, so that only shares should be read from it.
    """
    named = with_own_names(model)
    with tempfile.TemporaryDirectory(prefix="layers-") as folder:
        optimised, prefix = Path(folder) / "optimised.onnx", Path(folder) / "profile"
        session = open_session(
            named.SerializeToString(), name=name, profile=prefix, optimised=optimised
        )
        calls = _run(session, feeds)
        written = Path(session.ort.end_profiling())
        took = _by_step(json.loads(written.read_text(encoding="utf-8")), calls)
        graph = ModelProto.FromString(optimised.read_bytes()).graph
    return times_of(named, anatomy_of(named), graph, took, calls=calls, threads=session.threads)


def _run(session: Session, feeds: Mapping[str, Array]) -> int:
    """Run the calls; returns how many were made after warm-up."""
    for _ in range(_WARM_UP):
        started = time.perf_counter()
        session.run(feeds)
    one = time.perf_counter() - started
    calls = min(_MOST, max(_FEWEST, int(_SECONDS / max(one, 1e-6))))
    for _ in range(calls):
        session.run(feeds)
    return calls


def _by_step(events: list[dict[str, Any]], calls: int) -> dict[str, float]:
    """The microseconds of each step in a call, by name: the median of the last calls."""
    durations: dict[tuple[str, object], list[float]] = defaultdict(list)
    for event in events:
        name = str(event.get("name", ""))
        if event.get("cat") == "Node" and name.endswith(_KERNEL):
            key = (name.removesuffix(_KERNEL), event["args"].get("node_index"))
            durations[key].append(float(event["dur"]))
    took: dict[str, float] = defaultdict(float)
    for (name, _), found in durations.items():
        took[name] += median(found[-calls:])
    return took
