"""The pair of arms of `compare A B`, and what all comparisons of a series share."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.pair.settings import PairSettings
from bench.results.rows import Asked, Compared, Pairing
from bench.runtimes import Order
from bench.subjects.arm import Arm
from bench.subjects.subject import (
    Subject,
    find_subjects,
    is_file,
    of_file,
    refuse_unused,
    which_lack,
)
from bench.sweep.columns import asked, model_of
from bench.sweep.matrix import Cell
from zoo.errors import UnavailableError, UsageError
from zoo.inspection.inspector import Inspector
from zoo.ort.faults import Here
from zoo.ort.given import Given


@dataclass(frozen=True)
class Pair:
    """Two arms, of which B is measured against A."""

    a: Arm
    b: Arm
    settings: PairSettings

    @property
    def arms(self) -> tuple[Arm, Arm]:
        """Both, A first."""
        return self.a, self.b

    @property
    def orders(self) -> tuple[Order, Order]:
        """What their processes load."""
        settings = self.settings
        a, b = (arm.order(memory=settings.memory) for arm in self.arms)
        return a, b

    @property
    def asked(self) -> Asked:
        """B's cell."""
        return asked(Cell(self.b, self.settings.batch))

    @property
    def pairing(self) -> Pairing:
        """The columns about A that are known before it is opened."""
        arm, model = self.a, model_of(self.a)
        return Pairing(
            reference=f"{arm.runtime} {arm.provider} {arm.subject.precision}",
            reference_subject=arm.subject.name,
            reference_precision=arm.subject.precision,
            reference_runtime=arm.runtime,
            reference_sha256=model.sha256,
            reference_file_bytes=model.file_bytes,
            reference_parameters=model.parameters,
            reference_macs=model.macs,
            margin=self.settings.margin,
        )

    @property
    def compared(self) -> Compared:
        """The columns about how it is measured."""
        settings = self.settings
        return Compared(
            way=settings.way,
            turn_instances=settings.instances,
            turn_seconds=settings.seconds,
            neighbour=settings.neighbour,
        )

    @property
    def series(self) -> dict[str, Any]:
        """The columns in which all rows of a series are equal."""
        pairing = vars(self.pairing)
        names = [f"reference_{name}" for name in ("subject", "precision", "runtime", "sha256")]
        compared = {name: value for name, value in vars(self.compared).items() if value is not None}
        own = {"sha256": model_of(self.b).sha256}
        return vars(self.asked) | own | {name: pairing[name] for name in names} | compared

    def cell(self, repeat: int) -> str:
        """The hash of everything that determines a comparison."""
        subjects = [arm.subject for arm in self.arms]
        told = [[asdict(one.given), one.data, one.class_names] for one in subjects]
        determined = [self.series, told, self.settings.tf32, repeat]
        # A letter first, or a table may take it for a number.
        return "c" + hashlib.sha256(json.dumps(determined).encode()).hexdigest()[:15]


def find_pair(
    targets: Sequence[str],
    precisions: Sequence[str],
    settings: PairSettings,
    exports: Path | None,
    given: Given | None,
) -> Pair:
    """Find the two arms; refuse what cannot exist on any machine."""
    subjects = _subjects(targets, precisions, exports, given or Given())
    a, b = (
        Arm(
            *(subject, runtime, settings.provider, settings.boundary, settings.threads),
            settings.cuda_graph,
            tf32=settings.tf32,
        )
        for subject, runtime in zip(subjects, settings.runtimes, strict=True)
    )
    for arm in (a, b):
        if arm.skipped:
            told = "--cuda-graph: " if settings.cuda_graph else f"{arm.subject.name}: "
            raise UsageError(f"{told}{arm.skipped}.")
    return Pair(a, b, settings)


def _subjects(
    targets: Sequence[str], precisions: Sequence[str], exports: Path | None, given: Given
) -> list[Subject]:
    found = []
    with Inspector() as inspector:
        for target, precision in zip(targets, precisions, strict=True):
            if is_file(target):
                subject = of_file(Path(target), given, inspector)
            else:
                (subject,) = find_subjects([target], exports, [precision])
            if subject.path is None:
                raise UsageError(*which_lack([subject]))
            found.append(subject)
    refuse_unused(given, found, targets[0])
    return found


def check_faults(pair: Pair, on: Here | None) -> None:
    """Refuse files known to give wrong answers here (`UnavailableError`)."""
    here = on or Here.found()
    for arm in pair.arms:
        fault = arm.subject.fault(arm.runtime, arm.provider, here)
        if fault:
            raise UnavailableError(f"{arm.subject.name} would give wrong answers: {fault}.")
