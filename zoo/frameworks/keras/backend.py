"""The only module that imports Keras, because `import keras` fixes its backend.

Keras reads its backend from the environment at first import, and two settings from a file in the
user's home; all three are set here regardless.
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
        f"keras was imported with its backend {keras.backend.backend()}, but the zoo's models need "
        f"{BACKEND}. Restart Python with KERAS_BACKEND={BACKEND} in the environment."
    )
keras.config.set_floatx("float32")
keras.config.set_image_data_format("channels_last")


def on_cpu() -> Any:
    """Within the block, Keras keeps its arrays on the CPU even if a GPU works."""
    return keras.device("cpu")


def versions() -> dict[str, str]:
    """The version of the backend, if it is not the default."""
    return {} if BACKEND == DEFAULT else {BACKEND: sys.modules[BACKEND].__version__}
