"""Download official archives with torchvision's downloader, URLs and hashes."""

import contextlib
import errno
import fcntl
import http.client
import io
import socket
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

from zoo.data.known import Known
from zoo.errors import ZooError
from zoo.files import writing
from zoo.progress import Progress

STALL_S = 30.0


def download(known: Known, folder: Path, progress: Progress) -> None:
    """Download the official files of `known` into `folder`; only verified files are kept."""
    partial = folder.with_name(f"{folder.name}.partial")
    with writing(folder):
        for place in (folder, partial):
            place.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(partial / ".lock"), _stalls_end(), _quiet_in_a_pipe():
        for name, md5, urls in _files(known):
            if (folder / name).exists():
                continue
            progress.say(f"downloading {known.name}: {urls[0]}")
            _fetch(known, urls, partial / name, md5)
            with writing(folder / name):
                (partial / name).replace(folder / name)


def _files(known: Known) -> Iterator[tuple[str, str, list[str]]]:
    """(file name, md5, addresses to try in turn) of each file of `known`."""
    import torchvision.datasets

    publisher = getattr(torchvision.datasets, known.torchvision)
    if known.cifar:
        yield publisher.filename, publisher.tgz_md5, [publisher.url]
        return
    for name, md5 in publisher.resources:
        yield name, md5, [f"{mirror}{name}" for mirror in publisher.mirrors]


def _fetch(known: Known, urls: list[str], path: Path, md5: str) -> None:
    from torchvision.datasets.utils import download_url

    reasons = []
    for url in urls:
        try:
            download_url(url, str(path.parent), path.name, md5)
            return
        except (OSError, http.client.HTTPException, RecursionError) as error:
            if _is_about_the_disk(error):
                with writing(path):
                    raise
            reasons.append(f"{url}: {_cause(error)}")
        except RuntimeError:
            reasons.append(
                f"{url} stopped early or gave a different file from the one published (md5 differs)"
            )
        path.unlink(missing_ok=True)
    raise ZooError(
        f"cannot download {known.name}: {'; '.join(reasons)}. Put a copy into a folder and name "
        "the folder with --data-dir (or ZOO_DATA), or train on the embedded data: --data digits."
    )


def _cause(error: Exception) -> object:
    """The system's own words, without the wrapping that urllib puts around them."""
    if isinstance(error, urllib.error.HTTPError) or not isinstance(error, urllib.error.URLError):
        return error
    return getattr(error.reason, "strerror", None) or error.reason


def _is_about_the_disk(error: Exception) -> bool:
    if isinstance(error, urllib.error.URLError) or not isinstance(error, OSError):
        return False
    return error.filename is not None or error.errno in (errno.ENOSPC, errno.EDQUOT)


@contextlib.contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    with writing(lock), lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _stalls_end() -> Iterator[None]:
    """Set a timeout, which torchvision does not: a silent server would be waited for forever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _quiet_in_a_pipe() -> Iterator[None]:
    """Hide torchvision's progress bar unless standard error is a terminal."""
    if sys.stderr.isatty():
        yield
        return
    with contextlib.redirect_stderr(io.StringIO()):
        yield
