"""What is opened: regular files up to a size, and nothing that would be waited for."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from zoo.reading import open_regular, open_text, read_bytes, read_text


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with one thing of each kind."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "file").write_text("näme\r\n", encoding="utf-8", newline="")
    (tmp_path / "link").symlink_to("file")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket"))
        yield tmp_path


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pipe", "it is a named pipe, not a regular file"),
        ("zero", "it is a device, not a regular file"),
        ("socket", "No such device or address"),
        (".", "Is a directory"),
        ("gone", "No such file or directory"),
    ],
)
def test_what_is_no_regular_file_is_refused_at_once(place: Path, name: str, reason: str) -> None:
    with pytest.raises(OSError, match=reason) as caught:
        open_regular(place / name)
    assert caught.value.strerror == reason
    with pytest.raises(OSError, match=reason):
        read_bytes(place / name, 100)


@pytest.mark.parametrize("name", ["file", "link"])
def test_a_regular_file_is_read_whole(place: Path, name: str) -> None:
    assert read_bytes(place / name, 7) == "näme\r\n".encode()
    assert read_text(place / name, 7) == "näme\r\n"
    with open_text(place / name, 7) as handle:
        assert handle.read() == "näme\r\n"


def test_one_that_is_too_large_is_not_read(place: Path) -> None:
    with pytest.raises(OSError, match="it is larger than 6 bytes"):
        read_bytes(place / "file", 6)
    with (place / "file").open("r+b") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(OSError, match="it is larger than 1,024 MiB"):
        read_bytes(place / "file", 1 << 30)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc here")
def test_a_file_whose_size_nobody_knows_is_not_read() -> None:
    with pytest.raises(OSError, match="it grew while it was being read"):
        read_bytes(Path("/proc/self/status"), 1 << 20)


def test_no_handle_is_left_of_what_was_refused(place: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0  # noqa: PTH208
    for name in ("pipe", "zero", "."):
        with pytest.raises(OSError, match=r"it is a|Is a"):
            open_regular(place / name)
    if before:
        assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
