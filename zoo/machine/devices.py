"""Choose device and number format for this machine, and say why in one line each."""

import ctypes
import sys

import torch

from zoo.errors import UnavailableError, UsageError, ZooError, unknown_name
from zoo.machine.cpu import cpu_flags, cpu_name
from zoo.machine.threads import thread_budget

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_NATIVE_BF16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def native_bf16(device: torch.device) -> bool:
    """Whether the hardware computes in bf16; emulated, it is hundreds of times slower."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(cpu_flags() & _NATIVE_BF16_FLAGS)


def choose_device(asked: str | None) -> torch.device:
    """`cpu`, `cuda`, or by default the best that works; never a silent fallback."""
    if asked not in (None, "cpu", "cuda"):
        raise unknown_name("device", str(asked), ("cpu", "cuda"))
    problem = None if asked == "cpu" else cuda_problem()
    if asked == "cuda" and problem:
        raise UnavailableError(f"--device cuda cannot run here: {problem}.")
    return torch.device(asked or ("cpu" if problem else "cuda"))


def cuda_problem() -> str | None:
    """Why torch cannot compute on CUDA here, in the driver's own words; None if it can."""
    if torch.cuda.is_available():
        return None
    if torch.version.cuda is None:
        return f"torch {torch.__version__} was built without CUDA"
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0].rstrip(".")
    return "no device answered"


def choose_precision(asked: str, device: torch.device) -> tuple[str, str]:
    """The number format to compute in, and a line that says why."""
    if asked == "auto":
        if native_bf16(device):
            return "bf16", f"precision bf16: {_bf16_evidence(device)}"
        return "fp32", f"precision fp32: this {device.type} does not compute in bf16 natively"
    if asked not in PRECISIONS:
        raise unknown_name("precision", asked, ("auto", *PRECISIONS))
    if asked == "fp16" and device.type == "cpu":
        raise UsageError("fp16 trains on CUDA only. On a CPU use --precision bf16 or fp32.")
    if asked == "bf16" and not native_bf16(device):
        return "bf16", "precision bf16 as requested; it is emulated here and very slow"
    return asked, f"precision {asked}, as requested"


def _bf16_evidence(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} computes in it"
    return f"the CPU computes in it ({', '.join(sorted(cpu_flags() & _NATIVE_BF16_FLAGS))})"


def require_native(precision: str, device: torch.device) -> None:
    """Refuse to continue a run in a format that this device does not compute in."""
    if precision == "fp16" and device.type == "cpu":
        raise ZooError(
            "this run was trained in fp16, which trains on CUDA only. "
            "Continue with --precision fp32."
        )
    if precision == "bf16" and not native_bf16(device):
        raise ZooError(
            "this run was trained in bf16, which this machine does not compute natively. "
            "Continue with --precision fp32: it works, but the weights will no longer be "
            "bit-identical to an uninterrupted run."
        )


def settle() -> None:
    """Set up torch for training and testing: our share of threads, true fp32, memory kept."""
    torch.set_num_threads(min(torch.get_num_threads(), thread_budget()))
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    keep_freed_memory()


def keep_freed_memory() -> None:
    """Let glibc keep the memory of freed activations instead of returning it after every step.

    Without this each step asks the kernel for the same hundreds of megabytes again and pays for
    every page; measured, training on a CPU is up to 1.8 times as fast with it. A no-op elsewhere.
    """
    if sys.platform != "linux":
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
    libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)


def describe(device: torch.device) -> str:
    """The machine in a line, for the records of a run."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{cpu_name()}, {torch.get_num_threads()} threads"
