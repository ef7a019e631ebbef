"""However a command ends, it is a line and an exit code; what nobody foresaw is kept in a file."""

import errno
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from zoo.actions import list_
from zoo.commands.last_resort import EXIT_FAULT

Call = Callable[..., Result]
ROOT = Path(__file__).parent.parent.parent
COMMANDS = (["list"], ["list", "models", "--json"], ["--help"], ["list", "--help"], ["--version"])
FULL = Path("/dev/full")


def raising(error: Exception) -> Callable[..., None]:
    def work(*arguments: object) -> None:
        raise error

    return work


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of temporary files of its own."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


class TestUnforeseen:
    def test_a_fault_is_a_line_and_a_file_that_holds_the_traceback(
        self, call: Call, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_, "list_things", raising(KeyError("dataset\x1b")))
        done = call("list", code=EXIT_FAULT)
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: this is a bug in the program (KeyError")
        (path,) = temporary.iterdir()
        assert str(path) in line
        assert "\x1b" not in line
        assert "Traceback" in path.read_text()
        assert "raise error" in path.read_text()

    def test_two_faults_are_two_files(
        self, call: Call, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(list_, "list_things", raising(KeyError("x")))
        call("list", code=EXIT_FAULT)
        call("list", code=EXIT_FAULT)
        assert len(list(temporary.iterdir())) == 2

    def test_without_a_place_for_the_file_the_traceback_is_told(
        self, call: Call, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        temporary.rmdir()
        monkeypatch.setattr(list_, "list_things", raising(KeyError("x")))
        assert "Traceback" in call("list", code=EXIT_FAULT).stderr

    @pytest.mark.parametrize(
        ("error", "told"),
        [
            (MemoryError(), "out of memory"),
            (OSError(errno.ENOSPC, "No space", "/some/file"), "/some/file: the disk is full"),
            (OSError(errno.ENOSPC, "No space"), "or in the cache): the disk is full"),
            (OSError(errno.EMFILE, "Too many", "/some/file"), "ulimit -n"),
        ],
        ids=str,
    )
    def test_what_the_machine_refuses_is_no_fault(
        self,
        call: Call,
        temporary: Path,
        monkeypatch: pytest.MonkeyPatch,
        error: Exception,
        told: str,
    ) -> None:
        monkeypatch.setattr(list_, "list_things", raising(error))
        assert told in call("list", code=1).stderr
        assert list(temporary.iterdir()) == []


def cli(
    *words: str, stdout: int | None = None, shell: str = ""
) -> "subprocess.CompletedProcess[str]":
    """Run it as a separate process; shell: how its streams are bent there."""
    command = [sys.executable, str(ROOT / "cli.py"), *words]
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    return subprocess.run(
        command,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )


class TestStreams:
    @pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
    @pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
    def test_a_full_disk_is_told(self, words: list[str]) -> None:
        with FULL.open("w") as full:
            done = cli(*words, stdout=full.fileno())
        said = (
            "error: cannot write to standard output: the disk is full; free some space and try "
            "again.\n"
        )
        assert (done.returncode, done.stderr) == (1, said)

    @pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
    def test_a_reader_that_has_gone_ends_it_quietly(self, words: list[str]) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        try:
            done = cli(*words, stdout=writer)
        finally:
            os.close(writer)
        assert (done.returncode, done.stderr) == (1, "")

    def test_a_closed_output_is_an_error(self) -> None:
        done = cli("list", shell=">&-")
        said = "error: standard output is closed. Send it to a file or to /dev/null.\n"
        assert (done.returncode, done.stderr) == (2, said)

    def test_without_standard_error_the_exit_code_stays(self) -> None:
        assert cli("list", "nonsense", shell="2>&-").returncode == 2
        done = cli("list", shell="2>&-")
        assert (done.returncode, done.stdout) == (0, cli("list").stdout)
        if FULL.exists():
            assert cli("list", "nonsense", shell="2>/dev/full").returncode == 2

    def test_a_name_that_the_terminal_cannot_encode_is_shown_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PYTHONIOENCODING", "ascii")
        name = os.fsdecode(b"caf\xc3\xa9-\xff.onnx")
        done = cli("predict", str(tmp_path / name), "x.png")
        assert done.returncode == 1
        assert re.search(r"there is no file .*caf\\xe9", done.stderr)


def test_an_export_on_a_full_disk_says_so_and_leaves_what_was_there(
    call: Call, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.actions import export

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("_write_vector", "_fill"):
        monkeypatch.setattr(export, name, full)
        told = call("export", "mlp", "--precision", "fp32", code=1).stderr
        assert "error: cannot write exports/local: the disk is full" in told
        assert not list(Path("exports/local").glob(".new-*"))
        monkeypatch.undo()
        monkeypatch.chdir(run.parent.parent)
