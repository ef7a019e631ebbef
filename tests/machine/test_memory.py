"""How much memory is left for a process, and what holds it to that."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import click
import psutil
import pytest

from zoo.commands.parameters import MemoryType
from zoo.machine import memory
from zoo.machine.memory import Watch, default_bound, memory_left, size_text

LEFT = 16 << 30


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder in place of the control groups, on a machine that has 16 GiB left."""
    (tmp_path / "proc" / "self").mkdir(parents=True)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=LEFT))
    monkeypatch.setattr(memory, "_PROC", tmp_path / "proc")
    monkeypatch.setattr(memory, "_GROUPS", tmp_path / "cgroup")
    return tmp_path / "cgroup"


def member(groups: Path, lines: str) -> None:
    (groups.parent / "proc" / "self" / "cgroup").write_text(lines)


def write(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in files.items():
        (folder / name.replace("__", ".")).write_text(f"{value}\n")


def test_without_limits_it_is_what_the_machine_has_left(groups: Path) -> None:
    assert memory_left() == LEFT
    member(groups, "0::/\n")
    assert memory_left() == LEFT
    assert default_bound() == LEFT * 3 // 4
    assert default_bound(2) == default_bound() // 2


def test_a_container_of_cgroup_2(groups: Path) -> None:
    """What the kernel keeps of files is given back when it is needed."""
    member(groups, "0::/\n")
    stat = "anon 5\ninactive_file 1000\nactive_file 70"
    write(groups, memory__max=5000, memory__current=3000, memory__stat=stat)
    assert memory_left() == 3000
    write(groups, memory__max="max")
    assert memory_left() == LEFT


def test_the_tightest_of_nested_groups_counts(groups: Path) -> None:
    member(groups, "0::/outer/inner\n")
    write(groups / "outer", memory__max=900, memory__current=100, memory__stat="x 1")
    write(groups / "outer" / "inner", memory__max=2000, memory__current=50, memory__stat="x 1")
    assert memory_left() == 800


def test_a_container_of_cgroup_1(groups: Path) -> None:
    member(groups, "5:cpu,cpuacct:/x\n4:memory:/docker/1a\n0::/\n")
    own = groups / "memory" / "docker" / "1a"
    stat = "inactive_file 7\ntotal_inactive_file 200"
    write(own, memory__limit_in_bytes=4000, memory__usage_in_bytes=1500, memory__stat=stat)
    assert memory_left() == 2700
    write(own, memory__limit_in_bytes=9223372036854771712)
    assert memory_left() == LEFT


def test_a_group_seen_from_inside_a_container(groups: Path) -> None:
    """Its path is that of the host, its files lie at the top."""
    member(groups, "4:memory:/docker/1a\n")
    limits = {"memory__limit_in_bytes": 4000, "memory__usage_in_bytes": 4500, "memory__stat": "x 1"}
    write(groups / "memory", **limits)
    assert memory_left() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux heeds the limit")
def test_beyond_a_bound_of_address_space_allocations_fail() -> None:
    code = (
        "from zoo.machine.memory import limit_address_space\n"
        "limit_address_space(300 << 20)\n"
        "held = bytearray(200 << 20)\n"
        "try:\n    more = bytearray(400 << 20)\nexcept MemoryError:\n    print('no more')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "no more\n"


def test_a_watch_sees_what_a_process_takes() -> None:
    own = psutil.Process().memory_info().rss
    assert Watch(os.getpid(), own // 2).exceeded()
    assert not Watch(os.getpid(), own * 100).exceeded()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watch = Watch(child.pid, 1)
    child.communicate(b"\n")
    assert not watch.exceeded()


@pytest.mark.parametrize(
    ("text", "count"),
    [("8GB", 8 * 10**9), ("512mb", 512 * 10**6), ("1.5 TB", 15 * 10**11), ("64kB", 64_000)],
)
def test_an_amount_is_read_and_told(text: str, count: int) -> None:
    assert MemoryType().convert(text, None, None) == count
    assert MemoryType().convert(size_text(count), None, None) == count


@pytest.mark.parametrize("text", ["8", "GB", "0GB", "-1GB", "nanGB", "infGB", "8 apples", ""])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="Write 8GB or 512MB"):
        MemoryType().convert(text, None, None)
