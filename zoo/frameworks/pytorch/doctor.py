"""What `doctor` reports about torch, its GPU and its number formats."""

import torch

from zoo.machine import devices
from zoo.machine.finding import Finding


def findings() -> list[Finding]:
    """The version, CUDA, and bf16 on the CPU."""
    cuda = torch.version.cuda
    cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]
    libraries = f"CUDA {cuda}, cuDNN {cudnn}" if cuda else "without CUDA"
    problem = devices.cuda_problem()
    gpu = (
        Finding("cuda", "note", f"no GPU: {problem}")
        if problem
        else Finding("cuda", "ok", torch.cuda.get_device_name(0))
    )
    bf16 = (
        Finding("bf16", "ok", "the CPU computes in bf16: training uses it")
        if devices.native_bf16(torch.device("cpu"))
        else Finding("bf16", "note", "the CPU does not compute in bf16: training uses fp32")
    )
    return [Finding("torch", "ok", f"{torch.__version__}, {libraries}"), gpu, bf16]
