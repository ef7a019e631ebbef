"""What is read from a pretended machine, and from this one while a neighbour takes its core."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest

from bench.measuring import environment as room
from bench.measuring import kernel
from bench.measuring.environment import (
    Contention,
    Evidence,
    environment,
    machine_key,
    read_contention,
    vram_mib,
)

PID = 4711
STAT = """cpu  9 9 9 9 9 9 9 1000 0 0
cpu0 1516934 160587 66074 557007 1999 0 161 100 0 0
cpu1 1713754 157579 104832 319473 7489 0 1307 300 0 0
intr 5 0 cpu7
"""
# Field 39 is the core; a name may hold blanks and brackets.
OWN_STAT = f"{PID} (a) b) R {' '.join(['0'] * 35)} 1 0 0\n"

Write = Callable[[str, str], None]
QUIET = Evidence(0.0, 0.0, 0.0, 0.0, 3000.0, 0.0, 1.0)
UNKNOWN = Contention(None, None, None, None, None)


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Put a text into the kernel of a machine that tells nothing yet."""
    for name in ("_PROC", "_CPUS", "_CGROUP"):
        monkeypatch.setattr(kernel, name, f"{tmp_path}/{name}")
    monkeypatch.setattr(kernel, "affinity", lambda pid: (0, 1))
    monkeypatch.setattr(kernel, "TICK_SECONDS", 0.01)

    def put(path: str, text: str) -> None:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    return put


