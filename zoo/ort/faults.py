"""Known faults of onnxruntime: which releases answer wrongly, on which CPUs, for which files.

Files of this zoo avoid all of these faults; third-party files may not.
"""

import importlib.metadata
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zoo.graphs.products import TILE, integer_products, is_uneven
from zoo.machine.cpu import cpu_flags
from zoo.ort.providers import installed_distributions

_RELEASE = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True)
class Here:
    """The onnxruntime and CPU that compute."""

    version: str  # of onnxruntime
    flags: frozenset[str]  # of the CPU, as Linux spells them

    @classmethod
    def found(cls) -> "Here":
        """The installed onnxruntime (version "" if there is none) and this CPU."""
        versions = map(importlib.metadata.version, installed_distributions())
        return cls(next(versions, ""), cpu_flags())


@dataclass(frozen=True)
class Fault:
    """A fault of the CPU provider."""

    issue: str  # where it is reported
    since: str  # the first release that has it
    until: str  # the first release that no longer has it
    flag: str  # of the CPUs that show it
    what: str  # goes wrong
    # Whether an integer product of that width shows it, see `zoo.graphs.products`
    meets: Callable[[int], bool]

    def is_in(self, here: Here) -> bool:
        """Whether this onnxruntime has it, and this CPU shows it."""
        release = _numbers(here.version)
        return _numbers(self.since) <= release < _numbers(self.until) and self.flag in here.flags


FAULTS = (
    Fault(
        issue="onnxruntime issue 26324, fixed by pull request 27671",
        since="1.21.0",
        until="1.25.0",
        flag="amx_int8",
        what=f"sums of integer products with more than {TILE} outputs, and no multiple of {TILE},",
        meets=is_uneven,
    ),
)


def faults_in(here: Here) -> list[Fault]:
    """The faults that may affect some files here."""
    return [fault for fault in FAULTS if fault.is_in(here)]


def fault_of(integer_widths: Iterable[int], here: Here) -> str | None:
    """Why a file with integer products of these widths gives wrong answers here, or None."""
    widths = sorted(set(integer_widths))
    for fault in faults_in(here):
        met = [width for width in widths if fault.meets(width)]
        if met:
            listed = ", ".join(str(width) if width else "of unknown width" for width in met)
            return (
                f"onnxruntime {here.version} computes {fault.what} wrongly on CPUs with "
                f"{fault.flag}, such as this one (here: {listed}; {fault.issue}). "
                f"Install onnxruntime {fault.until} or newer"
            )
    return None


def fault_of_content(content: bytes, here: Here) -> str | None:
    """The same for an ONNX file of our own, which is parsed only if that may matter."""
    if not faults_in(here):
        return None
    from onnx import ModelProto

    return fault_of({p.width for p in integer_products(ModelProto.FromString(content))}, here)


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a release such as 1.24.4, or of a source build, which has a suffix."""
    found = _RELEASE.match(version)
    return tuple(map(int, found.group().split("."))) if found else ()
