"""Keep a file open in the quarantine process, and run it on the inputs of requests.

Arrays are exchanged as files of a shared folder: input_<n>.npy in, output_<n>.npy out.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import ZooError
from zoo.graphs.anatomy import Anatomy
from zoo.ort.session import Array, Session

LARGEST_OUTPUT = 256 << 20  # logits of a batch of images are a thousandth of that


def read_feeds(folder: Path, names: Sequence[str]) -> dict[str, Array]:
    """Inputs by name."""
    return {name: np.load(folder / f"input_{at}.npy") for at, name in enumerate(names)}


class Serving:
    """Holds the session of the last file that was opened."""

    def __init__(self) -> None:
        self._session: Session | None = None

    def hold(self, session: Session, anatomy: Anatomy | None = None) -> dict[str, Any]:
        """Hold a session, and return what the asking process must know about it, as JSON values.

        anatomy: given if the file also outputs its layers.
        """
        self._session = session
        return {
            "inputs": [asdict(info) for info in session.inputs],
            "outputs": [asdict(info) for info in session.outputs],
            "metadata": session.metadata,
            "anatomy": asdict(anatomy) if anatomy else None,
        }

    def run(self, folder: Path, names: Sequence[str]) -> list[bool]:
        """Compute all outputs; returns for each whether it is an array, written to the folder."""
        if self._session is None:
            raise ZooError("no file is open")
        feeds = read_feeds(folder, names)
        written = []
        for at, value in enumerate(self._session.run(feeds)):
            held: Any = value  # a list of maps, perhaps
            plain = isinstance(held, np.ndarray) and held.dtype.kind in "fiub"
            if plain:
                if held.nbytes > LARGEST_OUTPUT:
                    raise ZooError(f"an output takes {held.nbytes >> 20:,} MiB")
                np.save(folder / f"output_{at}.npy", held)
            written.append(plain)
        return written
