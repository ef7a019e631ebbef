"""The settings of a comparison, and what cannot be measured here."""

from dataclasses import dataclass, replace
from pathlib import Path

from bench.measuring.turns import Plan
from bench.results.files import check_is_no_folder
from bench.results.rows import SEQUENTIAL, TURNS, USUAL
from bench.runtimes import find_runtime
from bench.runtimes.adapter import Boundary
from bench.runtimes.gpu_options import check_boundaries, check_gpu_options
from bench.runtimes.registry import check_knows, find_provider
from bench.subjects.arm import REFERENCE
from zoo.errors import UsageError, unknown_name
from zoo.machine.threads import thread_budget
from zoo.records import check_values

WAYS = (TURNS, SEQUENTIAL, USUAL)


@dataclass(frozen=True)
class PairSettings:
    """How two arms are compared."""

    runtimes: tuple[str, str] = (REFERENCE, REFERENCE)  # A's and B's
    provider: str = "cpu"
    threads: int = 1
    batch: int = 1
    margin: float = 0.02  # ratios this close to 1 count as the same
    seconds: float = 6.0  # of turns, over all instances
    instances: int = 10  # pairs of processes
    way: str = TURNS  # one of WAYS
    neighbour: float = 0.0  # share of the time that a competing process is kept busy
    timeout: float = Plan.timeout  # seconds that an arm may take for an answer
    warm_seconds: float = Plan.warm_seconds  # seconds of turns that are discarded, in each instance
    memory: int | None = None  # bytes that an arm may use; None: a share of free memory
    boundary: Boundary = "host"  # where images and logits of a timed call are
    tf32: bool = False  # whether fp32 may be computed in TF32
    cuda_graph: bool = False  # whether calls are recorded once and replayed
    measure_accuracy: bool | None = None  # None: where the test set of both is available

    def __post_init__(self) -> None:
        """Refuse a value of the wrong type here, where the traceback shows the caller's line."""
        check_values(self, but=("boundary",))


def find_way(name: str) -> str:
    """A way of measuring by its name."""
    if name not in WAYS:
        raise unknown_name("way", name, WAYS)
    return name


def check(settings: PairSettings, out: Path | None) -> PairSettings:
    """Refuse early what cannot be measured here; the provider is a short name."""
    if out:
        check_is_no_folder(out)
    if settings.instances < 2:
        raise UsageError("an interval needs at least 2 instances. Raise --instances.")
    for runtime in settings.runtimes:
        find_runtime(runtime)
    provider = find_provider(settings.provider, settings.runtimes)
    for runtime in settings.runtimes:
        check_knows(runtime, provider)
    check_boundaries((settings.boundary,))
    check_gpu_options(
        (provider,), (settings.boundary,), tf32=settings.tf32, cuda_graph=settings.cuda_graph
    )
    budget = thread_budget()
    if settings.threads > budget:
        raise UsageError(
            f"--threads {settings.threads}: this process may use {budget} cores. Name fewer."
        )
    return replace(settings, provider=provider)
