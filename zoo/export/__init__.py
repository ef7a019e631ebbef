"""From a run to published ONNX files: convert, shrink, pass the gate, publish.

The package carries the name of the command and of the API's function, so it can be called as one.
"""

import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.artifacts import Artifact


class _Callable(ModuleType):
    def __call__(self, name: str, *, run: Path | None = None, **options: Any) -> "Artifact":
        """See `zoo.export.export.export`."""
        from zoo.export.export import export

        return export(name, run=run, **options)


sys.modules[__name__].__class__ = _Callable