@pytest.fixture
def smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Install a driver whose nvidia-smi runs these lines of shell."""

    def install(script: str) -> None:
        path = tmp_path / "bin" / "nvidia-smi"
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")

    return install


# The machine


def test_the_environment_is_json_and_tells_what_a_row_needs() -> None:
    here = environment(("torch", "not-a-distribution"))
    told = json.loads(json.dumps(asdict(here)))
    assert set(told) == {field.name for field in fields(here)}
    assert here.cores >= 1
    assert here.memory_gib > 0.1
    assert set(here.packages) == {"numpy", "onnx", "torch"}
    assert here.at.endswith("+00:00")


def test_the_environment_names_no_folder_of_anybody() -> None:
    told = json.dumps(asdict(environment()))
    assert str(Path(__file__).parents[3]) not in told
    assert len(str(Path.home())) < 2 or str(Path.home()) not in told


def test_reading_the_environment_imports_no_runtime() -> None:
    code = (
        "import sys; from bench.measuring.environment import environment; environment();"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "bench" in loaded
    assert loaded & {"torch", "onnx", "onnxruntime", "numpy", "pandas"} == set()


def test_the_key_is_the_same_on_the_same_machine_and_another_elsewhere() -> None:
    assert environment().machine == environment().machine
    key = machine_key("EPYC", ("avx2", "fma"), 2, (), 23.54)
    assert key == machine_key("EPYC", ["fma", "avx2"], 2, [], 23.61)
    others = {
        machine_key("EPYC 2", ("avx2", "fma"), 2, (), 23.54),
        machine_key("EPYC", ("avx2",), 2, (), 23.54),
        machine_key("EPYC", ("avx2", "fma"), 4, (), 23.54),
        machine_key("EPYC", ("avx2", "fma"), 2, ("H200",), 23.54),
        machine_key("EPYC", ("avx2", "fma"), 2, (), 31.4),
    }
    assert len(others - {key}) == 5
    assert all(len(other) == 12 for other in others)


def test_gpus_and_their_driver(smi: Callable[[str], None]) -> None:
    smi('[ "$1" = --query-gpu=name,driver_version ] && echo "NVIDIA H200, 580.95.05"')
    here = environment()
    assert (here.gpus, here.gpu_driver) == (("NVIDIA H200",), "580.95.05")


@pytest.mark.parametrize("script", ["exit 9", "echo No devices were found", "exec sleep 60"])
def test_a_driver_that_finds_nothing_or_hangs_has_no_gpus(
    smi: Callable[[str], None], script: str
) -> None:
    smi(script)
    here = environment(smi_seconds=0.5)
    assert (here.gpus, here.gpu_driver) == ((), None)
    assert vram_mib(PID, smi_seconds=0.5) is None


def test_the_gpu_memory_of_a_process_over_all_gpus(smi: Callable[[str], None]) -> None:
    smi(f"echo '{PID}, 500'; echo '1, 9000'; echo '{PID}, 20'; echo '17, [N/A]'")
    assert vram_mib(PID) == 520
    assert vram_mib(17) is None


def test_the_governors_of_our_cores(write: Write) -> None:
    assert kernel.governor((0, 1)) is None
    write("_CPUS/cpu0/cpufreq/scaling_governor", "performance\n")
    assert kernel.governor((0, 1)) == "performance"
    write("_CPUS/cpu1/cpufreq/scaling_governor", "powersave\n")
    assert kernel.governor((0, 1)) == "performance, powersave"


# What the kernel counts


def test_all_counters_of_a_process(write: Write) -> None:
    write("_PROC/stat", STAT)
    write("_PROC/pressure/cpu", "some avg10=1.03 avg60=1 avg300=1 total=2500000\nfull total=7\n")
    write("_CGROUP/cpu.stat", "usage_usec 5\nnr_throttled 3\nthrottled_usec 1500000\n")
    for thread, waited in ((PID, 4_000_000), (PID + 1, 500_000)):
        write(f"_PROC/{PID}/task/{thread}/schedstat", f"1389806 {waited} 2\n")
    write(f"_PROC/{PID}/stat", OWN_STAT)
    write("_CPUS/cpu1/cpufreq/scaling_cur_freq", "3400123\n")
    found = read_contention(PID)
    assert found.clock_mhz == pytest.approx(3400.123)
    assert found == Contention(
        steal=2.0,
        pressure=2.5,
        throttled=1.5,
        delays={PID: 0.004, PID + 1: 0.0005},
        clock_mhz=found.clock_mhz,
    )
    of_nobody = read_contention(None)
    assert of_nobody == replace(found, delays=None, clock_mhz=None)


def test_a_system_that_tells_nothing_is_never_disturbed(write: Write) -> None:
    assert read_contention(PID) == read_contention(None) == UNKNOWN
    nothing = Evidence.between(UNKNOWN, UNKNOWN, 10**9)
    assert nothing.disturbed is None
    assert {value for name, value in asdict(nothing).items() if name != "wall_seconds"} == {None}


def test_steal_is_that_of_the_cores_in_question(write: Write) -> None:
    write("_PROC/stat", STAT)
    assert kernel.steal((1,)) == 3.0
    assert kernel.steal(()) == 2.0
    assert kernel.steal((7,)) is None
    write("_PROC/stat", "cpu  1 2 3 4\ncpu0 1 2 3 4\n")  # kernels before 2.6.11
    assert kernel.steal((0,)) is None


def test_older_control_groups_count_nanoseconds(write: Write) -> None:
    write("_CGROUP/cpu/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 2500000000\n")
    assert kernel.throttled() == 2.5
    write("_CGROUP/cpu.stat", "usage_usec 1\n")  # the root of version 2 has no quota
    assert kernel.throttled() == 2.5


def test_a_kernel_that_counts_no_delays_says_zeros(write: Write) -> None:
    write(f"_PROC/{PID}/task/{PID}/schedstat", "0 0 0\n")
    assert kernel.delays(PID) is None


def test_pressure_may_be_switched_off(write: Write) -> None:
    write("_PROC/pressure/cpu", "")
    assert kernel.pressure() is None


def test_a_virtual_machine_has_no_clock(write: Write) -> None:
    write(f"_PROC/{PID}/stat", OWN_STAT)
    assert kernel.clock_mhz(PID) is None


# Evidence


def test_evidence_is_the_difference_over_the_wall_time() -> None:
    before = Contention(10.0, 20.0, 1.0, {1: 5.0, 2: 1.0}, 4000.0)
    after = Contention(10.5, 21.0, 1.2, {1: 5.1, 3: 0.3}, 3000.0)
    found = Evidence.between(before, after, 2 * 10**9)
    assert found.steal_share == pytest.approx(0.25)
    assert found.pressure_share == pytest.approx(0.5)
    assert found.throttled_share == pytest.approx(0.1)
    assert found.delay_share == pytest.approx(0.15)  # a thread has ended, another has begun
    assert found.clock_mhz == 3000
    assert found.clock_change == pytest.approx(-0.25)
    assert json.loads(json.dumps(asdict(found))) == asdict(found)


@pytest.mark.parametrize("threads", [1, 64])
def test_many_threads_that_wait_a_little_are_not_disturbed(threads: int) -> None:
    """Alone on its cores, each waits some thousandths of the time."""
    before = Contention(None, None, None, dict.fromkeys(range(threads), 5.0), None)
    after = replace(before, delays=dict.fromkeys(range(threads), 5.005))
    found = Evidence.between(before, after, 10**9)
    assert found.delay_share == pytest.approx(0.005)
    assert found.disturbed is None
    one = replace(after, delays={**(after.delays or {}), 0: 5.1})
    assert "waited for a core for 10.0%" in str(Evidence.between(before, one, 10**9).disturbed)


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        ({}, None),
        ({"delay_share": 0.019}, None),
        ({"delay_share": 0.053}, "a thread waited for a core for 5.3% of the time"),
        ({"steal_share": 0.019}, None),  # not surely more than the tick that may be left over
        ({"steal_share": 0.04}, "the hypervisor took 4.0% of the time"),
        ({"steal_share": 0.1, "wall_seconds": 0.1}, None),
        ({"throttled_share": 0.2}, "the CPU quota was used up for 20.0% of the time"),
        ({"clock_change": -0.05}, None),
        ({"clock_change": 0.5}, None),
        ({"clock_change": -0.2}, "the clock dropped by 20%"),
        ({"pressure_share": 0.9}, None),  # others waited, we did not
        (
            {"pressure_share": 0.9, "delay_share": None},
            "some task waited for a core for 90.0% of the time",
        ),
        (
            {"delay_share": 0.5, "clock_change": -0.3},
            "a thread waited for a core for 50.0% of the time; the clock dropped by 30%",
        ),
        ({"wall_seconds": 0.0}, None),
    ],
)
def test_when_a_block_counts_as_disturbed(
    seen: dict[str, Any], reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "TICK_SECONDS", 0.01)
    assert replace(QUIET, **seen).disturbed == reason


# This machine


@pytest.fixture
def start() -> Iterator[Callable[[str], int]]:
    """Start Python programs that share one of our cores; the number of the process."""
    core, running = max(kernel.affinity(os.getpid())), []

    def begin(code: str) -> int:
        code = f"import os; os.sched_setaffinity(0, {{{core}}}); print(flush=True); {code}"
        child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        running.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return child.pid

    yield begin
    for child in running:
        child.kill()
        child.communicate()


BUSY, WAITING = "[0 for _ in iter(int, 1)]", "input()"

counts_delays = pytest.mark.skipif(
    kernel.delays(os.getpid()) is None, reason="this kernel does not count run-queue delays"
)


@counts_delays
def test_a_neighbour_on_the_same_core_is_seen(start: Callable[[str], int]) -> None:
    ours, _ = start(BUSY), start(BUSY)
    before, began = read_contention(ours), time.perf_counter_ns()
    time.sleep(0.5)
    found = Evidence.between(before, read_contention(ours), time.perf_counter_ns() - began)
    assert found.delay_share is not None
    assert found.delay_share > 5 * room.MOST_DELAY
    assert "waited for a core" in str(found.disturbed)


@counts_delays
def test_a_process_that_waits_in_read_does_not_wait_for_a_core(
    start: Callable[[str], int],
) -> None:
    ours, _ = start(WAITING), start(BUSY)
    time.sleep(0.2)  # it may take a while to get there, beside the other
    before, began = read_contention(ours), time.perf_counter_ns()
    time.sleep(0.3)
    found = Evidence.between(before, read_contention(ours), time.perf_counter_ns() - began)
    assert found.delay_share == 0


def test_a_process_that_is_gone_tells_nothing(start: Callable[[str], int]) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = read_contention(child.pid)
    assert (gone.delays, gone.clock_mhz) == (None, None)
