"""How fast, how accurate, how big, and how sure we are of it.

    import bench
    rows = bench.run(["cnn"], bench.Settings(bench.PRESETS["quick"], batches=(1, 8)))

Names are loaded when they are first used, so that a measured process carries nothing it needs not.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.benchmark import run
    from bench.compare import compare_results
    from bench.matrix import PRESETS, Settings
    from bench.pairs import PairSettings, compare_pair

_HOMES = {
    "PRESETS": "bench.matrix",
    "PairSettings": "bench.pairs",
    "Settings": "bench.matrix",
    "compare_pair": "bench.pairs",
    "compare_results": "bench.compare",
    "run": "bench.benchmark",
}

__all__ = ["PRESETS", "PairSettings", "Settings", "compare_pair", "compare_results", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
