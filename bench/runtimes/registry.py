"""Names of the engines, and the environment their processes need."""

import importlib.metadata
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.runtimes.adapter import Adapter, Demands, Order
from zoo.errors import UnavailableError, UsageError, unknown_name
from zoo.machine.memory import limits_address_space
from zoo.ort.providers import DISTRIBUTIONS

RUNTIMES = {
    "onnxruntime": "bench.runtimes.onnxruntime:OnnxRuntime",
    "torch": "bench.runtimes.torch:Torch",
    "torch-compile": "bench.runtimes.torch:TorchCompile",
}
_ABOUT = {
    "onnxruntime": "any file, on any provider of the installed build; the reference",
    "torch": "networks of this zoo, eager, with the weights of the fp32 file",
    "torch-compile": "the same through torch.compile",
}
_START_SECONDS = 0.8  # of an engine that does not say it
_PLACE = re.compile(r"[\w.]+:\w+")


def list_runtimes() -> list[dict[str, str]]:
    """The engines by name, and the version of each that is installed."""
    return [
        {"runtime": name, "version": _version(name), "about": about}
        for name, about in _ABOUT.items()
    ]


def _version(name: str) -> str:
    packages = DISTRIBUTIONS if name == "onnxruntime" else ("torch",)
    for package in packages:
        try:
            return f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return "not installed"


def find_runtime(name: str) -> type[Adapter]:
    """The adapter of that name, or of your own: `package.module:Class`."""
    place = RUNTIMES.get(name, name)
    if not _PLACE.fullmatch(place):
        raise unknown_name("runtime", name, RUNTIMES)
    if place == name and str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # where somebody's own adapter is looked for, too
    module, _, attribute = place.partition(":")
    try:
        found: type[Adapter] = getattr(import_module(module), attribute)
    except Exception as error:  # somebody's own module may raise anything
        raise UsageError(f"the runtime {name} cannot be imported: {error}.") from error
    return found


def process_environment(order: Order) -> dict[str, str]:
    """What must stand in the environment before an engine's process starts."""
    describe: Any = getattr(find_runtime(order.runtime), "process_environment", None)
    return describe(order) if describe else {}


def bounded_by_address_space(order: Order) -> bool:
    """Whether the kernel can hold an engine's process to its bound of memory."""
    tell: Any = getattr(find_runtime(order.runtime), "reserves_little", None)
    return limits_address_space() and bool(tell and tell(order))


def unsupported(runtime: str, demands: Demands) -> str | None:
    """Why an engine cannot meet them, whatever the machine; None where it can, or does not say."""
    tell: Any = getattr(find_runtime(runtime), "unsupported", None)
    reason: str | None = tell(demands) if tell else None
    return reason


def check_device(runtime: str, provider: str) -> None:
    """Refuse a provider that this machine has, but the engine cannot use here."""
    tell: Any = getattr(find_runtime(runtime), "problem", None)
    problem = tell(provider) if tell else None
    if problem:
        raise UnavailableError(f"--provider {provider} with {runtime} cannot run here: {problem}")


def start_seconds(runtime: str) -> float:
    """About what a process takes to its first answer."""
    return float(getattr(find_runtime(runtime), "start_seconds", _START_SECONDS))
