"""Downloads by torchvision's downloader, from a server on this machine."""

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from zoo.data import load

Refused = Callable[..., str]
ARCHIVE = "cifar-10-python.tar.gz"


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the address it is served at."""
    monkeypatch.setenv("no_proxy", "*")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def publish(
    served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str, str], None]:
    """Make torchvision believe that CIFAR-10 lies at an address and has an md5."""
    from torchvision.datasets import CIFAR10

    def set_address(url: str, md5: str) -> None:
        monkeypatch.setattr(CIFAR10, "url", url)
        monkeypatch.setattr(CIFAR10, "tgz_md5", md5)

    return set_address


@pytest.fixture
def archive(make: Any, served: tuple[Path, str]) -> Path:
    files = make.python_files(make.images(shape=(32, 32, 3)))
    return make.archive(served[0] / ARCHIVE, "cifar-10-batches-py", files)


def md5_of(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_what_is_not_here_is_downloaded_once(
    make: Any,
    archive: Path,
    served: tuple[Path, str],
    publish: Any,
    own_cache: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    publish(served[1] + ARCHIVE, md5_of(archive))
    first = load("cifar10")
    assert first.class_names == ("ant", "bee", "cow")
    assert md5_of(own_cache / "downloads" / "cifar10" / ARCHIVE) == md5_of(archive)
    archive.unlink()
    assert load("cifar10").fingerprint == first.fingerprint
    assert load("cifar10", size=8).fingerprint == first.fingerprint
    assert capsys.readouterr().err == ""


def test_what_a_killed_download_left_is_not_taken_for_the_archive(
    archive: Path, served: tuple[Path, str], publish: Any, own_cache: Path
) -> None:
    publish(served[1] + ARCHIVE, md5_of(archive))
    half = own_cache / "downloads" / "cifar10.partial" / ARCHIVE
    half.parent.mkdir(parents=True)
    half.write_bytes(archive.read_bytes()[:1000])
    assert len(load("cifar10").train) == 15


def test_another_file_than_the_published_one(
    archive: Path, served: tuple[Path, str], publish: Any, own_cache: Path, refused: Refused
) -> None:
    publish(served[1] + ARCHIVE, "0" * 32)
    text = refused("cifar10")
    assert "md5" in text
    assert "--data digits" in text
    assert not list((own_cache / "downloads" / "cifar10").iterdir())
    assert not list((own_cache / "downloads" / "cifar10.partial").glob("*.gz"))


def test_no_such_file_on_the_server(
    served: tuple[Path, str], publish: Any, refused: Refused
) -> None:
    publish(served[1] + "nothing.tar.gz", "0" * 32)
    text = refused("cifar10")
    assert "404" in text
    assert "nothing.tar.gz" in text
    for way_out in ("--data-dir", "ZOO_DATA", "--data digits"):
        assert way_out in text


def test_nobody_answers(publish: Any, refused: Refused) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    publish(f"http://127.0.0.1:{port}/{ARCHIVE}", "0" * 32)
    text = refused("cifar10")
    assert "refused" in text
    assert "--data digits" in text


def test_mnist_comes_from_the_mirror_that_works(
    make: Any, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import MNIST

    folder, url = served
    digits = tuple("0123456789")
    make.idx(folder, make.images(classes=digits, train=2, test=1, shape=(28, 28, 1)))
    monkeypatch.setattr(MNIST, "mirrors", [f"{url}away/", url])
    resources = [(path.name, md5_of(path)) for path in sorted(folder.iterdir())]
    monkeypatch.setattr(MNIST, "resources", resources)
    data = load("mnist")
    assert data.image_shape == (28, 28, 1)
    assert len(data.train) == 20
