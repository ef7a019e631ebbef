"""What is measured: the files of published artifacts, or any other ONNX file."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.subjects.third_party import Given, read_content, read_sidecar
from zoo.artifacts.artifact import Artifact, find_artifact, how_to_export, list_artifacts
from zoo.artifacts.card import PRECISIONS, Card
from zoo.data.catalog import is_path
from zoo.data.class_names import parse_names
from zoo.data.known import KNOWN
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.inspection.found import FileFacts
from zoo.inspection.inspector import Inspector
from zoo.ort.faults import Here, fault_of, fault_of_content

__all__ = [
    "FOREIGN",
    "Given",
    "Subject",
    "find_subjects",
    "is_file",
    "of_file",
    "refuse_unused",
]

FOREIGN = "file"  # the precision of a file that nobody described


@dataclass(frozen=True)
class Subject:
    """One ONNX file."""

    name: str
    precision: str
    path: Path | None  # None where the artifact has no file of this precision
    sha256: str = ""
    bytes: int = 0
    artifact: Artifact | None = None
    # As given for a third-party file; an artifact's card says its own
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None  # likewise
    # As given; for an artifact, where the folder of images lies that it was trained on
    data: str | None = None
    integer_widths: tuple[int, ...] = ()  # of a third-party file, see `zoo.graphs.products`
    # Of a third-party file that names its classes, unless they count as given
    class_names: tuple[str, ...] | None = None

    def fault(self, runtime: str, provider: str, on: Here) -> str | None:
        """Why it is known to be answered wrongly; None where it is not.

        on: what computes. Only faults of onnxruntime's CPU provider are known.
        """
        if (runtime, provider) != ("onnxruntime", "cpu") or self.path is None:
            return None
        if self.artifact:
            return fault_of_content(self.artifact.content(self.path.name), on)
        return fault_of(self.integer_widths, on)

    @property
    def card(self) -> Card | None:
        """Of its artifact."""
        return self.artifact.card if self.artifact else None

    @property
    def dataset(self) -> str | None:
        """Whose test set tells its accuracy."""
        return self.card.dataset if self.card else self.data

    @property
    def place(self) -> str | None:
        """The name, folder or zip by which that test set is found."""
        return self.data or self.dataset

    @property
    def shown(self) -> tuple[int, int] | None:
        """Height and width of the images of that test set, where its name tells."""
        known = KNOWN.get(self.dataset or "")
        return known.shape[:2] if known else None

    @property
    def names(self) -> tuple[str, ...] | None:
        """Its classes in the order of its logits, where that is known."""
        return self.card.class_names if self.card else self.class_names

    @property
    def is_of_own_folder(self) -> bool:
        """Whether it was trained on images that no name tells where to find."""
        return self.card is not None and self.card.dataset not in KNOWN


def find_subjects(
    targets: Sequence[str],
    exports: Path,
    precisions: Sequence[str] | None = None,
    given: Given | None = None,
) -> list[Subject]:
    """The files meant; without a target, everything published.

    precisions: of artifacts, by default all that were published. given: for files of other
    origin, each of which takes of it what it needs, and its folder of images for models that were
    trained on one; what none of them needs is refused.
    """
    for precision in precisions or ():
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
    given = given or Given()
    _check_data(given.data)
    found: list[Subject] = []
    if not targets:
        artifacts = list_artifacts(exports)
        if not artifacts:
            raise ZooError(f"nothing is published in {exports}/. {how_to_export('cnn', exports)}")
        found = [one for artifact in artifacts for one in _of_artifact(artifact, precisions, given)]
        refuse_unused(given, found, "what is published")
        return found
    with Inspector() as inspector:
        for target in targets:
            if is_file(target):
                found.append(of_file(Path(target), given, inspector))
            else:
                found += _of_artifact(find_artifact(target, exports), precisions, given)
    refuse_unused(given, found, targets[0])
    return list({(one.name, one.precision): one for one in found}.values())


def is_file(target: str) -> bool:
    """Whether an ONNX file is meant, and no artifact."""
    return target.lower().endswith(".onnx")


def _of_artifact(
    artifact: Artifact, precisions: Sequence[str] | None, given: Given
) -> list[Subject]:
    found = []
    for precision in precisions or artifact.precisions:
        one = Subject(artifact.id, precision, None, artifact=artifact)
        if given.data is not None and is_path(given.data) and one.is_of_own_folder:
            one = replace(one, data=given.data)
        if precision in artifact.precisions:
            path = artifact.file(precision)
            listed = artifact.entry["files"][path.name]
            one = replace(one, path=path, sha256=listed["sha256"], bytes=listed["bytes"])
        found.append(one)
    return found


def of_file(path: Path, given: Given, inspector: Inspector) -> Subject:
    """A file of other origin, with what is given for it or stands in the JSON beside it.

    One that takes raw pixels is given no mean and std.
    """
    content = read_content(path, inspector)
    told = given.over(read_sidecar(path))
    _check_data(told.data)
    return Subject(
        str(path),
        FOREIGN,
        path,
        content.sha256,
        content.bytes,
        mean=None if content.raw else told.mean,
        std=None if content.raw else told.std,
        data=told.data,
        integer_widths=content.integer_widths,
        class_names=None if told.classes_as_given else told.class_names or _names_in(content),
    )


def _names_in(content: FileFacts) -> tuple[str, ...] | None:
    return parse_names(content.metadata.get("class_names", ""))


def _check_data(name: str | None) -> None:
    if name is not None and name not in KNOWN and not is_path(name):
        raise unknown_name("dataset", name, [*KNOWN, "a folder", "a zip"])


def refuse_unused(given: Given, found: Sequence[Subject], target: str) -> None:
    """Refuse what was given and none of these takes. target: an example of them."""
    foreign = [one for one in found if one.precision == FOREIGN]
    normalised = given.mean is not None or given.std is not None
    if normalised and not foreign:
        raise UsageError(
            f"--mean and --std are for ONNX files of other origin; {target} says its own."
        )
    if given.classes_as_given and not foreign:
        raise UsageError(f"--classes-as-given is for third-party files; {target} says its own.")
    if given.data is not None and not foreign and all(one.data is None for one in found):
        raise UsageError(
            "--data is for ONNX files of other origin, and a folder or zip for models that were "
            f"trained on it; {target} says its own."
        )
    if normalised and all(one.mean is None and one.std is None for one in foreign):
        raise UsageError(
            f"{foreign[0].name} takes raw pixels and normalises them itself; leave --mean and "
            "--std away."
        )
