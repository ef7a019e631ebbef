import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.machine import threads

ROOT = Path(__file__).parents[2]


@pytest.fixture
def cgroup(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder in place of the control groups, on a machine with 8 cores."""
    monkeypatch.setattr(threads.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "quota", "cores"),
    [
        ("max 100000", None, 8),
        ("150000 100000", 1.5, 2),
        ("50000 100000", 0.5, 1),
        ("9900000 100000", 99, 8),
        ("", None, 8),
        (None, None, 8),
    ],
)
def test_the_budget_heeds_affinity_and_quota(
    cgroup: Path, text: str | None, quota: float | None, cores: int
) -> None:
    if text is not None:
        (cgroup / "cpu.max").write_text(text)
    assert threads.cgroup_quota(cgroup) == quota
    assert threads.thread_budget(cgroup) == cores


@pytest.mark.parametrize(
    ("written", "quota", "cores"), [("-1\n", None, 8), ("250000\n", 2.5, 3), ("1000\n", 0.01, 1)]
)
def test_the_budget_heeds_the_older_control_groups_too(
    cgroup: Path, written: str, quota: float | None, cores: int
) -> None:
    (cgroup / "cpu").mkdir()
    (cgroup / "cpu" / "cpu.cfs_quota_us").write_text(written)
    (cgroup / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.cgroup_quota(cgroup) == quota
    assert threads.thread_budget(cgroup) == cores


# What a library finds that is loaded now, and what the processes of `bench` get.
FOUND = """
import ctypes, os
find = ctypes.CDLL(None).getenv
find.restype = ctypes.c_char_p
print("torch" in sys.modules, find(b"GOMP_SPINCOUNT"), os.environ.get("GOMP_SPINCOUNT"))
"""
USES = {
    "cli": "import cli; cli.main(['list'], standalone_mode=False)",
    "api": "import zoo; zoo.TrainOptions",
}


def environment(**said: str) -> dict[str, str]:
    """Ours, with nothing said of waiting threads but that."""
    rest = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    return rest | {"PYTHONPATH": str(ROOT)} | said


def found_after(code: str, **said: str) -> str:
    words = [sys.executable, "-c", f"import sys; {code}\n{FOUND}"]
    done = subprocess.run(
        words, env=environment(**said), capture_output=True, text=True, check=True, cwd=ROOT
    )
    return done.stdout.splitlines()[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="reads the environment through libc")
@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, "b'2000' None"),
        ({"GOMP_SPINCOUNT": "7"}, "b'7' 7"),
        ({"OMP_WAIT_POLICY": "active"}, "None None"),
    ],
    ids=str,
)
def test_waiting_threads_spin_briefly_here_but_not_in_arms_unless_the_user_says_otherwise(
    said: dict[str, str], found: str
) -> None:
    done = found_after("from zoo.machine.threads import spin_briefly; spin_briefly()", **said)
    assert done == f"False {found}"


@pytest.mark.skipif(sys.platform == "win32", reason="reads the environment through libc")
@pytest.mark.parametrize("use", USES)
def test_commands_and_the_python_api_begin_with_that(use: str) -> None:
    assert found_after(USES[use]).endswith("b'2000' None")


@pytest.mark.skipif(sys.platform == "win32", reason="reads the environment through libc")
def test_importing_the_zoo_alone_changes_nothing_for_an_arm() -> None:
    assert found_after("import zoo.errors, bench.measuring.worker") == "False None None"


@pytest.mark.skipif(sys.platform != "linux", reason="torch brings libgomp on Linux")
def test_the_openmp_of_torch_has_read_it() -> None:
    done = subprocess.run(
        [sys.executable, "cli.py", "train", "mlp", "--data", "digits", "--device", "none"],
        env=environment(OMP_DISPLAY_ENV="VERBOSE"),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 2
    told = [line for line in done.stderr.splitlines() if "GOMP_SPINCOUNT" in line]
    if not told:
        pytest.skip("this torch has another OpenMP than libgomp")
    assert all("'2000'" in line for line in told)
