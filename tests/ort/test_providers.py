"""Why onnxruntime, or a provider, is unavailable: the true cause, and what fixes it."""

import ctypes
import importlib.metadata
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from zoo.errors import UnavailableError, UsageError
from zoo.ort import providers
from zoo.ort.providers import CPU, CUDA, driver_problem, find_provider, library_problem

ROOT = Path(__file__).parents[2]
Offer = Callable[..., None]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Make onnxruntime look as if it was built with these providers."""

    def pretend(*names: str) -> None:
        fake = SimpleNamespace(
            __version__="1.2.3",
            __file__=__file__,
            cuda_version="13.0",
            get_available_providers=lambda: [*names, CPU],
            get_all_providers=lambda: [CPU, CUDA, "OpenVINOExecutionProvider"],
            preload_dlls=lambda: None,
        )
        monkeypatch.setattr(providers, "load_onnxruntime", lambda: fake)

    return pretend


class Driver:
    """NVIDIA's driver as ctypes sees it; each call returns `code`."""

    def __init__(self, version: int, devices: int = 1, code: int = 0) -> None:
        self.version, self.devices, self.code = version, devices, code

    def cuDriverGetVersion(self, place: object) -> int:  # noqa: N802
        place._obj.value = self.version  # type: ignore[attr-defined]
        return 0

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return self.code

    def cuDeviceGetCount(self, place: object) -> int:  # noqa: N802
        place._obj.value = self.devices  # type: ignore[attr-defined]
        return 0


@pytest.mark.parametrize("name", ["cpu", "CPU", "CPUExecutionProvider", "cpuexecutionprovider"])
def test_a_provider_goes_by_both_names_in_any_case(name: str) -> None:
    assert find_provider(name) == CPU


def test_a_slip_is_wrong_usage_and_the_near_name_is_offered(offer: Offer) -> None:
    offer()
    with pytest.raises(UsageError, match=r"Did you mean cuda"):
        find_provider("cudda")


def test_a_wheel_without_cuda_is_the_cause_and_named(offer: Offer) -> None:
    offer()
    with pytest.raises(UnavailableError, match=r"1\.2\.3 was built without CUDA, it offers cpu"):
        find_provider("cuda")


def test_a_provider_of_other_builds_is_not_available(offer: Offer) -> None:
    offer(CUDA)
    with pytest.raises(UnavailableError, match="built without openvino, it offers cpu, cuda"):
        find_provider("openvino")


@pytest.mark.parametrize(
    ("driver", "cause"),
    [
        (Driver(12080), r"too old: it runs CUDA 12\.8, .* needs CUDA 13"),
        (Driver(13000, code=100), "finds no GPU"),
        (Driver(13000, devices=0), "finds no GPU"),
        (Driver(13000, code=999), "CUDA error 999"),
    ],
    ids=["old", "none", "hidden", "broken"],
)
def test_what_the_driver_says_is_the_cause(
    offer: Offer, monkeypatch: pytest.MonkeyPatch, driver: Driver, cause: str
) -> None:
    offer(CUDA)
    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments: driver)
    with pytest.raises(UnavailableError, match=f"--provider cuda cannot run here: .*{cause}"):
        find_provider("cuda")


def test_a_driver_that_works_is_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda *arguments: Driver(13000))
    assert driver_problem(13) is None


def test_no_driver_is_the_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise OSError("libcuda")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert "there is no NVIDIA driver" in str(driver_problem(13))


def test_the_library_that_is_missing_is_named(
    offer: Offer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "libonnxruntime_providers_cuda.so").touch()

    def load(path: str, *mode: int) -> None:
        if path.endswith("cuda.so"):
            raise OSError("libcublas.so.13: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", load)
    problem = library_problem(tmp_path, CUDA, lambda: print("Failed to load it"))
    assert "libcublas.so.13" in str(problem)
    assert capsys.readouterr().out == ""
    offer(CUDA)
    monkeypatch.setattr(providers, "driver_problem", lambda needed: None)
    monkeypatch.setattr(providers, "library_problem", lambda *arguments: problem)
    with pytest.raises(UnavailableError, match=r"libcublas\.so\.13"):
        find_provider("cuda")


@pytest.mark.parametrize(
    ("provider", "library"),
    [
        (CUDA, "libonnxruntime_providers_cuda.so"),
        ("TensorrtExecutionProvider", "libonnxruntime_providers_tensorrt.so"),
        ("NvTensorRTRTXExecutionProvider", "libonnxruntime_providers_nv_tensorrt_rtx.so"),
    ],
)
def test_a_listed_provider_without_its_library_does_not_run_here(
    offer: Offer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: str, library: str
) -> None:
    (tmp_path / "capi").mkdir()
    offer(provider)
    fake = providers.load_onnxruntime()
    fake.__file__ = str(tmp_path / "__init__.py")
    monkeypatch.setattr(providers, "driver_problem", lambda needed: None)
    name = providers.short_name(provider)
    told = f"{name} provider is missing from its installation ({library})"
    assert told in str(providers.known_providers()[name])
    assert told in str(providers.problem_of(name))
    with pytest.raises(UnavailableError, match="install the same package again"):
        find_provider(name)
    # A file that is there and is no library is a reason, too; the loader tells which.
    for part in (library, "libonnxruntime_providers_shared.so"):
        (tmp_path / "capi" / part).write_text("no library")
    assert f"{name} provider does not load" in str(providers.problem_of(name))


def test_a_provider_that_is_built_in_needs_no_library(tmp_path: Path) -> None:
    assert library_problem(tmp_path, "XnnpackExecutionProvider", lambda: None) is None


def test_where_everything_loads_the_provider_is_found(
    offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(CUDA, "OtherExecutionProvider")
    monkeypatch.setattr(providers, "driver_problem", lambda needed: None)
    monkeypatch.setattr(providers, "library_problem", lambda *arguments: None)
    assert find_provider("cuda") == CUDA
    assert find_provider("other") == "OtherExecutionProvider"


@pytest.mark.parametrize(
    ("names", "cause"),
    [
        ((), "pip install onnxruntime-gpu"),
        (("onnxruntime", "onnxruntime-gpu"), "pip uninstall onnxruntime onnxruntime-gpu"),
        (("onnxruntime-gpu", "onnxruntime-openvino"), "overwrite each other"),
    ],
    ids=["none", "two", "two others"],
)
def test_not_exactly_one_onnxruntime_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], cause: str
) -> None:
    def version(name: str) -> str:
        if name in names:
            return "1.0"
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(UnavailableError, match=cause):
        find_provider("cpu")


def test_an_onnxruntime_that_does_not_load_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UnavailableError, match="--force-reinstall"):
        find_provider("cpu")


def test_asking_for_cuda_does_not_import_torch() -> None:
    code = (
        "import sys\n"
        "from zoo.errors import UnavailableError\n"
        "from zoo.ort.providers import find_provider\n"
        "try:\n    find_provider('cuda')\nexcept UnavailableError:\n    pass\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
