"""The cells of a sweep: every file with every runtime, provider, boundary, threads and batch."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

from bench.measuring.harness import harness
from bench.measuring.stopping import Length
from bench.measuring.turns import Plan
from bench.results.context import BREAK_EVEN
from bench.results.rows import SCHEMA
from bench.runtimes import Order, find_runtime
from bench.runtimes.adapter import Boundary
from bench.runtimes.gpu_options import check_boundaries
from bench.scenarios.registry import USUAL, scenario_of
from bench.scenarios.scenario import Scenario
from bench.subjects.arm import REFERENCE, Arm
from bench.subjects.subject import THIRD_PARTY, Subject
from zoo.errors import UsageError, unknown_name
from zoo.records import check_values


@dataclass(frozen=True)
class Preset:
    """How long each cell is measured."""

    name: str
    length: Length
    starts: int  # of processes, for the cold costs
    pair: Plan
    accuracy: bool  # whether the test set is run
    pair_on_gpu: Plan | None = None  # where that is another one

    def pair_of(self, arm: Arm) -> Plan:
        """How this arm and its reference take turns."""
        return self.pair if arm.provider == "cpu" else self.pair_on_gpu or self.pair


PRESETS = {
    preset.name: preset
    for preset in (
        Preset(
            "quick",
            Length(0.3, 0.8, 0.02),
            1,
            Plan(4, 1.2),
            accuracy=False,
            pair_on_gpu=Plan(3, 0.9),
        ),
        Preset("standard", Length(1.0, 4.0, 0.01), 3, Plan(5, 5.0), accuracy=True),
        Preset("thorough", Length(5.0, 20.0, 0.005), 5, Plan(9, 18.0), accuracy=True),
    )
}


def find_preset(name: str) -> Preset:
    """The preset of that name."""
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]


@dataclass(frozen=True)
class Settings:
    """What a sweep measures, apart from its models."""

    preset: Preset = PRESETS["standard"]
    runtimes: tuple[str, ...] = (REFERENCE,)
    providers: tuple[str, ...] = ("cpu",)
    batches: tuple[int, ...] = (1, 64)  # empty: doubled as long as throughput grows
    scenario: str | None = None  # None: latency, or throughput without batch sizes
    threads: tuple[int, ...] = ()  # empty: as many as this process may use
    boundaries: tuple[Boundary, ...] = ()  # empty: host; on a GPU both
    margin: float = 0.02  # ratios this close to 1 count as the same
    timeout: float = 600.0  # seconds that an arm may take for an answer
    memory: int | None = None  # bytes that an arm may use; None: a share of free memory
    tf32: bool = False
    cuda_graph: bool = False
    allow_fallback: bool = False  # nodes may run on another provider
    measure_accuracy: bool | None = None  # None: as the preset says
    break_even: str = BREAK_EVEN  # the runtime that `break_even_calls` is about
    reference: str | None = None  # the model or file that all are compared with; None: each its own

    def __post_init__(self) -> None:
        """Refuse a value of the wrong type here, where the traceback shows the caller's line."""
        if not isinstance(self.preset, Preset):
            presets = ", ".join(f"bench.PRESETS[{name!r}]" for name in PRESETS)
            raise UsageError(f"preset={self.preset!r} is not valid; it must be one of {presets}.")
        check_values(self, but=("preset", "boundaries"))

    @property
    def accuracy(self) -> bool:
        """Whether accuracy is measured; otherwise it comes from the card."""
        chosen = self.measure_accuracy
        return self.preset.accuracy if chosen is None else chosen

    @property
    def why_no_accuracy(self) -> str:
        """Why accuracy is not measured, if so."""
        if self.measure_accuracy is None:
            return f"preset {self.preset.name} does not measure accuracy; add --accuracy"
        return "not measured (--no-accuracy)"

    def scenario_at(self, batches: Sequence[int]) -> Scenario:
        """The scenario for these batch sizes; none if it is to find them."""
        return scenario_of(self.scenario, batches)

    def order(self, arm: Arm) -> Order:
        """What the arm's process must load."""
        return arm.order(allow_fallback=self.allow_fallback, memory=self.memory)


