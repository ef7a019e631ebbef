"""What the tests that run pages share."""

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bench.sweep.matrix import Preset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Iterator[None]:
    """Stand-ins for the datasets, and the published models of this checkout."""
    from tests.docs import world

    folder, cache = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("cache")
    world.make_data(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_DATA", str(folder))
        patch.setenv("ZOO_CACHE", str(cache))
        for name in ("TORCH_HOME", "KERAS_HOME"):  # where weights of backbones might lie
            patch.setenv(name, str(cache))
        patch.setenv("ZOO_HUB", str(world.publish(folder / "published")))
        world.fewer_digits(patch)
        world.pass_for_real(cache)
        yield


@pytest.fixture
def page_folder(
    data: None,
    in_folder: Path,
    make_tiny_onnx: Callable[..., Path],
    tiny_preset: "Preset",
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A folder for the commands of a page, where sweeps are short and there is no network."""
    from bench.sweep import matrix
    from tests.docs import world

    world.furnish(in_folder, make_tiny_onnx)
    world.add_what_pages_add(in_folder, monkeypatch)
    monkeypatch.setitem(matrix.PRESETS, "quick", replace(tiny_preset, accuracy=False))
    monkeypatch.setitem(matrix.PRESETS, "standard", tiny_preset)
    monkeypatch.setattr(socket.socket, "connect", _no_network)
    # Only this entry is taken away again: onnxruntime's own modules add to the path as they load.
    sys.path.insert(0, str(in_folder))
    yield in_folder
    sys.path.remove(str(in_folder))


_connect = socket.socket.connect


def _no_network(self: socket.socket, address: Any) -> None:
    if self.family != socket.AF_UNIX:
        raise OSError("tests have no network")
    _connect(self, address)
