from collections.abc import Callable

import pytest
import torch

from bench.runtimes.registry import check_device
from zoo.errors import UnavailableError, UsageError, ZooError
from zoo.frameworks.pytorch.doctor import findings
from zoo.machine import devices
from zoo.machine.finding import Finding

CPU = torch.device("cpu")


@pytest.fixture
def flags(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instruction sets of a pretended CPU."""
    named: list[str] = ["avx2", "fma"]
    monkeypatch.setattr(devices, "cpu_flags", lambda: frozenset(named))
    return named


@pytest.mark.parametrize("flag", ["avx512_bf16", "amx_bf16", "bf16"])
def test_auto_is_bf16_where_the_cpu_has_it_and_says_why(flags: list[str], flag: str) -> None:
    flags.append(flag)
    precision, why = devices.choose_precision("auto", CPU)
    assert precision == "bf16"
    assert flag in why


def test_auto_is_fp32_where_bf16_would_be_emulated(flags: list[str]) -> None:
    precision, why = devices.choose_precision("auto", CPU)
    assert precision == "fp32"
    assert "natively" in why


def test_a_bf16_run_is_not_continued_where_it_is_emulated(flags: list[str]) -> None:
    with pytest.raises(ZooError, match="--precision fp32") as refusal:
        devices.require_native("bf16", CPU)
    assert refusal.value.exit_code == 1
    devices.require_native("fp32", CPU)
    flags.append("amx_bf16")
    devices.require_native("bf16", CPU)


@pytest.mark.parametrize("asked", ["fp8", "float32"])
def test_an_unknown_precision_is_a_usage_error(asked: str) -> None:
    with pytest.raises(UsageError, match=f"no precision '{asked}'"):
        devices.choose_precision(asked, CPU)


def test_fp16_on_a_cpu_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="CUDA only"):
        devices.choose_precision("fp16", CPU)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make CUDA look as if it works, or fails on start with this message."""

    def pretend(*, works: bool, failure: str = "") -> None:
        def init() -> None:
            if failure:
                raise RuntimeError(failure)

        monkeypatch.setattr(torch.version, "cuda", "13.0")
        monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 92000)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: works)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Model T")
        monkeypatch.setattr(torch.cuda, "init", init)

    return pretend


def test_cuda_that_works_has_no_problem_wherever_it_is_asked_for(
    cuda: Callable[..., None],
) -> None:
    cuda(works=True)
    assert devices.cuda_problem() is None
    assert devices.choose_device("cuda") == devices.choose_device(None) == torch.device("cuda")
    for runtime in ("torch", "torch-compile"):
        check_device(runtime, "cuda")
    assert Finding("cuda", "ok", "Model T") in findings()


@pytest.mark.cuda
def test_cuda_that_really_works_has_no_problem() -> None:
    assert devices.cuda_problem() is None
    for runtime in ("torch", "torch-compile", "onnxruntime"):
        check_device(runtime, "cuda")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ("Found no NVIDIA driver on your system. \nInstall one", "Found no NVIDIA driver on your"),
        ("", "no device answered"),
    ],
    ids=["no driver", "no device"],
)
def test_cuda_that_fails_has_the_same_problem_wherever_it_is_asked_for(
    cuda: Callable[..., None], failure: str, told: str
) -> None:
    cuda(works=False, failure=failure)
    assert told in str(devices.cuda_problem())
    assert devices.choose_device(None) == CPU
    with pytest.raises(UnavailableError, match=f"--device cuda cannot run here: {told}"):
        devices.choose_device("cuda")
    for runtime in ("torch", "torch-compile"):
        with pytest.raises(UnavailableError, match=f"with {runtime}: {told}"):
            check_device(runtime, "cuda")
    assert Finding("cuda", "note", f"no GPU: {devices.cuda_problem()}") in findings()


def test_cuda_that_does_not_work_is_refused_with_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnavailableError, match=r"--device cuda cannot run here: .+") as refusal:
        devices.choose_device("cuda")
    assert refusal.value.exit_code == 3
    assert devices.choose_device(None) == CPU


def test_an_unknown_device_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no device 'tpu'"):
        devices.choose_device("tpu")


def test_the_machine_is_described_in_a_line() -> None:
    assert "threads" in devices.describe(CPU)
    assert "\n" not in devices.describe(CPU)


def test_the_thread_count_is_the_one_that_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    monkeypatch.setattr(devices, "thread_budget", lambda: 1)
    try:
        devices.settle()
        assert torch.get_num_threads() == 1
        assert devices.describe(CPU).endswith(" 1 threads")
    finally:
        torch.set_num_threads(before)


def test_fp32_is_fp32_on_a_gpu_too() -> None:
    devices.settle()
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
