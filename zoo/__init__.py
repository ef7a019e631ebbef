"""The zoo: image classifiers that are trained, exported to ONNX, and compared.

    import zoo
    run = zoo.train("cnn", zoo.TrainOptions(data="digits", epochs=3))
    print(zoo.test("cnn", run=run.folder).accuracy)

Names are loaded when they are first used, so that `import zoo` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.artifacts import find_artifact as load
    from zoo.data import load as load_data
    from zoo.diagnosis import doctor
    from zoo.errors import ZooError
    from zoo.exporting.export import export
    from zoo.history import read_history
    from zoo.predicting import predict
    from zoo.progress import PlainProgress
    from zoo.sampling import samples
    from zoo.tour import quickstart
    from zoo.training.examine import test
    from zoo.training.options import TrainOptions
    from zoo.training.train import train
    from zoo.verifying import verify

__version__ = "0.1.0"

_HOMES = {
    "PlainProgress": ("zoo.progress", "PlainProgress"),
    "TrainOptions": ("zoo.training.options", "TrainOptions"),
    "ZooError": ("zoo.errors", "ZooError"),
    "doctor": ("zoo.diagnosis", "doctor"),
    "export": ("zoo.exporting.export", "export"),
    "load": ("zoo.artifacts", "find_artifact"),
    "load_data": ("zoo.data", "load"),
    "predict": ("zoo.predicting", "predict"),
    "quickstart": ("zoo.tour", "quickstart"),
    "read_history": ("zoo.history", "read_history"),
    "samples": ("zoo.sampling", "samples"),
    "test": ("zoo.training.examine", "test"),
    "train": ("zoo.training.train", "train"),
    "verify": ("zoo.verifying", "verify"),
}

__all__ = [
    "PlainProgress",
    "TrainOptions",
    "ZooError",
    "doctor",
    "export",
    "load",
    "load_data",
    "predict",
    "quickstart",
    "read_history",
    "samples",
    "test",
    "train",
    "verify",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    from zoo.threads import spin_briefly

    spin_briefly()
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
