"""The installed ONNX Runtime: what it offers, and why a provider such as CUDA cannot run."""

import contextlib
import ctypes
import importlib.metadata
import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from zoo.errors import UnavailableError, unknown_name

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# All of them put their files into the same folder, so the last one installed wins in parts.
DISTRIBUTIONS = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-training",
)
_SUFFIX = "ExecutionProvider"
# Providers that are no part of onnxruntime's own library, by short name: what theirs is called.
_IN_LIBRARIES = {
    name: name
    for name in ("cuda", "tensorrt", "migraphx", "rocm", "openvino", "dnnl", "vitisai", "cann")
} | {"nvtensorrtrtx": "nv_tensorrt_rtx"}
_NO_DEVICE = 100  # CUDA_ERROR_NO_DEVICE


def load_onnxruntime() -> ModuleType:
    """The installed onnxruntime; `UnavailableError` if there is none, or two packages of it."""
    packages = installed_distributions()
    if not packages:
        raise UnavailableError("onnxruntime is not installed: pip install onnxruntime-gpu")
    if len(packages) > 1:
        raise UnavailableError(
            f"{' and '.join(packages)} are both installed and overwrite each other: "
            f"pip uninstall {' '.join(packages)}, then install one of them"
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise UnavailableError(
            f"{packages[0]} does not load ({error}): pip install --force-reinstall {packages[0]}"
        ) from error
    module: ModuleType = onnxruntime
    return module


def installed_distributions() -> list[str]:
    """Those of `DISTRIBUTIONS` that are installed here."""
    return [name for name in DISTRIBUTIONS if _installed(name)]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def short_name(provider: str) -> str:
    """`cuda` for `CUDAExecutionProvider`."""
    return provider.lower().removesuffix(_SUFFIX.lower())


def find_provider(name: str) -> str:
    """ONNX Runtime's name of a provider that can run here, from `cuda` or from that name itself.

    `UsageError` for an unknown name, `UnavailableError` with the cause if it cannot run.
    """
    offered = _offered()
    asked = short_name(name)
    if asked not in offered and asked not in all_providers():
        raise unknown_name("provider", name, {"cuda", *offered})
    problem = problem_of(asked)
    if problem:
        raise UnavailableError(f"--provider {name} cannot run here: {problem.rstrip('.')}.")
    return offered[asked]


def problem_of(asked: str) -> str | None:
    """Why a provider, by its short name, cannot run here, and how to fix it.

    None if it can, or if it is not one of ONNX Runtime's.
    """
    onnxruntime = load_onnxruntime()
    offered = _offered()
    if asked in offered:
        return provider_problem(onnxruntime, offered[asked])
    if asked not in all_providers():
        return None
    kind = "CUDA" if asked == "cuda" else asked
    return (
        f"this onnxruntime {onnxruntime.__version__} was built without {kind}, it offers "
        f"{', '.join(sorted(offered))}{_remedy(asked)}"
    )


def all_providers() -> set[str]:
    """Short names of the providers that onnxruntime can be built with."""
    return {short_name(name) for name in load_onnxruntime().get_all_providers()}


def usual_providers() -> tuple[str, ...]:
    """Short names of the providers that this build has, and always CUDA."""
    return tuple(sorted({"cuda", *_offered()}))


def _offered() -> dict[str, str]:
    """ONNX Runtime's names of the providers that this build has, by short name."""
    names = load_onnxruntime().get_available_providers()
    return {short_name(name): name for name in names}


def known_providers() -> dict[str, str | None]:
    """The providers of this build by short name: why each cannot run here, None if it can.

    CUDA is always included.
    """
    onnxruntime = load_onnxruntime()
    offered = onnxruntime.get_available_providers()
    known: dict[str, str | None] = {
        short_name(name): provider_problem(onnxruntime, name) for name in offered
    }
    known.setdefault("cuda", "this onnxruntime was built without CUDA")
    return dict(sorted(known.items()))


def _remedy(asked: str) -> str:
    if asked != "cuda" or sys.platform == "darwin":
        return ""
    return ". Run: pip uninstall onnxruntime, then pip install onnxruntime-gpu"


def provider_problem(onnxruntime: ModuleType, provider: str) -> str | None:
    """Why a provider of this build cannot run here, None if it can."""
    if provider == CPU:
        return None
    folder = Path(onnxruntime.__file__ or "").parent / "capi"
    needed = getattr(onnxruntime, "cuda_version", "") or "0"
    problem = driver_problem(int(needed.partition(".")[0])) if provider == CUDA else None
    return problem or library_problem(folder, provider, onnxruntime.preload_dlls)


def library_problem(folder: Path, provider: str, preload: Callable[[], None]) -> str | None:
    """Why a provider's library is missing or does not load; None if it loads, or none is needed.

    A provider listed as available was merely built. preload: loads the CUDA libraries from torch's
    wheels, without importing torch.
    """
    stem = _IN_LIBRARIES.get(short_name(provider))
    if stem is None or sys.platform != "linux":
        return None
    library = folder / f"libonnxruntime_providers_{stem}.so"
    if not library.exists():
        return (
            f"the library of onnxruntime's {short_name(provider)} provider is missing from its "
            f"installation ({library.name}); install the same package again"
        )
    with contextlib.redirect_stdout(io.StringIO()):  # it prints what the loader says better below
        preload()
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_shared.so"), ctypes.RTLD_GLOBAL)
        ctypes.CDLL(str(library))
    except OSError as error:
        return f"a library of onnxruntime's {short_name(provider)} provider does not load ({error})"
    return None


def driver_problem(needed: int) -> str | None:
    """Why NVIDIA's driver cannot run CUDA `needed` (the major version), None if it can."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "there is no NVIDIA driver (libcuda.so.1 was not found), so no GPU to run on"
    version = ctypes.c_int()
    driver.cuDriverGetVersion(ctypes.byref(version))
    major, minor = version.value // 1000, version.value % 1000 // 10
    if major < needed:
        return (
            f"the NVIDIA driver is too old: it runs CUDA {major}.{minor}, and this onnxruntime "
            f"needs CUDA {needed}; update the driver"
        )
    code = driver.cuInit(0)
    count = ctypes.c_int()
    code = code or driver.cuDeviceGetCount(ctypes.byref(count))
    if code == _NO_DEVICE or (code == 0 and count.value == 0):
        return "the NVIDIA driver finds no GPU (CUDA_VISIBLE_DEVICES may hide it)"
    return f"the NVIDIA driver does not start (CUDA error {code})" if code else None
