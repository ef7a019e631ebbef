"""Measure how fast, accurate and large models are, and how certain that is.

    import pathlib
    import bench
    settings = bench.Settings(bench.PRESETS["quick"], batches=(1, 8))
    rows = bench.run(["cnn"], settings, out=pathlib.Path("results.csv"))
    table = bench.read("results.csv")  # as a pandas DataFrame

Names are loaded on first use, so a measured process loads only what it needs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.pair.pairs import compare_pair
    from bench.pair.settings import PairSettings
    from bench.regression.compare_results import compare_results
    from bench.results.frame import read
    from bench.sweep.benchmark import run
    from bench.sweep.matrix import PRESETS, Settings

_HOMES = {
    "PRESETS": "bench.sweep.matrix",
    "PairSettings": "bench.pair.settings",
    "Settings": "bench.sweep.matrix",
    "compare_pair": "bench.pair.pairs",
    "compare_results": "bench.regression.compare_results",
    "read": "bench.results.frame",
    "run": "bench.sweep.benchmark",
}

__all__ = ["PRESETS", "PairSettings", "Settings", "compare_pair", "compare_results", "read", "run"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
