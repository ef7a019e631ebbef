"""What the tests of the commands share: an empty folder to run them in, and a finished run."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import Result

import zoo

if TYPE_CHECKING:
    from bench.sweep.matrix import Preset

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """A finished run of one epoch; tests that change it take `run` instead."""
    folder = tmp_path_factory.mktemp("runs") / "mlp-digits"
    return zoo.train("mlp", zoo.TrainOptions(data="digits", epochs=1), run=folder).folder


@pytest.fixture
def run(finished: Path, in_folder: Path) -> Path:
    """A copy of the finished run, where the commands look for it."""
    return shutil.copytree(finished, in_folder / "runs" / "mlp-digits")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch, tiny_preset: "Preset") -> None:
    """`--preset quick` and `standard` take milliseconds a cell."""
    from bench.sweep import matrix

    monkeypatch.setitem(matrix.PRESETS, "quick", replace(tiny_preset, accuracy=False))
    monkeypatch.setitem(matrix.PRESETS, "standard", tiny_preset)


@pytest.fixture
def faulty_runtimes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`faulty_sweep:Class` is a runtime, here and in the processes of arms."""
    folder = Path(__file__).parent.parent / "bench" / "adapters"
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runtime of each process that was started for an arm."""
    from bench.measuring.arm_process import ArmProcess

    found: list[str] = []
    start = ArmProcess.start

    def counted(arm: ArmProcess) -> None:
        found.append(arm.order.runtime)
        start(arm)

    monkeypatch.setattr(ArmProcess, "start", counted)
    return found
