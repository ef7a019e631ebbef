"""Open files made by others: only regular files, and only up to a size.

Reading a named pipe would block, and a link to a device never ends. Neither is read, for any file
name and any command.
"""

import errno
import io
import os
import stat
from pathlib import Path
from typing import TextIO

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class RefusedFileError(OSError):
    """The file is not regular, or too large; `strerror` and the message say which."""

    def __str__(self) -> str:
        return str(self.strerror)


def open_regular(path: Path, most: int | None = None) -> io.BufferedReader:
    """Open a regular file for reading, without ever blocking; `OSError` says why not.

    most: the size limit in bytes.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            kind = next((name for fits, name in _KINDS if fits(found.st_mode)), "something else")
            raise RefusedFileError(errno.EINVAL, f"it is {kind}, not a regular file")
        if most is not None and found.st_size > most:
            raise _too_large(most)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def open_text(path: Path, most: int | None = None) -> TextIO:
    """The same for UTF-8 text, with line ends as they are."""
    return io.TextIOWrapper(open_regular(path, most), encoding="utf-8", newline="")


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most so many bytes."""
    with open_regular(path, most) as handle:
        size = os.fstat(handle.fileno()).st_size
        content = handle.read(size + 1) or b""
    if len(content) > size:  # such as files of /proc, whose size is unknown beforehand
        raise RefusedFileError(errno.EINVAL, "it grew while it was being read")
    return content


def read_text(path: Path, most: int) -> str:
    """The same as UTF-8 text."""
    return read_bytes(path, most).decode("utf-8")


def _too_large(most: int) -> RefusedFileError:
    size = f"{most >> 20:,} MiB" if most >= 1 << 20 else f"{most:,} bytes"
    return RefusedFileError(errno.EFBIG, f"it is larger than {size}")
