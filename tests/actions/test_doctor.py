"""`doctor` tells limits from faults: a machine without a GPU is fine, a broken install is not."""

import importlib.metadata
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from cli import main
from zoo.actions import doctor as diagnosis
from zoo.actions.doctor import doctor
from zoo.machine import devices
from zoo.machine.finding import Finding, Status
from zoo.ort import providers
from zoo.ort.providers import CPU, CUDA

Install = Callable[..., None]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Install:
    """Make these, and no other, look like the installed distributions."""

    def pretend(*names: str) -> None:
        def version(name: str) -> str:
            if name in names:
                return "1.0"
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "version", version)

    return pretend


def finding(what: str) -> Finding:
    (found,) = [found for found in doctor() if found.what == what]
    return found


def test_everything_is_looked_at_and_says_something() -> None:
    found = doctor()
    looked_at = [finding.what for finding in found]
    assert looked_at[:10] == [
        *("python", "processor", "memory", "disk"),
        *("torch", "cuda", "bf16", "keras", "jax", "onnxruntime"),
    ]
    assert "data digits" in looked_at
    assert len(set(looked_at)) == len(looked_at)
    assert all(finding.text for finding in found)


def test_two_onnxruntimes_overwrite_each_other(installed: Install) -> None:
    installed("onnxruntime", "onnxruntime-gpu")
    found = finding("onnxruntime")
    assert found.status == "problem"
    assert "pip uninstall onnxruntime onnxruntime-gpu" in found.text


def test_no_onnxruntime_is_a_problem_with_its_remedy(installed: Install) -> None:
    installed()
    found = finding("onnxruntime")
    assert found.status == "problem"
    assert "pip install" in found.text


def test_an_onnxruntime_that_does_not_load_is_a_problem(
    installed: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("onnxruntime-gpu")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert finding("onnxruntime").status == "problem"


@pytest.mark.parametrize("name", ["onnxruntime", "onnxruntime-gpu"])
def test_one_onnxruntime_is_fine_and_names_its_providers(
    installed: Install, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    installed(name)
    library = SimpleNamespace(
        __version__="1.2.3",
        __file__=__file__,
        get_available_providers=lambda: ["FirstProvider", "SecondProvider"],
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", library)
    text = f"{name} 1.2.3: FirstProvider, SecondProvider"
    assert finding("onnxruntime") == Finding("onnxruntime", "ok", text)


def test_no_gpu_is_a_note_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cuda_problem", lambda: "the driver is on holiday")
    assert finding("cuda") == Finding("cuda", "note", "no GPU: the driver is on holiday")


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "Model T")
    assert finding("cuda") == Finding("cuda", "ok", "Model T")


@pytest.mark.parametrize(("native", "status"), [(True, "ok"), (False, "note")])
def test_bf16(monkeypatch: pytest.MonkeyPatch, native: bool, status: str) -> None:
    monkeypatch.setattr(devices, "native_bf16", lambda device: native)
    assert finding("bf16").status == status


@pytest.mark.parametrize(("free", "status"), [(1 << 20, "problem"), (1 << 40, "ok")])
def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch, free: int, status: str) -> None:
    usage = SimpleNamespace(total=1 << 41, used=0, free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert finding("disk").status == status


def test_data_folders_are_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_DATA", raising=False)
    (tmp_path / "mnist.zip").touch()
    found = {finding.what: finding for finding in doctor(tmp_path)}
    assert found["data mnist"] == Finding("data mnist", "ok", str(tmp_path / "mnist.zip"))
    assert found["data cifar100"] == Finding("data cifar100", "note", "download")


def test_a_data_folder_that_is_not_there_is_a_problem_among_the_other_findings(
    tmp_path: Path,
) -> None:
    done = CliRunner().invoke(main, ["doctor", "--data-dir", str(tmp_path / "gone")])
    assert done.exit_code == 1
    assert "python" in done.stdout
    assert str(tmp_path / "gone") in done.output


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("note", 0), ("problem", 1)])
@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
def test_only_a_problem_is_exit_1(
    monkeypatch: pytest.MonkeyPatch, status: Status, code: int, as_json: bool
) -> None:
    found = [Finding("python", "ok", "fine"), Finding("thing", status, "as it is")]
    monkeypatch.setattr(diagnosis, "doctor", lambda data_dir: found)
    done = CliRunner().invoke(main, ["doctor", "--json"] if as_json else ["doctor"])
    assert done.exit_code == code
    if as_json:
        assert json.loads(done.stdout)[1] == {"what": "thing", "status": status, "text": "as it is"}
    else:
        assert [line.split() for line in done.stdout.splitlines()][:2] == [
            ["ok", "python", "fine"],
            [status, "thing", "as", "it", "is"],
        ]


def test_two_onnxruntimes_are_exit_1(installed: Install) -> None:
    installed("onnxruntime", "onnxruntime-gpu")
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 1
    assert "overwrite each other" in done.stdout


@pytest.fixture
def with_cuda(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """An onnxruntime in `tmp_path` built with CUDA 13, and a driver that is content."""
    monkeypatch.setattr(providers, "driver_problem", lambda needed: None)
    module = ModuleType("onnxruntime")
    module.__file__ = str(tmp_path / "__init__.py")
    module.__dict__["cuda_version"] = "13.0"
    module.__dict__["get_available_providers"] = lambda: [CUDA, CPU]
    module.__dict__["preload_dlls"] = lambda: None
    return module


def test_an_onnxruntime_without_cuda_is_a_note(with_cuda: ModuleType) -> None:
    with_cuda.__dict__["get_available_providers"] = lambda: [CPU]
    found = diagnosis._onnxruntime_cuda(with_cuda)
    assert (found.status, "without CUDA" in found.text) == ("note", True)


def test_cuda_runs_where_its_libraries_load_and_the_driver_is_content(
    with_cuda: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "library_problem", lambda *arguments: None)
    assert diagnosis._onnxruntime_cuda(with_cuda).status == "ok"


def test_a_library_of_cuda_that_does_not_load_is_a_note(
    with_cuda: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "capi").mkdir()
    for name in ("shared", "cuda"):
        (tmp_path / f"capi/libonnxruntime_providers_{name}.so").write_text("no library")
    broken = diagnosis._onnxruntime_cuda(with_cuda)
    assert broken.status == "note"
    assert "libonnxruntime_providers_shared.so" in broken.text  # the loader names what is wrong


def test_a_driver_that_cannot_run_onnxruntimes_cuda_is_a_note(
    with_cuda: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "driver_problem", lambda needed: f"older than CUDA {needed}")
    found = diagnosis._onnxruntime_cuda(with_cuda)
    assert found == Finding("onnxruntime cuda", "note", "older than CUDA 13")
