"""A file is whole or the old one: through failing blocks, full disks and kill -9."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.errors import ZooError
from zoo.files import (
    atomic,
    check_writable,
    lock_file,
    locked,
    sweep,
    try_lock,
    write_json,
    write_text,
    writing,
)

ROOT = Path(__file__).parent.parent


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Path]:
    """A file with content; no test may leave anything else beside it."""
    path = tmp_path / "file.txt"
    path.write_text("old")
    yield path
    assert list(tmp_path.iterdir()) == [path]


def test_the_block_fills_a_temporary_file_that_becomes_the_file(old: Path) -> None:
    with atomic(old) as temporary:
        temporary.write_text("new")
        assert temporary.parent == old.parent  # a rename is atomic on one file system only
        assert old.read_text() == "old"
    assert old.read_text() == "new"


def write_half(path: Path, error: BaseException) -> None:
    with atomic(path) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt()], ids=repr)
def test_a_failing_block_leaves_the_old_file(old: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_half(old, error)
    assert old.read_text() == "old"


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (errno.ENOSPC, "disk is full; free some space"),
        (errno.EDQUOT, "quota is used up; free some space"),
        (errno.EROFS, "read-only; name another folder"),
        (errno.EACCES, "no permission to write to this folder; change that"),
        (errno.EPERM, "no permission to write to this folder; change that"),
    ],
)
def test_a_refusal_of_the_system_names_the_file_and_the_fix(old: Path, code: int, fix: str) -> None:
    with pytest.raises(ZooError) as caught:
        write_half(old, OSError(code, os.strerror(code)))
    assert str(old) in str(caught.value)
    assert fix in str(caught.value)
    assert caught.value.exit_code == 1
    assert old.read_text() == "old"


def test_a_disk_that_is_full_only_when_synced_leaves_the_old_file(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ZooError, match="disk is full"):
        write_text(old, "new")
    assert old.read_text() == "old"


def test_an_error_without_a_known_fix_keeps_the_systems_own_words(old: Path) -> None:
    with pytest.raises(ZooError, match=os.strerror(errno.EIO)), writing(old):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(ZooError, match="no number"), writing(old):
        raise OSError("no number")


@pytest.mark.parametrize("inside", ["new.txt", "deeper/new.txt", "deeper/still/new.txt"])
def test_a_file_in_place_of_a_folder_is_named(old: Path, inside: str) -> None:
    with pytest.raises(ZooError, match="name another") as caught:
        write_text(old / inside, "new")
    assert str(old / inside) in str(caught.value)
    assert old.read_text() == "old"


@pytest.mark.parametrize("name", [".", "folder"])
def test_a_folder_in_place_of_the_file_is_named(in_folder: Path, name: str) -> None:
    Path("folder").mkdir()
    with pytest.raises(ZooError, match="is a folder"):
        write_text(Path(name), "new")
    assert [path.name for path in in_folder.iterdir()] == ["folder"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "file.txt", "new")
    assert (tmp_path / "a" / "b" / "file.txt").read_text() == "new"


def test_the_content_is_synced_before_the_rename_and_the_folder_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    renamed_when_synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: renamed_when_synced.append(path.exists()))
    write_text(path, "new")
    assert renamed_when_synced == [False, True]


KILLED_IN_THE_BLOCK = "temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
KILLED_BEFORE_THE_RENAME = (
    "os.fsync = lambda handle: os.kill(os.getpid(), signal.SIGKILL); temporary.write_text('whole')"
)


@pytest.mark.parametrize("block", [KILLED_IN_THE_BLOCK, KILLED_BEFORE_THE_RENAME])
def test_kill_9_leaves_the_old_file(tmp_path: Path, block: str) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from zoo.files import atomic\n"
        f"with atomic(Path(sys.argv[1])) as temporary:\n    {block}\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    write_text(path, "new")  # what the dead process left is in nobody's way
    assert path.read_text() == "new"


def leave_half(path: Path) -> Path:
    """What a killed process leaves of a file."""
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from zoo.files import atomic\n"
        f"with atomic(Path(sys.argv[1])) as temporary:\n    {KILLED_IN_THE_BLOCK}\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False)
    (left,) = path.parent.iterdir()
    return left


def test_what_a_killed_process_left_goes_with_the_next_writing(tmp_path: Path) -> None:
    path = tmp_path / "file[1].txt"
    left = leave_half(path)
    others = [tmp_path / name for name in (".file[1].txt.12.tmp", ".file1.txt.12.onnx-zoo.tmp")]
    for other in others:
        other.write_text("precious")
    write_text(path, "new")
    assert not left.exists()
    assert {*tmp_path.iterdir()} == {path, *others}


def test_what_another_process_is_writing_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with atomic(path) as temporary:
        temporary.write_text("mine")
        with pytest.raises(ZeroDivisionError), atomic(tmp_path / "other.txt"):
            raise ZeroDivisionError
        sweep(path)
        assert temporary.read_text() == "mine"
    assert path.read_text() == "mine"


def test_json_keeps_every_letter_and_ends_in_a_newline(tmp_path: Path) -> None:
    path = tmp_path / "value.json"
    write_json(path, {"name": "café 猫", "share": 0.1})
    text = path.read_text(encoding="utf-8")
    assert "café 猫" in text
    assert text.endswith("}\n")
    assert json.loads(text) == {"name": "café 猫", "share": 0.1}


def test_a_folder_that_can_be_made_is_fine_and_is_not_made(tmp_path: Path) -> None:
    check_writable(tmp_path)
    check_writable(tmp_path / "deep" / "folder")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_refused_at_once(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (old, old / "folder"):
        with pytest.raises(ZooError, match="a part of this path is a file"):
            check_writable(folder)
    # The user who runs the tests may have all permissions.
    monkeypatch.setattr(os, "access", lambda path, mode: path != old.parent or mode != os.W_OK)
    with pytest.raises(ZooError, match="no permission to write to this folder"):
        check_writable(old.parent / "folder")


def test_who_waits_for_a_lock_is_told_once_and_then_has_it(tmp_path: Path) -> None:
    told = []
    with lock_file(tmp_path / "lock") as other:
        assert try_lock(other)

        def on_wait() -> None:
            told.append("waiting")
            fcntl.flock(other, fcntl.LOCK_UN)

        with locked(tmp_path / "lock", on_wait):
            assert told == ["waiting"]
            assert not try_lock(other)
    with locked(tmp_path / "lock", on_wait):
        assert told == ["waiting"]
    assert (tmp_path / "lock").stat().st_mode & 0o111 == 0  # a file to be locked, not to be run


def test_no_handle_is_left_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - as many as before, whichever they are
    write_text(tmp_path / "file.txt", "new")
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208
