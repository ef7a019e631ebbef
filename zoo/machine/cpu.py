"""The processor's name, and the instruction sets that matter for speed."""

import platform
from functools import cache
from pathlib import Path

from zoo.machine.threads import thread_budget

_CPUINFO = Path("/proc/cpuinfo")  # where Linux describes the processor
_VECTOR_FLAGS = {
    *("f16c", "fma", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("amx_int8", "amx_bf16"),
    *("neon", "asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve"),
}


@cache
def cpu_flags(cpuinfo: Path = _CPUINFO) -> frozenset[str]:
    """The instruction sets of the CPU, as Linux spells them; empty if unknown."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        if line.startswith(("flags", "Features")):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def vector_flags(cpuinfo: Path = _CPUINFO) -> tuple[str, ...]:
    """The relevant ones of `cpu_flags`, sorted."""
    return tuple(sorted(cpu_flags(cpuinfo) & _VECTOR_FLAGS))


def describe_cpu() -> str:
    """The processor and our threads in one line, for the records of a run."""
    return f"{cpu_name()}, {thread_budget()} threads"


def cpu_name(cpuinfo: Path = _CPUINFO) -> str:
    """Such as `AMD EPYC (family 26, model 2)`: clouds sell different processors under one name."""
    try:
        lines = cpuinfo.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.partition(":") for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, _, value in pairs}
    name = facts.get("model name", platform.machine())
    if "model" in facts:
        name += f" (family {facts['cpu family']}, model {facts['model']})"
    return name
