"""One process at a time works on a folder; the second one is told at once which one does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.errors import UsageError, ZooError
from zoo.runs.holding import LOCK, holding, refuse_held

ROOT = Path(__file__).parents[2]
HOLDS = """
import sys
from pathlib import Path
from zoo.runs.holding import holding
with holding(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class Other:
    """Another process that holds a folder until it is told to go."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDS, str(folder), "--data", "some data"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout
        assert self.process.stdout.readline() == "held\n"

    def go(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def test_the_second_is_told_who_holds_it_and_since_when(tmp_path: Path) -> None:
    other = Other(tmp_path)
    for work in (lambda: holding(tmp_path).__enter__(), lambda: refuse_held(tmp_path)):
        with pytest.raises(ZooError) as refusal:
            work()
        assert refusal.value.exit_code == 1
        text = str(refusal.value)
        assert f"{tmp_path} is in use by process {other.process.pid}" in text
        assert "--data 'some data'" in text
        assert ", since 20" in text
    other.go()
    with holding(tmp_path):
        refused = [path.name for path in tmp_path.iterdir()]
    assert refused == [LOCK]
    assert list(tmp_path.iterdir()) == []


def test_the_lock_of_a_dead_process_is_in_nobodys_way(tmp_path: Path) -> None:
    other = Other(tmp_path)
    other.process.send_signal(signal.SIGKILL)
    other.go()
    assert (tmp_path / LOCK).exists()
    refuse_held(tmp_path)
    with holding(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / LOCK).read_text()
    assert list(tmp_path.iterdir()) == []


def test_the_same_process_holds_it_once(tmp_path: Path) -> None:
    with holding(tmp_path):
        refuse_held(tmp_path)  # it is not another one
        with pytest.raises(ZooError, match=f"process {os.getpid()} "):
            holding(tmp_path).__enter__()
    with holding(tmp_path):
        pass


def test_a_lock_that_was_removed_meanwhile_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.runs import holding as module

    real, left = module.try_lock, [True]

    def slow(handle: int) -> bool:
        if left:  # its holder ends between our opening it and our locking it
            left.pop()
            (tmp_path / LOCK).unlink()
        return real(handle)

    monkeypatch.setattr(module, "try_lock", slow)
    with holding(tmp_path):
        monkeypatch.undo()
        with pytest.raises(ZooError, match="is in use"):
            holding(tmp_path).__enter__()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["precious", "[]", '{"pid": 1}'])
def test_a_file_of_others_by_that_name_stays(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text)
    with pytest.raises(UsageError, match="did not write it"):
        holding(tmp_path).__enter__()
    assert (tmp_path / LOCK).read_text() == text


def test_looking_makes_nothing(tmp_path: Path) -> None:
    refuse_held(tmp_path)
    refuse_held(tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []
