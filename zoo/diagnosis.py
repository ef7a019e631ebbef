"""`doctor`: what runs here, and what to do about what does not."""

import ctypes
import importlib.metadata
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from zoo.data import describe_datasets
from zoo.errors import ZooError

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

    from zoo.training import hardware

    cpu = torch.device("cpu")
    memory = psutil.virtual_memory()
    free = shutil.disk_usage(Path.cwd()).free
    bf16 = (
        Finding("bf16", "ok", "the CPU computes in bf16: training uses it")
        if hardware.native_bf16(cpu)
        else Finding("bf16", "note", "the CPU does not compute in bf16: training uses fp32")
    )
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        Finding("processor", "ok", hardware.describe(cpu)),
        bf16,
        Finding("memory", "ok", f"{memory.available >> 20:,} MiB free of {memory.total >> 20:,}"),
        Finding("disk", "ok" if free > 1 << 30 else "problem", f"{free >> 20:,} MiB free here"),
    ]


def _torch() -> list[Finding]:
    import torch

    from zoo.training import hardware

    cuda = torch.version.cuda
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    libraries = f"CUDA {cuda}, cuDNN {cudnn}" if cuda else "without CUDA"
    version = Finding("torch", "ok", f"{torch.__version__}, {libraries}")
    if torch.cuda.is_available():
        return [version, Finding("cuda", "ok", torch.cuda.get_device_name(0))]
    return [version, Finding("cuda", "note", f"no GPU: {hardware.cuda_problem()}")]


def _onnxruntime() -> list[Finding]:
    packages = [name for name in ("onnxruntime", "onnxruntime-gpu") if _installed(name)]
    if not packages:
        return [Finding("onnxruntime", "problem", "not installed: pip install onnxruntime-gpu")]
    if len(packages) > 1:
        text = (
            "both onnxruntime and onnxruntime-gpu are installed and overwrite each other: "
            "pip uninstall both, then install one"
        )
        return [Finding("onnxruntime", "problem", text)]
    try:
        import onnxruntime
    except ImportError as error:
        text = f"{packages[0]} does not load ({error}): pip install --force-reinstall {packages[0]}"
        return [Finding("onnxruntime", "problem", text)]
    providers = ", ".join(onnxruntime.get_available_providers())
    return [
        Finding("onnxruntime", "ok", f"{packages[0]} {onnxruntime.__version__}: {providers}"),
        _onnxruntime_cuda(Path(onnxruntime.__file__).parent / "capi", onnxruntime.preload_dlls),
    ]


def _onnxruntime_cuda(libraries: Path, preload: Callable[[], None]) -> Finding:
    """Whether the CUDA provider really loads: that it is listed as available only says it is built.

    preload: brings in the CUDA libraries that torch's wheels carry.
    """
    provider = libraries / "libonnxruntime_providers_cuda.so"
    if not provider.exists():
        return Finding("onnxruntime cuda", "note", "this onnxruntime was built without CUDA")
    preload()
    try:
        ctypes.CDLL(str(libraries / "libonnxruntime_providers_shared.so"), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(provider))
    except OSError as error:
        return Finding("onnxruntime cuda", "note", f"its CUDA provider does not load: {error}")
    return Finding("onnxruntime cuda", "ok", "its CUDA provider loads with all its libraries")


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _data(data_dir: Path | None) -> list[Finding]:
    try:
        known = describe_datasets(data_dir)
    except ZooError as error:
        return [Finding("data", "problem", str(error))]
    return [
        Finding(f"data {info.name}", "note" if info.where == "download" else "ok", info.where)
        for info in known
    ]
