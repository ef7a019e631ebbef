"""What the tests of the benchmark share: one real sweep, small runtimes, counted processes."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import bench
from bench.measuring.arm_process import ArmProcess
from bench.pair.pairs import compare_pair
from bench.pair.settings import PairSettings
from bench.regression.compare_results import compare_results
from bench.regression.findings import Comparison
from bench.results.results_file import write_csv
from bench.results.rows import Row
from bench.sweep.matrix import Preset, Settings
from tests.bench.pair.comparisons import SETTINGS, ComparePair
from tests.bench.regression.two_sweeps import Compare
from tests.factories import Told
from zoo.machine.executor import Executor
from zoo.ort.faults import Here
from zoo.ort.given import Given

HERE = Path(__file__).parent


@dataclass
class Swept:
    """A finished sweep: its CSV, its rows, and what was said meanwhile."""

    out: Path
    rows: list[Row]
    settings: Settings
    told: list[str] = field(default_factory=list)

    def row(self, **facts: Any) -> Row:
        """The only one with these values."""
        (found,) = (
            row
            for row in self.rows
            if all(getattr(row, name) == value for name, value in facts.items())
        )
        return found


@pytest.fixture(scope="session")
def swept(
    tmp_path_factory: pytest.TempPathFactory, mlp_exports: Path, tiny_preset: Preset
) -> Swept:
    """The published `mlp`, fp32 and int8, at two batch sizes, for everybody to look at."""
    out = tmp_path_factory.mktemp("swept") / "results.csv"
    settings = Settings(preset=tiny_preset, batches=(1, 4), threads=(1,))
    told = Told()
    rows = bench.run([], settings, exports=mlp_exports, out=out, profile=True, progress=told)
    return Swept(out, rows, settings, told.lines)


@pytest.fixture(scope="module")
def faulty_runtimes() -> Iterator[None]:
    """`faulty_sweep:Class` is a runtime, here and in the processes of arms."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE / "adapters")
        patch.setenv("PYTHONPATH", str(HERE / "adapters"))
        yield


@pytest.fixture
def sweep_of(tmp_path: Path, tiny_preset: Preset, faulty_runtimes: None) -> Callable[..., Swept]:
    """Sweep ONNX files, by default with the runtime `Right` and at batch 1."""

    def run(
        *targets: Path | str,
        out: str = "results.csv",
        resume: bool = False,
        given: Given | None = None,
        data_dir: Path | None = None,
        exports: Path = Path("exports"),
        precisions: tuple[str, ...] | None = None,
        on: Here | None = None,
        executor: Executor | None = None,
        **options: Any,
    ) -> Swept:
        told = Told()
        settings = Settings(
            **{
                "preset": tiny_preset,
                "runtimes": ("faulty_sweep:Right",),
                "batches": (1,),
                "threads": (1,),
                **options,
            }
        )
        rows = bench.run(
            [str(target) for target in targets],
            settings,
            precisions=precisions,
            exports=exports,
            data_dir=data_dir,
            given=given,
            out=tmp_path / out,
            resume=resume,
            on=on,
            executor=executor,
            progress=told,
        )
        return Swept(tmp_path / out, rows, settings, told.lines)

    return run


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The model and runtime of each process that was started for an arm."""
    found: list[str] = []
    start = ArmProcess.start

    def counted(arm: ArmProcess) -> None:
        found.append(f"{os.path.basename(arm.order.model)} {arm.order.runtime}")  # noqa: PTH119
        start(arm)

    monkeypatch.setattr(ArmProcess, "start", counted)
    return found


# For the tests of arms, their processes and turns


@pytest.fixture
def adapters(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in `adapters/` is a runtime, here and in the processes of arms."""
    monkeypatch.syspath_prepend(HERE / "adapters")
    monkeypatch.setenv("PYTHONPATH", str(HERE / "adapters"))


@pytest.fixture(scope="session")
def planted_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network of convolutions that takes pixels [32, 32, 3]."""
    import onnx

    from bench.pair.planted import planted

    path = tmp_path_factory.mktemp("planted") / "planted.onnx"
    onnx.save(planted(4), path)
    return path


@pytest.fixture(scope="session")
def images_npy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images [32, 32, 3] of noise; the first pixel of each is its number."""
    images = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(12)
    path = tmp_path_factory.mktemp("images") / "images.npy"
    np.save(path, images)
    return path


@pytest.fixture
def nothing_left(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """After the test there is no process, pipe or temporary file that was not there before."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    before = _children(), _handles()
    yield
    assert (_children(), _handles()) == before
    assert list(folder.iterdir()) == []


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def _handles() -> set[tuple[str, str]]:
    """Open pipes and files without a name, by number."""
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(entry)  # noqa: PTH115 - a pipe is no path
        except FileNotFoundError:  # the one that listed them
            continue
        if target.startswith("pipe:") or target.endswith("(deleted)"):
            found.add((entry.name, target))
    return found


@pytest.fixture
def recorded(
    tmp_path: Path, adapters: None, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[dict[str, Any]]]:
    """What `recording:Recording` was asked to do so far, by all processes together."""
    path = tmp_path / "record.jsonl"
    monkeypatch.setenv("RECORD", str(path))
    return lambda: [json.loads(line) for line in path.read_text().splitlines()]


# For the tests of `compare`


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """Hold these rows against each other, as two results files."""

    def run(base: Sequence[Row], new: Sequence[Row], **options: Any) -> Comparison:
        write_csv(tmp_path / "base.csv", base)
        write_csv(tmp_path / "new.csv", new)
        return compare_results(tmp_path / "base.csv", tmp_path / "new.csv", **options)

    return run


@pytest.fixture
def compare_files(faulty_runtimes: None) -> ComparePair:
    """`compare A B` in the settings of these tests."""

    def run(*targets: Path | str, settings: PairSettings = SETTINGS, **options: Any) -> list[Row]:
        return list(compare_pair([str(target) for target in targets], settings, **options))

    return run
