"""The cache: whole entries or none, one builder at a time, noticed when damaged."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.data import Dataset, load
from zoo.errors import ZooError
from zoo.progress import Advance, Progress

Same = Callable[[Dataset, Dataset], bool]


class Counting(Progress):
    """Counts pieces of work: decoding is one, opening a cached dataset none."""

    def __init__(self) -> None:
        self.tasks = 0

    def task(self, label: str, total: int) -> Any:
        self.tasks += 1
        return super().task(label, total)


@pytest.fixture
def farm(make: Any, tmp_path: Path) -> Path:
    return make.folder(tmp_path / "farm", make.images())


def decodings(path: Path, **options: Any) -> int:
    progress = Counting()
    load(str(path), progress=progress, **options)
    return progress.tasks


def only_entry(cache: Path) -> Path:
    (entry,) = (cache / "entries").iterdir()
    return entry


def test_decoded_once(farm: Path) -> None:
    assert decodings(farm) == 1
    assert decodings(farm) == 0


def test_each_view_is_decoded_once(farm: Path) -> None:
    assert [decodings(farm, **view) for view in ({}, {"grey": True}, {"size": 4}, {})] == [
        1,
        1,
        1,
        0,
    ]


def test_a_copy_elsewhere_uses_the_same_entry(make: Any, farm: Path, tmp_path: Path) -> None:
    decodings(farm)
    copy = make.folder(tmp_path / "copy", make.images())
    assert decodings(copy) == 0


def test_arrays_are_mapped_from_plain_files(farm: Path, own_cache: Path) -> None:
    data = load(str(farm))
    entry = only_entry(own_cache)
    assert np.array_equal(np.load(entry / "train-images.npy"), data.train.images)
    assert np.array_equal(np.load(entry / "test-labels.npy"), data.test.labels)
    assert isinstance(data.train.images.base, np.memmap)


@pytest.mark.parametrize("change", ["content", "added", "removed", "same size and time"])
def test_a_changed_source_is_decoded_again(make: Any, farm: Path, change: str) -> None:
    before = load(str(farm))
    path = farm / "train" / "bee" / "0.png"
    if change == "content":
        path.write_bytes(make.encoded(np.zeros((6, 8, 3), dtype=np.uint8)))
    elif change == "added":
        path.with_name("new.png").write_bytes(path.read_bytes())
    elif change == "removed":
        path.unlink()
    else:
        stat, content = path.stat(), bytearray(path.read_bytes())
        other = (farm / "train" / "cow" / "0.png").read_bytes()
        assert len(other) == len(content)
        path.write_bytes(other)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    after = load(str(farm))
    assert after.fingerprint != before.fingerprint


def test_a_source_that_changes_while_it_is_read_is_not_cached(
    make: Any, farm: Path, own_cache: Path
) -> None:
    class Meddling(Progress):
        def say(self, text: str) -> None:
            pass

        def task(self, label: str, total: int) -> Any:
            (farm / "train" / "bee" / "0.png").write_bytes(make.encoded(np.zeros((6, 8, 3), "u1")))
            return super().task(label, total)

    with pytest.raises(ZooError, match="changed while"):
        load(str(farm), progress=Meddling())
    assert not list((own_cache / "entries").iterdir())
    assert not list((own_cache / "building").iterdir())
    load(str(farm))


DAMAGES: dict[str, Callable[[Path], None]] = {
    "images cut": lambda entry: os.truncate(entry / "train-images.npy", 500),
    "labels gone": lambda entry: (entry / "test-labels.npy").unlink(),
    "no meta": lambda entry: (entry / "meta.json").unlink(),
    "meta cut": lambda entry: os.truncate(entry / "meta.json", 40),
    "strange meta": lambda entry: (entry / "meta.json").write_text("[1, 2]") and None,
    "header": lambda entry: (
        (entry / "train-images.npy").write_bytes(bytes((entry / "train-images.npy").stat().st_size))
        and None
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_built_again(
    farm: Path, own_cache: Path, damage: str, same: Same
) -> None:
    first = load(str(farm))
    kept = first.train.images.copy()
    DAMAGES[damage](only_entry(own_cache))
    assert decodings(farm) == 1
    again = load(str(farm))
    assert np.array_equal(again.train.images, kept)
    assert again.fingerprint == first.fingerprint
    assert not list((own_cache / "building").iterdir())


def test_a_damaged_memo_is_written_again(farm: Path, own_cache: Path) -> None:
    load(str(farm))
    (memo,) = (own_cache / "memo").iterdir()
    whole = memo.read_text()
    for text in ("", "[]", '{"key": 1}'):
        memo.write_text(text)
        assert decodings(farm) == 0
        assert memo.read_text() == whole


def test_a_full_disk(farm: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(ZooError, match="the disk is full"):
            load(str(farm))
    assert not list((own_cache / "building").iterdir())
    assert decodings(farm) == 1


def test_a_disk_too_small_is_told_before_decoding(
    farm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    progress = Counting()
    with pytest.raises(ZooError, match="--size"):
        load(str(farm), progress=progress)
    assert progress.tasks == 0


def test_a_cache_that_cannot_be_made(farm: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match=r"cannot write .*file"):
        load(str(farm), cache_dir=tmp_path / "file" / "cache")


def test_an_entry_opens_from_a_cache_that_cannot_be_written(
    farm: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(str(farm))
    for memo in (own_cache / "memo").iterdir():
        memo.unlink()

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "write_text", refuse)
    monkeypatch.setattr(Path, "mkdir", refuse)
    assert decodings(farm) == 0


KILLED_EVERYWHERE = """
import json, os, shutil, signal, sys
from pathlib import Path
from zoo.data import load
from zoo.data.cache import open_entry

