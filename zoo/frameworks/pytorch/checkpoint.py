"""Tensors and their JSON in one file, replaced in one rename: a checkpoint is whole or the old one.

The JSON travels in the safetensors header, so tensors and position can never be of two moments.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from zoo.errors import ZooError
from zoo.files import atomic
from zoo.frameworks.pytorch.loop import Position, State
from zoo.marks import CHECKPOINT_KEY
from zoo.reading import open_regular
from zoo.records import read


def save_checkpoint(path: Path, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Write `tensors` and `meta` to `path`, atomically."""
    whole = {name: tensor.detach().contiguous() for name, tensor in tensors.items()}
    with atomic(path) as temporary:
        # Not save_file: it has a temporary file of its own, and its own words for a full disk.
        temporary.write_bytes(save(whole, metadata={CHECKPOINT_KEY: json.dumps(meta)}))


def load_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors, on the CPU, and the JSON of a file that `save_checkpoint` wrote."""
    try:
        with open_regular(path), safe_open(path, framework="pt") as file:
            meta = (file.metadata() or {}).get(CHECKPOINT_KEY)
            if meta is None:
                raise ZooError(
                    f"{path} is a safetensors file, but not one that this project wrote. "
                    "Name the folder of a run, or train it again with --overwrite."
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, read(dict[str, Any], json.loads(meta), "what it says")
    except FileNotFoundError:
        raise ZooError(f"there is no file {path}. Train first, or name another run.") from None
    except (SafetensorError, ValueError, RecursionError, OSError) as error:
        raise ZooError(
            f"{path} is damaged or not a safetensors file ({error}). "
            "Train the run again with --overwrite."
        ) from error


def load_state(path: Path) -> State:
    """The state of a training that was stopped: where it stood is known to be readable."""
    state = load_checkpoint(path)
    try:
        read(Position, state[1], "the state")
    except ValueError as error:
        raise ZooError(
            f"{path} is no checkpoint of this training ({error}). "
            "Train the run again with --overwrite."
        ) from error
    return state
