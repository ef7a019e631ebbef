"""What the user says about a third-party file, by options or in a JSON file beside it.

Every command reads it here, so that it means the same everywhere.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal

from zoo.errors import UsageError
from zoo.reading import read_text
from zoo.records import read

Layout = Literal["nhwc", "nchw"]
LAYOUTS: tuple[Layout, ...] = ("nhwc", "nchw")
_LARGEST_SIDECAR = 1 << 20
_OPTIONS = {"class_names": "--classes"}  # of the others by their names


@dataclass(frozen=True)
class Given:
    """What a third-party file may not say about itself."""

    mean: tuple[float, ...] | None = None  # per channel or one for all, on the 0..1 scale
    std: tuple[float, ...] | None = None  # likewise
    data: str | None = None  # whose test set is its own: a name, folder or zip
    class_names: tuple[str, ...] | None = None  # in the order of its values
    # Its classes are those of the data, in that order, under any names
    classes_as_given: bool = False
    output: str | None = None  # the name of the one that gives a value for each class
    layout: Layout | None = None  # of its input
    size: tuple[int, int] | None = None  # height and width, where it leaves them free

    def over(self, other: "Given") -> "Given":
        """These facts, with missing ones taken from the other."""
        mine = {part.name: getattr(self, part.name) for part in fields(self)}
        told = {name: value for name, value in mine.items() if value not in (None, False)}
        return Given(**{**{part.name: getattr(other, part.name) for part in fields(self)}, **told})

    def options(self) -> Iterator[str]:
        """The command-line options that give these facts."""
        for part in fields(self):
            if getattr(self, part.name) not in (None, False):
                yield _OPTIONS.get(part.name, f"--{part.name.replace('_', '-')}")

    def refuse(self, target: str) -> None:
        """Refuse any of these facts (`UsageError`): `target` is not a third-party file."""
        options = list(self.options())
        if options:
            verb = "is" if len(options) == 1 else "are"
            raise UsageError(
                f"{' and '.join(options)} {verb} for third-party files; {target} names its own."
            )


def read_sidecar(path: Path) -> Given:
    """Read what `model.onnx.json`, else `model.json`, says about `model.onnx`, if there is one."""
    names = path.with_name(f"{path.name}.json"), path.with_suffix(".json")
    beside = next((name for name in names if name.exists()), None)
    if beside is None:
        return Given()
    try:
        found: Given = read(Given, json.loads(read_text(beside, _LARGEST_SIDECAR)), "it")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{beside} should describe {path.name} ({_keys()}) but cannot be used: {error}. Fix "
            "it, or rename it if it describes something else."
        ) from error
    return found


def _keys() -> str:
    return ", ".join(part.name for part in fields(Given))
