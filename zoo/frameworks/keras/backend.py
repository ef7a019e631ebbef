"""Keras as this zoo uses it, and the only module that imports it: `import keras` would choose.

Keras takes its backend from the environment when it is first imported, and two habits from a file
in the user's home; all three are set here, whatever they say.
"""

import os
import sys
from typing import Any

from zoo.errors import UnavailableError
from zoo.frameworks.keras.chosen import DEFAULT, here, install

__all__ = ["keras", "on_cpu", "versions"]

BACKEND = here()
os.environ["KERAS_BACKEND"] = BACKEND

try:
    import keras
except ImportError as error:
    raise UnavailableError(f"keras does not load ({error}): {install(BACKEND)}") from error

if keras.backend.backend() != BACKEND:
    raise UnavailableError(
        f"keras was imported before, with its backend {keras.backend.backend()}; the zoo's models "
        f"need {BACKEND}. Start anew with KERAS_BACKEND={BACKEND} in the environment."
    )
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")


def on_cpu() -> Any:
    """Within the block, Keras keeps its numbers on the CPU also where a GPU works."""
    return keras.device("cpu")


def versions() -> dict[str, str]:
    """Of the backend, where it is not the usual one."""
    return {} if BACKEND == DEFAULT else {BACKEND: sys.modules[BACKEND].__version__}