@dataclass(frozen=True)
class Cell:
    """An arm at one batch size in one scenario."""

    arm: Arm
    batch: int
    scenario: str = USUAL

    @property
    def rival(self) -> Arm | None:
        """The arm that it takes turns with."""
        return self.arm.rival(self.batch)

    def hash(self, settings: Settings, where: str) -> str:
        """A hash of everything that determines what is measured, for `--resume`.

        where: the machine, and the versions of the runtimes of the arm and the reference.
        """
        arm = self.arm
        determined = [
            *(SCHEMA, arm.subject.name, arm.subject.precision, arm.subject.sha256),
            *(asdict(arm.subject.given), arm.subject.data, arm.subject.class_names),
            *(arm.runtime, arm.provider, arm.boundary, arm.threads),
            *(self.batch, self.scenario, where, harness(arm.runtime)),
            _time_given(settings.preset, arm),
            *(settings.margin, settings.tf32, arm.cuda_graph, settings.accuracy),
            *((arm.against.name, arm.against.sha256) if arm.against else ()),
        ]
        # A letter first, or a table may take it for a number.
        return "c" + hashlib.sha256(json.dumps(determined).encode()).hexdigest()[:15]


def _time_given(preset: Preset, arm: Arm) -> dict[str, Any]:
    """Ignore the timeout, which does not change any figure."""
    told = asdict(replace(preset, pair=preset.pair_of(arm)))
    del told["pair"]["timeout"], told["pair_on_gpu"]
    return told


def cells_of(arm: Arm, settings: Settings, batches: Sequence[int]) -> list[Cell]:
    """The cells of an arm that are known before measuring."""
    scenario = settings.scenario_at(batches)
    return [Cell(arm, batch, scenario.name) for batch in scenario.first(batches)]


def arms_of(
    subjects: Sequence[Subject], settings: Settings, against: Subject | None = None
) -> Iterator[Arm]:
    """Every arm; the reference of a subject comes before its other arms.

    against: the reference of all arms, if they do not have their own.
    """
    order = {"fp32": 0, THIRD_PARTY: 0}
    for subject in sorted(subjects, key=lambda one: (one.name, order.get(one.precision, 1))):
        arms = [
            Arm(
                *(subject, runtime, provider, boundary, threads),
                settings.cuda_graph and provider == "cuda" and boundary == "device",
                against,
                settings.tf32 and provider == "cuda",
            )
            for runtime, provider, threads in product(
                settings.runtimes, settings.providers, settings.threads
            )
            for boundary in settings.boundaries or _boundaries(provider)
        ]
        yield from sorted(arms, key=lambda arm: not arm.is_reference)


def _boundaries(provider: str) -> tuple[Boundary, ...]:
    return ("host",) if provider == "cpu" else ("host", "device")


def check(settings: Settings) -> None:
    """Refuse what cannot be measured."""
    for runtime in settings.runtimes:
        find_runtime(runtime)
    if settings.break_even not in (BREAK_EVEN, *settings.runtimes):
        raise UsageError(
            f"--break-even {settings.break_even} is not measured. Add it to --runtime."
        )
    check_boundaries(settings.boundaries)
    scenario = settings.scenario_at(settings.batches)
    if not scenario.first(settings.batches):
        raise UsageError(
            f"--scenario {scenario.name} finds no batch sizes: name them with --batch."
        )
    if min((*settings.batches, *settings.threads), default=1) < 1:
        raise UsageError("--batch and --threads must be whole numbers of 1 or more.")
    if not 0 < settings.margin < 1:
        raise UsageError(f"--margin {settings.margin:.0%} is not above 0%. Write 2%, for example.")
