"""Checkpoints: arrays and JSON in one file that is replaced atomically.

The JSON is in the safetensors header, so arrays and position always belong together.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from zoo.errors import ZooError
from zoo.files import atomic
from zoo.marks import CHECKPOINT_KEY
from zoo.reading import open_regular
from zoo.records import read

Arrays = dict[str, NDArray[Any]]
State = tuple[Arrays, dict[str, Any]]  # what a training is taken up from: arrays, and a JSON value


def save_checkpoint(path: Path, arrays: Mapping[str, NDArray[Any]], meta: dict[str, Any]) -> None:
    """Write `arrays` and `meta` to `path`, atomically."""
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    with atomic(path) as temporary:
        # Not save_file: it has a temporary file of its own, and its own words for a full disk.
        temporary.write_bytes(save(whole, metadata={CHECKPOINT_KEY: json.dumps(meta)}))


def load_checkpoint(path: Path) -> State:
    """The arrays and the JSON of a file that `save_checkpoint` wrote."""
    try:
        with open_regular(path), safe_open(path, framework="np") as file:
            meta = (file.metadata() or {}).get(CHECKPOINT_KEY)
            if meta is None:
                raise ZooError(
                    f"{path} is a safetensors file, but not one that this project wrote. "
                    "Name the folder of a run, or train it again with --overwrite."
                )
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return arrays, read(dict[str, Any], json.loads(meta), "what it says")
    except FileNotFoundError:
        raise ZooError(f"there is no file {path}. Train first, or name another run.") from None
    except (SafetensorError, ValueError, TypeError, RecursionError, OSError) as error:
        raise ZooError(
            f"{path} is damaged or not a safetensors file ({error}). "
            "Train the run again with --overwrite."
        ) from error
