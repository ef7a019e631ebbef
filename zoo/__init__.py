"""The zoo: image classifiers that are trained, exported to ONNX, and compared.

    import zoo
    run = zoo.train("cnn", zoo.TrainOptions(data="digits", epochs=3))
    print(zoo.test("cnn", run=run.folder).accuracy)

Names are loaded on first use, so `import zoo` is fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.actions.diff import diff
    from zoo.actions.doctor import doctor
    from zoo.actions.export import export
    from zoo.actions.layers import layers
    from zoo.actions.mend import mend
    from zoo.actions.predict import predict
    from zoo.actions.quickstart import quickstart
    from zoo.actions.samples import samples
    from zoo.actions.show import show
    from zoo.actions.test import test
    from zoo.actions.train import train
    from zoo.actions.verify import verify
    from zoo.artifacts.artifact import find_artifact as load
    from zoo.data import load as load_data
    from zoo.errors import ZooError
    from zoo.progress import PlainProgress
    from zoo.runs.history import read_history
    from zoo.runs.options import TrainOptions

__version__ = "0.2.0"

_HOMES = {
    "PlainProgress": ("zoo.progress", "PlainProgress"),
    "TrainOptions": ("zoo.runs.options", "TrainOptions"),
    "ZooError": ("zoo.errors", "ZooError"),
    "diff": ("zoo.actions.diff", "diff"),
    "doctor": ("zoo.actions.doctor", "doctor"),
    "export": ("zoo.actions.export", "export"),
    "layers": ("zoo.actions.layers", "layers"),
    "load": ("zoo.artifacts.artifact", "find_artifact"),
    "load_data": ("zoo.data", "load"),
    "mend": ("zoo.actions.mend", "mend"),
    "predict": ("zoo.actions.predict", "predict"),
    "quickstart": ("zoo.actions.quickstart", "quickstart"),
    "read_history": ("zoo.runs.history", "read_history"),
    "samples": ("zoo.actions.samples", "samples"),
    "show": ("zoo.actions.show", "show"),
    "test": ("zoo.actions.test", "test"),
    "train": ("zoo.actions.train", "train"),
    "verify": ("zoo.actions.verify", "verify"),
}

__all__ = [
    "PlainProgress",
    "TrainOptions",
    "ZooError",
    "diff",
    "doctor",
    "export",
    "layers",
    "load",
    "load_data",
    "mend",
    "predict",
    "quickstart",
    "read_history",
    "samples",
    "show",
    "test",
    "train",
    "verify",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo' has no attribute '{name}'")
    from zoo.machine.threads import spin_briefly

    spin_briefly()
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)
