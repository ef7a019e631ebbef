"""The description of a third-party file, the same for every command: its content and options."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.data.catalog import is_path
from zoo.data.class_names import parse_names
from zoo.data.known import KNOWN
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.inspection.found import FileFacts
from zoo.inspection.inspector import Inspector
from zoo.ort.given import Given, read_sidecar
from zoo.ort.normalisation import listed


@dataclass(frozen=True)
class Description:
    """A third-party file that was read but not run."""

    path: Path
    facts: FileFacts
    # What it needs of what was told or stands in the JSON beside it: no mean and std where it takes
    # raw pixels, no size where it has its own.
    given: Given

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """Its classes in the order of its outputs; None if they are those of the data."""
        if self.given.classes_as_given:
            return None
        return self.given.class_names or parse_names(self.facts.metadata.get("class_names", ""))

    @property
    def lacks_normalisation(self) -> bool:
        """Whether it takes floats and neither mean nor std is known."""
        inside = (listed(self.facts.metadata, name) for name in ("mean", "std"))
        said = (self.given.mean, self.given.std, *inside)
        return self.facts.takes_floats and all(values is None for values in said)


def describe(path: Path, given: Given, inspector: Inspector) -> Description:
    """Read a file, in the inspector's process, and what is told of it.

    Damage is left for the runtime to report.
    """
    try:
        facts = inspector.read(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except ZooError as error:
        raise UsageError(f"{path} is refused: {str(error).rstrip('.')}.") from error
    told = given.over(read_sidecar(path))
    check_data(told.data)
    if facts.takes_bytes:
        told = replace(told, mean=None, std=None)
    if facts.input is not None and not facts.leaves_size_free:
        told = replace(told, size=None)
    return Description(path, facts, told)


def check_data(name: str | None) -> None:
    """Refuse an unknown dataset."""
    if name is not None and name not in KNOWN and not is_path(name):
        raise unknown_name("dataset", name, [*KNOWN, "a folder", "a zip"])


def refuse_for_artifacts(given: Given, target: str, *, own_images: bool) -> None:
    """Refuse facts that artifacts have. own_images: some were trained on a folder or zip."""
    replace(given, data=None).refuse(target)
    if given.data is not None and not (own_images and is_path(given.data)):
        raise UsageError(
            "--data is for third-party files, and a folder or zip for models that were trained on "
            f"it; {target} names its own."
        )


def refuse_unneeded(given: Given, files: Iterable[Description]) -> None:
    """Refuse given facts that none of these files needs."""
    files = list(files)
    needed = [one.given for one in files]
    if not files:
        return
    title = files[0].path
    if (given.mean or given.std) and not any(one.mean or one.std for one in needed):
        raise UsageError(
            f"{title} takes raw pixels and normalises them itself; leave out --mean and --std."
        )
    if given.size and not any(one.size for one in needed):
        raise UsageError(f"{title} takes images of its own size; leave out --size.")
