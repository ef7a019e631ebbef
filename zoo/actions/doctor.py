"""`doctor`: what works on this machine, and how to fix what does not."""

import platform
import shutil
from pathlib import Path
from types import ModuleType

from zoo.data import describe_datasets
from zoo.errors import UnavailableError, ZooError
from zoo.frameworks.registry import FRAMEWORKS, find_framework
from zoo.machine.cpu import describe_cpu
from zoo.machine.finding import Finding
from zoo.ort.providers import CUDA, installed_distributions, load_onnxruntime, provider_problem


def doctor(data_dir: Path | None = None) -> list[Finding]:
    """Check the processor, memory, frameworks, CUDA, onnxruntime and data."""
    return [
        *_machine(),
        *(finding for name in FRAMEWORKS for finding in find_framework(name).findings()),
        *_onnxruntime(),
        *_data(data_dir),
    ]


def _machine() -> list[Finding]:
    import psutil

    memory = psutil.virtual_memory()
    free = shutil.disk_usage(Path.cwd()).free
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        Finding("processor", "ok", describe_cpu()),
        Finding("memory", "ok", f"{memory.available >> 20:,} MiB free of {memory.total >> 20:,}"),
        Finding("disk", "ok" if free > 1 << 30 else "problem", f"{free >> 20:,} MiB free here"),
    ]


def _onnxruntime() -> list[Finding]:
    try:
        onnxruntime = load_onnxruntime()
    except UnavailableError as error:
        return [Finding("onnxruntime", "problem", str(error))]
    (package,) = installed_distributions()
    offered = onnxruntime.get_available_providers()
    text = f"{package} {onnxruntime.__version__}: {', '.join(offered)}"
    return [Finding("onnxruntime", "ok", text), _onnxruntime_cuda(onnxruntime)]


def _onnxruntime_cuda(onnxruntime: ModuleType) -> Finding:
    what = "onnxruntime cuda"
    if CUDA not in onnxruntime.get_available_providers():
        return Finding(what, "note", "this onnxruntime was built without CUDA")
    problem = provider_problem(onnxruntime, CUDA)
    if problem:
        return Finding(what, "note", problem)
    return Finding(what, "ok", "its CUDA provider loads and the driver finds a GPU")


def _data(data_dir: Path | None) -> list[Finding]:
    try:
        known = describe_datasets(data_dir)
    except ZooError as error:
        return [Finding("data", "problem", str(error))]
    return [
        Finding(f"data {info.name}", "note" if info.where == "download" else "ok", info.where)
        for info in known
    ]
