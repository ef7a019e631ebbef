"""Frameworks by name, as the catalog names them; each is imported when a model asks for it."""

from importlib import import_module

from zoo.errors import ZooError, unknown_name
from zoo.frameworks.framework import Framework

# name -> package.module:Class
FRAMEWORKS = {
    "pytorch": "zoo.frameworks.pytorch.framework:PyTorch",
    "numpy": "zoo.frameworks.numpy.framework:Numpy",
    "sklearn": "zoo.frameworks.sklearn.framework:Sklearn",
    "keras": "zoo.frameworks.keras.framework:Keras",
    "jax": "zoo.frameworks.jax.framework:Jax",
}


def find_framework(name: str) -> Framework:
    """A new instance of the framework of that name."""
    if name not in FRAMEWORKS:
        raise unknown_name("framework", name, FRAMEWORKS)
    module, _, kind = FRAMEWORKS[name].partition(":")
    framework = getattr(import_module(module), kind)()
    if not isinstance(framework, Framework):
        raise ZooError(f"{FRAMEWORKS[name]} is not a zoo.frameworks.framework:Framework.")
    return framework
