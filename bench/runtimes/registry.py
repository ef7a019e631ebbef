"""The runtimes by name, and the facts about each, with defaults for what its class does not say."""

import importlib.metadata
import re
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.runtimes.adapter import Adapter, Demands, Order
from zoo.errors import UnavailableError, UsageError, unknown_name
from zoo.machine.memory import limits_address_space
from zoo.parity import COMPUTED_IN

RUNTIMES = {
    "onnxruntime": "bench.runtimes.onnxruntime:OnnxRuntime",
    "torch": "bench.runtimes.torch:Torch",
    "torch-compile": "bench.runtimes.torch:TorchCompile",
    "numpy": "bench.runtimes.numpy:Numpy",
    "sklearn": "bench.runtimes.sklearn:Sklearn",
    "keras": "bench.runtimes.keras:Keras",
    "jax": "bench.runtimes.jax:Jax",
    "openvino": "bench.runtimes.openvino:OpenVino",
    "openvino:bf16": "bench.runtimes.openvino:OpenVinoBf16",
}
_PROVIDERS = ("cpu",)  # for a runtime that does not say it: only those that say so compute on a GPU
_USUAL = ("cpu", "cuda")  # names that everybody knows
_RUNS = "runs here"
_START_SECONDS = 0.8  # likewise
_GPU_SECONDS = 0.45  # that opening a GPU takes; on an H200 a process had started in 1.0 to 1.4
_PLACE = re.compile(r"[\w.]+:\w+")
_SUFFIX = "executionprovider"  # of ONNX Runtime's names


def find_runtime(name: str) -> type[Adapter]:
    """The adapter of that name, or your own: `package.module:Class`."""
    place = RUNTIMES.get(name, name)
    if not _PLACE.fullmatch(place) or (place == name and name.partition(":")[0] in RUNTIMES):
        raise unknown_name("runtime", name, RUNTIMES)
    if place == name and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where somebody's own adapter is looked for, too
    module, _, attribute = place.partition(":")
    try:
        found: type[Adapter] = getattr(import_module(module), attribute)
    except Exception as error:  # somebody's own module may raise anything
        raise UsageError(f"the runtime {name} cannot be imported: {error}.") from error
    return found


def _said(runtime: str, fact: str, default: Any = None) -> Any:
    """The facts that a runtime's class gives."""
    return getattr(find_runtime(runtime), fact, default)


def list_runtimes() -> list[dict[str, str]]:
    """The runtimes by name, and the version of each that is installed."""
    return [
        {
            "runtime": name,
            "version": " ".join(next(iter(versions([name]).items()), ("not installed",))),
            "about": _said(name, "about"),
        }
        for name in RUNTIMES
    ]


def list_providers() -> list[dict[str, str]]:
    """Where each runtime can compute, and why it cannot here."""
    return [
        {"runtime": runtime, "provider": provider, "state": state}
        for runtime in RUNTIMES
        for provider, state in _states(runtime).items()
    ]


def _states(runtime: str) -> dict[str, str]:
    try:
        check_installed(runtime)
    except UnavailableError as error:
        return {"-": str(error)}
    problems = {provider: problem(runtime, provider) for provider in providers_of(runtime)}
    return {provider: why or _RUNS for provider, why in problems.items()}


def list_extras() -> list[tuple[str, str, str]]:
    """Each runtime that an extra installs: name, version, and why it cannot run here."""
    found = []
    for name in (name for name in RUNTIMES if _said(name, "extra")):
        states = _states(name)
        problems = [state for state in states.values() if state != _RUNS]
        version = " ".join(" ".join(pair) for pair in versions([name]).items())
        found.append((name, version, "; ".join(problems)))
    return found


def packages_of(*runtimes: str) -> tuple[str, ...]:
    """The distributions of these, or of all known runtimes."""
    found = (_said(name, "packages", ()) for name in runtimes or RUNTIMES)
    return tuple(dict.fromkeys(package for packages in found for package in packages))


