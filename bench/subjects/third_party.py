"""An ONNX file of other origin: its bytes, what belongs to it, and what it does not say."""

import json
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UsageError, ZooError
from zoo.inspection.found import FileFacts
from zoo.inspection.inspector import Inspector
from zoo.reading import read_text
from zoo.records import read

_LARGEST_SIDECAR = 1 << 20


@dataclass(frozen=True)
class Given:
    """What a third-party file may not say of itself: its normalisation, test set and classes."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    data: str | None = None
    class_names: tuple[str, ...] | None = None
    # Its classes are those of the data, in that order, whatever it calls them
    classes_as_given: bool = False

    def over(self, other: "Given") -> "Given":
        """These where there are any, else the other's."""
        return Given(
            mean=other.mean if self.mean is None else self.mean,
            std=other.std if self.std is None else self.std,
            data=other.data if self.data is None else self.data,
            class_names=other.class_names if self.class_names is None else self.class_names,
            classes_as_given=self.classes_as_given or other.classes_as_given,
        )


def read_content(path: Path, inspector: Inspector) -> FileFacts:
    """What the file and all that belongs to it hold, read in the inspector's process.

    What is damaged is for the runtime to say.
    """
    try:
        return inspector.read(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except ZooError as error:
        raise UsageError(f"{path} is refused: {str(error).rstrip('.')}.") from error


def read_sidecar(path: Path) -> Given:
    """What `model.onnx.json`, else `model.json`, says of `model.onnx`; nothing without one."""
    names = path.with_name(f"{path.name}.json"), path.with_suffix(".json")
    beside = next((name for name in names if name.exists()), None)
    if beside is None:
        return Given()
    try:
        found: Given = read(Given, json.loads(read_text(beside, _LARGEST_SIDECAR)), "it")
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            f"{beside} lies beside {path.name}, to say its mean, std, data and class names, and "
            f"cannot be used: {error}. Mend it, or give it another name if it is about something "
            "else."
        ) from error
    return found