source, caches = sys.argv[1], Path(sys.argv[2])
os.fsync = lambda handle: None  # a kill loses nothing that was written; only a power cut does


def attempt(cache, kill_at):
    # In a separate process, killed at the kill_at-th file that it opens, makes or renames.
    child = os.fork()
    if child == 0:
        count = 0

        def hook(event, args):
            nonlocal count
            if event in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir") and (
                str(cache) in str(args[0]) or source in str(args[0])
            ):
                count += 1
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        load(source, cache_dir=cache)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


fingerprints, kills, leftovers, whole = set(), 0, 0, 0
while True:
    cache = caches / str(kills)
    outcome = attempt(cache, kills + 1)
    if outcome == 0:
        break
    assert outcome == -signal.SIGKILL, outcome
    kills += 1
    entries = list((cache / "entries").iterdir()) if (cache / "entries").exists() else []
    for entry in entries:
        assert open_entry(cache, entry.name), f"half an entry after kill {kills}"
    whole += len(entries)
    leftovers += (cache / "building").exists() and len(list((cache / "building").iterdir()))
    assert attempt(cache, -1) == 0
    (entry,) = (cache / "entries").iterdir()
    fingerprints.add(open_entry(cache, entry.name).facts.fingerprint)
    assert not list((cache / "building").iterdir()), f"leftovers after kill {kills}"
    shutil.rmtree(cache)
print(json.dumps([kills, leftovers, whole, sorted(fingerprints)]))
"""


def test_killed_at_any_moment_leaves_nothing_or_a_whole_entry(make: Any, tmp_path: Path) -> None:
    images = make.images(classes=("ant", "bee"), train=2, test=1)
    source = make.folder(tmp_path / "farm", images)
    output = run_python(KILLED_EVERYWHERE, source, tmp_path / "caches")
    kills, leftovers, whole, fingerprints = json.loads(output)
    assert kills > 20
    assert leftovers > 5
    assert whole < kills
    assert fingerprints == [load(str(source)).fingerprint]


def test_the_next_builder_of_anything_removes_leftovers(
    make: Any, farm: Path, tmp_path: Path, own_cache: Path
) -> None:
    for name in ("a" * 64, f"{'b' * 64}.damaged"):
        (own_cache / "building" / name).mkdir(parents=True)
    (own_cache / "locks").mkdir()
    for key in ("a" * 64, "b" * 64):
        (own_cache / "locks" / key).touch()
    load(str(farm))
    assert not list((own_cache / "building").iterdir())


def test_what_no_builder_left_is_not_removed(farm: Path, own_cache: Path) -> None:
    precious = [own_cache / "building" / name for name in ("house/plan", "a" * 64 + "/plan", "b")]
    for path in precious:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("precious")
    load(str(farm))
    assert [path.read_text() for path in precious] == ["precious"] * 3
    assert {path.name for path in (own_cache / "locks").iterdir()} == {only_entry(own_cache).name}


MEETING = """
import sys, time
from pathlib import Path
from zoo.data import load
from zoo.progress import Progress

role, source, flags = sys.argv[1], sys.argv[2], Path(sys.argv[3])


class Meeting(Progress):
    tasks = 0

    def say(self, text):
        (flags / "the second waits").touch()

    def task(self, label, total):
        self.tasks += 1
        if role == "first":
            (flags / "the first builds").touch()
            deadline = time.monotonic() + 30
            while not (flags / "the second waits").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
        return super().task(label, total)


progress = Meeting()
print(progress.tasks, load(source, progress=progress).fingerprint, progress.tasks)
"""


def test_two_processes_build_one_entry(farm: Path, tmp_path: Path, own_cache: Path) -> None:
    flags = tmp_path / "flags"
    flags.mkdir()
    first = start_python(MEETING, "first", farm, flags)
    deadline = time.monotonic() + 30
    while not (flags / "the first builds").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    second = start_python(MEETING, "second", farm, flags)
    outputs = [process.communicate(timeout=60)[0].split() for process in (first, second)]
    assert (flags / "the second waits").exists()
    fingerprint = load(str(farm)).fingerprint
    assert outputs == [["0", fingerprint, "1"], ["0", fingerprint, "0"]]
    assert only_entry(own_cache)


def test_an_interruption_leaves_nothing(farm: Path, own_cache: Path) -> None:
    class Interrupting(Progress):
        def task(self, label: str, total: int) -> Any:
            from contextlib import contextmanager

            @contextmanager
            def interrupted() -> Any:
                def advance(count: int = 1, text: str = "") -> None:
                    raise KeyboardInterrupt

                shown: Advance = advance
                yield shown

            return interrupted()

    with pytest.raises(KeyboardInterrupt):
        load(str(farm), progress=Interrupting())
    assert not list((own_cache / "building").iterdir())
    assert not list((own_cache / "entries").iterdir())


def start_python(code: str, *arguments: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", code, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def run_python(code: str, *arguments: object) -> str:
    process = start_python(code, *arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return output
