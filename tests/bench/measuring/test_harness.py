"""The key of the code that times: another as soon as a byte of it is."""

import shutil
from pathlib import Path

import pytest

from bench.measuring.harness import harness, harness_key

ROOT = Path(__file__).parents[3]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The sources once more, to be changed."""
    for folder in ("bench", "zoo"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "bench/measuring/arm_process.py",
        "bench/measuring/samples.py",
        "bench/measuring/stopping.py",
        "bench/scenarios/scenario.py",
        "bench/scenarios/throughput.py",
        "bench/stats/ratios.py",
        "bench/measuring/turns.py",
        "bench/stats/stats.py",
        "bench/measuring/worker.py",
        "bench/runtimes/adapter.py",
        "bench/runtimes/onnxruntime.py",
        "zoo/machine/child.py",
        "zoo/ort/session.py",
        "zoo/ort/signature.py",
    ],
)
def test_a_changed_source_is_another_harness(copied: Path, name: str) -> None:
    # A runtime of one's own: those of the zoo are imported from where they really lie.
    before = harness("json:JSONDecoder", root=copied)
    assert before == harness("json:JSONDecoder", root=copied)
    with (copied / name).open("a") as handle:
        handle.write("# slower\n")
    assert harness("json:JSONDecoder", root=copied) != before


def test_what_times_nothing_is_no_part_of_it(copied: Path) -> None:
    before = harness("json:JSONDecoder", root=copied)
    (copied / "bench" / "console.py").write_text("")
    assert harness("json:JSONDecoder", root=copied) == before


def test_an_adapter_of_ones_own_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    own = tmp_path / "harness_of_mine.py"
    own.write_text("class Mine: ...\n")
    before = harness("harness_of_mine:Mine")
    assert before != harness("onnxruntime") == harness("torch")
    own.write_text("class Mine: ...  # slower\n")
    assert harness("harness_of_mine:Mine") != before


def test_it_is_the_same_wherever_the_files_lie(tmp_path: Path) -> None:
    for folder, names in (("a", ("x.py", "y.py")), ("b", ("y.py", "x.py"))):
        (tmp_path / folder).mkdir()
        for name, text in zip(names, ("1", "2"), strict=True):
            (tmp_path / folder / name).write_text(text)
    found = {harness_key((tmp_path / folder).iterdir()) for folder in ("a", "b")}
    assert len(found) == 1
    assert found.pop()[0] == "h"
