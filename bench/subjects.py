"""What is measured: the files of published artifacts, or any other ONNX file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts import PRECISIONS, Artifact, Card, find_artifact, list_artifacts
from zoo.data.catalog import is_path
from zoo.data.known import KNOWN
from zoo.errors import UsageError, ZooError, unknown_name

FOREIGN = "file"  # the precision of a file that nobody described


@dataclass(frozen=True)
class Subject:
    """One ONNX file. path: None where the artifact has no file of this precision.

    mean, std, dataset: as given for a foreign file; an artifact's card says its own.
    """

    name: str
    precision: str
    path: Path | None
    sha256: str = ""
    bytes: int = 0
    artifact: Artifact | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    data: str | None = None

    @property
    def card(self) -> Card | None:
        """Of its artifact."""
        return self.artifact.card if self.artifact else None

    @property
    def dataset(self) -> str | None:
        """Whose test set tells its accuracy."""
        return self.data or (self.card.dataset if self.card else None)


@dataclass(frozen=True)
class Given:
    """What the command line adds to a foreign file: its normalisation and its test set."""

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    data: str | None = None


def find_subjects(
    targets: Sequence[str],
    exports: Path,
    precisions: Sequence[str] | None = None,
    given: Given | None = None,
) -> list[Subject]:
    """The files meant; without a target, everything published.

    precisions: of artifacts, by default all that were published.
    """
    for precision in precisions or ():
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
    given = given or Given()
    if given.data is not None and given.data not in KNOWN and not is_path(given.data):
        raise unknown_name("dataset", given.data, [*KNOWN, "a folder", "a zip"])
    if not targets:
        artifacts = list_artifacts(exports)
        if not artifacts:
            raise ZooError(
                f"nothing is published in {exports}/. Make it with: python cli.py export cnn"
            )
        _refuse_given(given, "what is published")
        return [one for artifact in artifacts for one in _of_artifact(artifact, precisions)]
    if not any(map(is_file, targets)):
        _refuse_given(given, targets[0])
    found: list[Subject] = []
    for target in targets:
        if is_file(target):
            found.append(_of_file(Path(target), given))
        else:
            found += _of_artifact(find_artifact(target, exports), precisions)
    return list({(one.name, one.precision): one for one in found}.values())


def is_file(target: str) -> bool:
    """Whether an ONNX file is meant, and no artifact."""
    return target.lower().endswith(".onnx")


def _of_artifact(artifact: Artifact, precisions: Sequence[str] | None) -> list[Subject]:
    found = []
    for precision in precisions or artifact.precisions:
        if precision not in artifact.precisions:
            found.append(Subject(artifact.id, precision, None, artifact=artifact))
            continue
        path = artifact.file(precision)
        listed = artifact.entry["files"][path.name]
        found.append(
            Subject(artifact.id, precision, path, listed["sha256"], listed["bytes"], artifact)
        )
    return found


def _of_file(path: Path, given: Given) -> Subject:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    return Subject(
        str(path),
        FOREIGN,
        path,
        hashlib.sha256(content).hexdigest(),
        len(content),
        mean=given.mean,
        std=given.std,
        data=given.data,
    )


def _refuse_given(given: Given, target: str) -> None:
    if given != Given():
        raise UsageError(
            f"--data, --mean and --std are for ONNX files of other origin; {target} says its own."
        )