def versions(runtimes: Iterable[str]) -> dict[str, str]:
    """The versions of installed distributions of these runtimes, from package metadata."""
    return installed(packages_of(*runtimes))


def installed(packages: Iterable[str]) -> dict[str, str]:
    """The versions of the installed ones."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def check_installed(runtime: str) -> None:
    """Refuse a runtime that is not installed (`UnavailableError`)."""
    packages, extra = packages_of(runtime), _said(runtime, "extra")
    if packages and not versions([runtime]):
        how = f"pip install -e '.[{extra}]'" if extra else f"pip install {packages[0]}"
        of_extra = f" (the extra {extra})" if extra else ""
        raise UnavailableError(f"{packages[0]} is not installed{of_extra}: {how}")


def providers_of(runtime: str) -> tuple[str, ...]:
    """Where a runtime can compute, on a machine that has everything."""
    tell = _said(runtime, "providers")
    return tuple(tell()) if tell else _PROVIDERS


def problem(runtime: str, provider: str) -> str | None:
    """Why a runtime cannot use a provider on this machine; None if it can, or does not know."""
    tell = _said(runtime, "problem")
    found: str | None = tell(provider) if tell else None
    return found


def find_provider(name: str, runtimes: Sequence[str]) -> str:
    """The short name of a provider that at least one of these runtimes knows and can use.

    `cuda` may also be written as ONNX Runtime has it: `CUDAExecutionProvider`.
    """
    asked = name.lower().removesuffix(_SUFFIX)
    for runtime in runtimes:
        check_installed(runtime)
        check_device(runtime, asked)
    known = {name: None for runtime in runtimes for name in providers_of(runtime)}
    if asked not in known and asked in _USUAL:
        raise UnavailableError(_refused(" and ".join(runtimes), known, asked))
    if asked not in known:
        raise unknown_name("provider", name, {*known, *_USUAL})
    return asked


def check_knows(runtime: str, provider: str) -> None:
    """Refuse a provider that a runtime does not support."""
    known = providers_of(runtime)
    if provider not in known:
        raise UnavailableError(_refused(runtime, known, provider))


def _refused(runtime: str, known: Iterable[str], provider: str) -> str:
    where = " or ".join(known)
    return f"--provider {provider} cannot run here with {runtime}: it computes on {where}."


def check_device(runtime: str, provider: str) -> None:
    """Refuse a provider that a runtime cannot use here."""
    why = problem(runtime, provider)
    if why:
        told = f"--provider {provider} cannot run here with {runtime}: {why.rstrip('.')}."
        raise UnavailableError(told)


def unsupported(runtime: str, demands: Demands) -> str | None:
    """Why a runtime cannot meet these demands on any machine; None if it can, or does not say."""
    known = providers_of(runtime)
    if demands.provider not in known:
        return f"{runtime} computes on {' or '.join(known)}, not on {demands.provider}"
    tell = _said(runtime, "unsupported")
    reason: str | None = tell(demands) if tell else None
    return reason


def computes_in(runtime: str) -> str:
    """The precision in which a runtime computes an fp32 file."""
    return _said(runtime, "computes_in") or "fp32"


def apart_by(*runtimes: str) -> float:
    """How much logits may differ from the reference's, as a share for `parity.tolerance`."""
    return max(COMPUTED_IN[computes_in(runtime)] for runtime in runtimes)


def process_environment(order: Order) -> dict[str, str]:
    """The environment variables that must be set before a runtime's process starts."""
    describe = _said(order.runtime, "process_environment")
    return describe(order) if describe else {}


def bounded_by_address_space(order: Order) -> bool:
    """Whether the kernel can enforce the memory limit of a runtime's process."""
    tell = _said(order.runtime, "reserves_little")
    return limits_address_space() and bool(tell and tell(order))


def start_seconds(runtime: str, provider: str = "cpu") -> float:
    """Roughly how long a process takes to its first answer, in seconds."""
    alone = float(_said(runtime, "start_seconds", _START_SECONDS))
    return alone if provider == "cpu" else alone + _GPU_SECONDS
