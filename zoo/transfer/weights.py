"""Pretrained weights: from a file, or from torchvision's download."""

import pickle
from collections.abc import Mapping
from http.client import HTTPException
from io import BufferedReader
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from zoo.errors import UsageError, ZooError
from zoo.reading import RefusedFileError, open_regular

_WRAPPINGS = ("state_dict", "model", "model_state_dict")  # what training scripts put around them
_PARALLEL = "module."  # in front of every name after a training on several devices


def from_file(path: Path) -> dict[str, Tensor]:
    """The state dict in a safetensors file or a torch file; nothing in it is executed."""
    if not path.exists() or path.is_dir():
        raise UsageError(f"--weights {path}: there is no such file.")
    try:
        with open_regular(path) as file:  # by the name alone, torch could confuse the two formats
            torch_wrote = _is_torch(file)
            found = (
                torch.load(file, map_location="cpu", weights_only=True)
                if torch_wrote
                else load_file(path)
            )
    except RefusedFileError as error:
        raise UsageError(f"--weights {path} cannot be read: {error}.") from error
    except pickle.UnpicklingError as error:
        raise UsageError(
            f"--weights {path} holds more than weights, and code in it is not executed. Save the "
            "state dict alone: torch.save(network.state_dict(), FILE)."
        ) from error
    except (SafetensorError, RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"--weights {path} is damaged, or neither a safetensors file nor a torch state dict "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__})."
        ) from error
    return _state_dict(path, found)


def _is_torch(file: BufferedReader) -> bool:
    """A zip as torch writes it, or the pickle that it wrote before."""
    start = file.read(2)
    file.seek(0)
    return start in (b"PK", b"\x80\x02")


def _state_dict(path: Path, found: Any) -> dict[str, Tensor]:
    for name in _WRAPPINGS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not all(isinstance(v, Tensor) for v in found.values()):
        raise UsageError(f"--weights {path} holds no state dict: tensors by name.")
    tensors = {str(name): tensor for name, tensor in found.items()}
    if tensors and all(name.startswith(_PARALLEL) for name in tensors):
        return {name.removeprefix(_PARALLEL): tensor for name, tensor in tensors.items()}
    return tensors


def downloaded(name: str) -> dict[str, Tensor]:
    """torchvision's ImageNet weights, from its cache or the internet."""
    import torchvision

    weights = torchvision.models.get_model_weights(name).DEFAULT
    try:
        found: dict[str, Tensor] = weights.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except (OSError, HTTPException, RuntimeError) as error:
        raise ZooError(
            f"the ImageNet weights of {name} are unavailable here ({error}). Do one of "
            f"these: name a file that holds them with --weights FILE (safetensors or a torch state "
            f"dict); train on a machine with internet, where torchvision downloads {weights.url}; "
            "or use a model of this zoo as the backbone, such as --backbone speednet-cifar100. "
            "(--backbone-init random takes random weights instead, as a baseline.)"
        ) from error
    return found
