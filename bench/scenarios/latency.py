"""How long is one call? At the batch sizes asked for, and against the reference in turns."""

from bench.scenarios.scenario import Scenario


class Latency(Scenario):
    """One call at a time."""

    name = "latency"
    about = "one call at a time"
    usual = (1, 64)
    paired = True
