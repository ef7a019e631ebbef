"""A session of a third-party file that is open in the quarantine process."""

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
    """The part of `zoo.ort.session.Session` that is needed to run it on images."""

    def __init__(
        self, inspector: Inspector, path: Path, provider: str, *, layers: bool = False
    ) -> None:
        """inspector: its process inspects the file, then opens it.

        layers: also output the layers, as `anatomy` says; this ends other sessions of the process.
        """
        self.name, self.provider = str(path), provider
        facts = inspector.open(path, provider, layers=layers)
        self.inputs, self.outputs, self.metadata = facts.inputs, facts.outputs, facts.metadata
        self.anatomy = facts.anatomy
        self._inspector, self._path = inspector, path
        self._folder = tempfile.TemporaryDirectory(prefix="predict-")

    def run(self, feeds: Mapping[str, Array]) -> list[Array]:
        """All outputs, in order; one that is not a numeric array is empty."""
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
        """How the time of a call is divided over layers, for the unchanged file, on the CPU."""
        return self._inspector.time_layers(self._path, self._give(feeds), list(feeds))

    def _give(self, feeds: Mapping[str, Array]) -> Path:
        """Write the inputs into a folder, and return it."""
        folder = Path(self._folder.name)
        for at, array in enumerate(feeds.values()):
            np.save(folder / f"input_{at}.npy", array)
        return folder

    def close(self) -> None:
        """Remove the files that were exchanged."""
        self._folder.cleanup()


def _read(path: Path) -> Any:
    return np.load(io.BytesIO(read_bytes(path, LARGEST_OUTPUT + _HEADER)), allow_pickle=False)
