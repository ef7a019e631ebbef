"""A cell while it is being measured."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bench.measuring.environment import Environment
from bench.measuring.harness import harness
from bench.results.record import Record
from bench.results.rows import Outcome, Provenance
from bench.runtimes.registry import packages_of
from bench.subjects.arm import REFERENCE
from bench.sweep.columns import asked, model_of
from bench.sweep.matrix import Cell, Settings


def hash_of(cell: Cell, settings: Settings, environment: Environment) -> str:
    """The hash by which `--resume` recognises a cell."""
    known = environment.packages
    versions = {name: known.get(name) for name in packages_of(cell.arm.runtime, REFERENCE)}
    return cell.hash(settings, f"{environment.machine} {versions}")


@dataclass
class Measured:
    """What is known about a cell so far."""

    cell: Cell
    hash: str  # see `hash_of`
    record: Record
    is_finished: bool = False

    @classmethod
    def begun(cls, cell: Cell, settings: Settings, environment: Environment) -> "Measured":
        """A new cell, of which only the request is known."""
        record = Record(asked(cell), model=model_of(cell.arm))
        return cls(cell, hash_of(cell, settings, environment), record)

    def add(self, **groups: Any) -> None:
        """Add what one part has found."""
        self.record = replace(self.record, **groups)

    def finished(
        self, settings: Settings, environment: Environment, seconds: float = 0.0
    ) -> Record:
        """The record to store. seconds: the time that measuring took."""
        self.is_finished = True
        provenance = Provenance(
            preset=settings.preset.name,
            when=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 1),
            machine=environment.machine,
            harness=harness(self.cell.arm.runtime),
            break_even_runtime=settings.break_even,
            cell=self.hash,
        )
        self.add(provenance=provenance)
        return self.record

    def ended(
        self, settings: Settings, environment: Environment, status: str, reason: str
    ) -> Record:
        """The record of a cell that is not measured any more."""
        self.add(outcome=Outcome(status, reason))
        return self.finished(settings, environment)

    @property
    def title(self) -> str:
        """The cell in words, for progress messages."""
        asked = self.record.asked
        where = f"{asked.runtime} on {asked.provider}, batch {asked.batch}"
        return f"{asked.subject} {asked.precision}, {where}"
