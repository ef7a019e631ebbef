"""A session of a third-party file, open in the quarantine process and not in this one."""

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.graphs.anatomy import LayerTimes
from zoo.inspection.inspector import Inspector
from zoo.inspection.serving import LARGEST_OUTPUT
from zoo.ort.session import Array
from zoo.reading import read_bytes

_HEADER = 1 << 10  # of an .npy file


class RemoteSession:
    """As much of `zoo.ort.session.Session` as showing it images takes."""

    def __init__(
        self, inspector: Inspector, path: Path, provider: str, *, layers: bool = False
    ) -> None:
        """inspector: whose process opens it, after it inspected the file.

        layers: it gives those too, as `anatomy` says; no other session of the process goes on then.
        """
        self.name, self.provider = str(path), provider
        facts = inspector.open(path, provider, layers=layers)
        self.inputs, self.outputs, self.metadata = facts.inputs, facts.outputs, facts.metadata
        self.anatomy = facts.anatomy
        self._inspector, self._path = inspector, path
        self._folder = tempfile.TemporaryDirectory(prefix="predict-")

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """All outputs, in order; one that is no array of numbers is empty."""
        folder = self._give(feeds)
        try:
            written = self._inspector.run(folder, list(feeds))
        except ZooError as error:
            raise type(error)(f"{self.name} failed: {error}") from error
        return [
            _read(folder / f"output_{at}.npy") if there else np.empty(0)
            for at, there in enumerate(written)
        ]

    def time_layers(self, feeds: Mapping[str, Array]) -> LayerTimes:
        """Where the time of a call goes, of the file as it is, on the CPU."""
        return self._inspector.time_layers(self._path, self._give(feeds), list(feeds))

    def _give(self, feeds: Mapping[str, Array]) -> Path:
        """The folder in which the inputs lie."""
        folder = Path(self._folder.name)
        for at, array in enumerate(feeds.values()):
            np.save(folder / f"input_{at}.npy", array)
        return folder

    def close(self) -> None:
        """Remove what travelled."""
        self._folder.cleanup()


def _read(path: Path) -> Any:
    return np.load(io.BytesIO(read_bytes(path, LARGEST_OUTPUT + _HEADER)), allow_pickle=False)
