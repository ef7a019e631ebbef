"""Names of runtimes: known, unknown, and somebody's own."""

import sys
from pathlib import Path

import pytest

from bench.runtimes import RUNTIMES, Order, find_runtime, registry
from bench.runtimes.adapter import Demands
from bench.runtimes.onnxruntime import OnnxRuntime
from bench.runtimes.registry import (
    apart_by,
    check_device,
    check_installed,
    find_provider,
    list_extras,
    list_providers,
    list_runtimes,
    packages_of,
    process_environment,
    providers_of,
    start_seconds,
    unsupported,
    versions,
)
from bench.runtimes.torch import Torch
from zoo.errors import UnavailableError, UsageError
from zoo.parity import COMPUTED_IN, OTHER_RUNTIME

METHODS = (
    "load",
    "place",
    "fetch",
    "what_ran",
    "image_shape",
    "fixed_batch",
    "close",
)


@pytest.mark.parametrize("name", [*RUNTIMES, "bench.runtimes.null:Null"])
def test_every_runtime_has_an_adapter_that_can_do_all(name: str) -> None:
    adapter = find_runtime(name)()
    assert all(callable(getattr(adapter, method)) for method in METHODS)


def test_looking_a_runtime_up_imports_none() -> None:
    import subprocess

    code = (
        "import sys\n"
        "from bench.runtimes import RUNTIMES, find_runtime\n"
        "for name in RUNTIMES: find_runtime(name)\n"
        "print(*{'torch', 'onnx', 'onnxruntime'} & set(sys.modules))"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "\n"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("torh", "Did you mean torch"),
        ("openvino:fp64", "Did you mean openvino"),
        ("tensorflow", "there is no runtime 'tensorflow'"),
        ("", "there is no runtime ''"),
        ("a:b:c", "there is no runtime"),
        ("os; rm:x", "there is no runtime"),
        ("no_such_module:Runtime", "No module named 'no_such_module'"),
        ("bench.runtimes.null:Nul", "has no attribute 'Nul'"),
    ],
)
def test_a_name_nobody_knows(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        find_runtime(name)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", ["raise OSError('no library')", "def broken(:", "1 / 0"])
def test_a_module_of_ones_own_that_breaks_is_named(
    content: str, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (in_folder / "breaks_on_import.py").write_text(content)
    with pytest.raises(UsageError, match="breaks_on_import:Runtime cannot be imported"):
        find_runtime("breaks_on_import:Runtime")


def test_what_a_runtime_says_of_itself_is_asked_for(adapters: None) -> None:
    others = Demands("file", third_party=True)
    assert "third-party" in str(unsupported("torch", others))
    assert unsupported("onnxruntime", others) is None
    assert unsupported("faulty:Echo", others) is None
    assert start_seconds("torch-compile") > start_seconds("torch") > start_seconds("faulty:Echo")


def test_a_provider_that_a_runtime_cannot_use_here_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zoo.machine import devices

    monkeypatch.setattr(devices, "cuda_problem", lambda: "this torch has no CUDA")
    for runtime, provider in (("onnxruntime", "cpu"), ("torch", "cpu")):
        check_device(runtime, provider)
    for runtime in ("torch", "torch-compile"):
        with pytest.raises(
            UnavailableError, match=r"--provider cuda cannot run here with torch.*has no CUDA"
        ):
            check_device(runtime, "cuda")


def test_every_runtime_is_listed_with_its_version() -> None:
    import importlib.metadata

    listed = list_runtimes()
    assert [one["runtime"] for one in listed] == [*RUNTIMES]
    assert all(one["about"] for one in listed)
    assert listed[1]["version"] == f"torch {importlib.metadata.version('torch')}"


def test_only_runtimes_that_need_one_have_an_environment(adapters: None) -> None:
    pinned = Order("m", "torch", threads=2, cores=(0, 1))
    assert process_environment(Order("m", "onnxruntime", cores=(0, 1))) == {}
    assert process_environment(pinned)["OMP_PLACES"] == "{0},{1}"
    assert process_environment(Order("m", "faulty:WantsEnvironment", threads=3)) == {
        "RUNTIME_THREADS": "3"
    }


def test_a_runtime_says_its_packages_and_one_of_your_own_need_not(adapters: None) -> None:
    assert packages_of("torch") == packages_of("torch-compile") == ("torch",)
    assert packages_of("faulty:Echo") == ()
    assert {"torch", "onnxruntime-gpu", "openvino"} <= set(packages_of())
    assert set(versions(["torch", "faulty:Echo"])) == {"torch"}
    check_installed("faulty:Echo")
    assert providers_of("faulty:Echo") == ("cpu",)


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name.startswith("openvino")])
def test_a_runtime_that_is_not_installed_names_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "versions", lambda runtimes: {})
    with pytest.raises(UnavailableError, match=r"the extra openvino.*pip install -e") as caught:
        find_provider("cpu", [name])
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    assert {"runtime": name, "provider": "-", "state": str(caught.value)} in list_providers()
    assert (name, "", str(caught.value)) in list_extras()
    (row,) = [row for row in list_runtimes() if row["runtime"] == name]
    assert row["version"] == "not installed"


def test_providers_are_asked_of_the_runtimes_that_are_measured(
    adapters: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that onnxruntime cannot use is no matter of others."""
    monkeypatch.setattr(OnnxRuntime, "problem", staticmethod(lambda provider: f"no {provider}"))
    monkeypatch.setattr(Torch, "problem", staticmethod(lambda provider: None))
    assert find_provider("CUDAExecutionProvider", ["torch"]) == "cuda"
    with pytest.raises(UnavailableError, match="cuda cannot run here with faulty:Echo: it comp"):
        find_provider("cuda", ["faulty:Echo"])
    with pytest.raises(UnavailableError, match="cuda cannot run here with onnxruntime: no cuda"):
        find_provider("cuda", ["torch", "onnxruntime"])
    with pytest.raises(UsageError, match="Did you mean cuda"):
        find_provider("gpu", ["torch"])


def test_a_provider_that_a_runtime_has_nothing_to_do_with_is_none_of_its_arms(
    adapters: None,
) -> None:
    demands = Demands("fp32", third_party=False, provider="tensorrt")
    assert unsupported("torch", demands) == "torch computes on cpu or cuda, not on tensorrt"
    assert unsupported("faulty:Echo", demands) is not None


def test_each_provider_is_listed_with_its_runtime() -> None:
    listed = [(row["runtime"], row["provider"]) for row in list_providers()]
    assert {("onnxruntime", "cpu"), ("onnxruntime", "cuda"), ("torch", "cpu")} <= set(listed)
    assert all(row["state"] for row in list_providers())


def test_answers_may_be_as_far_apart_as_the_coarser_of_two_computes() -> None:
    assert apart_by("onnxruntime", "torch") == OTHER_RUNTIME
    assert apart_by("onnxruntime", "openvino:bf16") == COMPUTED_IN["bf16"] > OTHER_RUNTIME
