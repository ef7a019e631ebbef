"""`doctor`: what runs here, and what to do about what does not."""

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

from zoo.data import describe_datasets
from zoo.errors import UnavailableError, ZooError
from zoo.ort.providers import CUDA, installed_distributions, load_onnxruntime, provider_problem

Status = Literal["ok", "note", "problem"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. A `note` limits what can be done here; a `problem` wants mending."""

    what: str
    status: Status
    text: str


def doctor(data_dir: Path | None = None) -> list[Finding]:
    """Look at the processor, memory, torch, CUDA, onnxruntime and the data."""
    return [
        *_machine(),
        *_torch(),
        *_onnxruntime(),
        *_data(data_dir),
    ]


def _machine() -> list[Finding]:
    import psutil
    import torch

    from zoo.machine import devices

    cpu = torch.device("cpu")
    memory = psutil.virtual_memory()
    free = shutil.disk_usage(Path.cwd()).free
    bf16 = (
        Finding("bf16", "ok", "the CPU computes in bf16: training uses it")
        if devices.native_bf16(cpu)
        else Finding("bf16", "note", "the CPU does not compute in bf16: training uses fp32")
    )
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        Finding("processor", "ok", devices.describe(cpu)),
        bf16,
        Finding("memory", "ok", f"{memory.available >> 20:,} MiB free of {memory.total >> 20:,}"),
        Finding("disk", "ok" if free > 1 << 30 else "problem", f"{free >> 20:,} MiB free here"),
    ]


def _torch() -> list[Finding]:
    import torch

    from zoo.machine import devices

    cuda = torch.version.cuda
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    libraries = f"CUDA {cuda}, cuDNN {cudnn}" if cuda else "without CUDA"
    version = Finding("torch", "ok", f"{torch.__version__}, {libraries}")
    if torch.cuda.is_available():
        return [version, Finding("cuda", "ok", torch.cuda.get_device_name(0))]
    return [version, Finding("cuda", "note", f"no GPU: {devices.cuda_problem()}")]


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
