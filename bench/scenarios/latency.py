"""Latency: how long is one call, at the requested batch sizes, and in turns with the reference?"""

from bench.scenarios.scenario import Scenario


class Latency(Scenario):
    """One call at a time."""

    name = "latency"
    about = "one call at a time"
    usual = (1, 64)
    paired = True
