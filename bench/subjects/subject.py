"""What is measured: the files of published artifacts, or any other ONNX file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from zoo.artifacts.artifact import Artifact, all_artifacts, find_artifact, which_artifact
from zoo.artifacts.card import PRECISIONS, Card
from zoo.data.catalog import is_path
from zoo.data.known import KNOWN
from zoo.errors import UsageError, ZooError, command, unknown_name
from zoo.graphs.counted import GraphCost
from zoo.inspection.description import (
    Description,
    check_data,
    describe,
    refuse_for_artifacts,
    refuse_unneeded,
)
from zoo.inspection.inspector import Inspector
from zoo.ort.faults import Here, fault_of, fault_of_content
from zoo.ort.given import Given
from zoo.specs.catalog import EVERY, Kind

__all__ = [
    "THIRD_PARTY",
    "Subject",
    "find_subjects",
    "is_file",
    "of_file",
    "refuse_unused",
    "which_artifacts",
]

THIRD_PARTY = "file"  # the precision of a file without a card
SPEED_ALONE = "speed only: it takes normalised pixels, and --mean and --std are not given"


@dataclass(frozen=True)
class Subject:
    """One ONNX file."""

    name: str
    precision: str
    path: Path | None  # None where the artifact has no file of this precision
    sha256: str = ""
    bytes: int = 0
    artifact: Artifact | None = None
    # The given facts that a third-party file needs; an artifact has them on its card
    given: Given = field(default_factory=Given)
    # As given; for an artifact, the folder of the images that it was trained on
    data: str | None = None
    integer_widths: tuple[int, ...] = ()  # for a third-party file, see `zoo.graphs.products`
    # Class names of a third-party file, unless they count as given
    class_names: tuple[str, ...] | None = None
    description: Description | None = field(default=None, compare=False)  # of such a file
    counted: GraphCost | None = field(default=None, compare=False)  # in its graph, likewise
    no_accuracy: str = ""  # why its answers are neither right nor wrong
    problem: str = ""  # why it cannot be measured at all

    def fault(self, runtime: str, provider: str, on: Here) -> str | None:
        """Why it is known to give wrong answers; None if it is not.

        on: the onnxruntime and CPU that compute. Only faults of its CPU provider are known.
        """
        if (runtime, provider) != ("onnxruntime", "cpu") or self.path is None:
            return None
        if self.artifact:
            return fault_of_content(self.artifact.content(self.path.name), on)
        return fault_of(self.integer_widths, on)

    @property
    def card(self) -> Card | None:
        """The card of its artifact."""
        return self.artifact.card if self.artifact else None

    @cached_property
    def cost(self) -> GraphCost | None:
        """The cost of its graph; None if it cannot be counted."""
        if self.artifact is None or self.path is None:
            return self.counted
        return cost_of_artifact(self.artifact, self.precision)

    @property
    def dataset(self) -> str | None:
        """The dataset whose test set measures its accuracy."""
        return self.card.dataset if self.card else self.data

    @property
    def place(self) -> str | None:
        """The name, folder or zip by which that test set is found."""
        return self.data or self.dataset

    @property
    def shown(self) -> tuple[int, int] | None:
        """Height and width of the images of that test set, if its name is known."""
        known = KNOWN.get(self.dataset or "")
        return known.shape[:2] if known else None

    @property
    def names(self) -> tuple[str, ...] | None:
        """Its classes in the order of its logits, if known."""
        return self.card.class_names if self.card else self.class_names

    @property
    def is_of_own_folder(self) -> bool:
        """Whether it was trained on a dataset without a known name."""
        return self.card is not None and self.card.dataset not in KNOWN


def find_subjects(
    targets: Sequence[str],
    exports: Path | None,
    precisions: Sequence[str] | None = None,
    given: Given | None = None,
    kind: Kind = EVERY,
) -> list[Subject]:
    """Find the files meant by targets; by default, everything published.

    precisions: for artifacts; default: all published ones. given: facts for third-party files, each
    of which uses what it needs, and the folder of images for models trained on one; unneeded facts
    are refused. kind: only models of this kind. If there are several files, an unsuitable one has a
    `problem`.
    """
    for precision in precisions or ():
        if precision not in PRECISIONS:
            raise unknown_name("precision", precision, PRECISIONS)
    given = given or Given()
    check_data(given.data)
    found: list[Subject] = []
    if not targets:
        artifacts = all_artifacts(exports)
        found = [one for artifact in artifacts for one in _of_artifact(artifact, precisions, given)]
        found = _of_kind(found, kind, "what is published")
        refuse_unused(given, found, "what is published")
        return found
    with Inspector() as inspector:
        for target in targets:
            if is_file(target):
                read = of_file if len(targets) == 1 else _of_one_among_others
                found.append(read(Path(target), given, inspector))
            else:
                found += _of_artifact(find_artifact(target, exports), precisions, given)
    found = _of_kind(found, kind, ", ".join(targets))
    refuse_unused(given, found, targets[0])
    return list({(one.name, one.precision): one for one in found}.values())


def which_artifacts(targets: Iterable[str], exports: Path | None) -> list[str]:
    """A line for each ambiguous model name that says which artifact was taken."""
    names = dict.fromkeys(target for target in targets if not is_file(target))
    return [told for name in names if (told := which_artifact(name, find_artifact(name, exports)))]


def which_lack(subjects: Iterable[Subject]) -> list[str]:
    """A line for each model that has no file of a precision that was asked for: how to get it."""
    return [
        f"{one.name} has no {one.precision} file. {one.artifact.remedy(one.precision)}"
        for one in subjects
        if one.artifact is not None and one.path is None
    ]


def _of_kind(subjects: list[Subject], kind: Kind, named: str) -> list[Subject]:
    found = [one for one in subjects if kind.holds(one.card.model if one.card else None)]
    if subjects and not found:
        raise UsageError(f"{kind.words}: there is none among {named}. See: {command('list')}")
    return found


def is_file(target: str) -> bool:
    """Whether an ONNX file is meant and not an artifact."""
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


def cost_of_artifact(artifact: Artifact, precision: str) -> GraphCost | None:
    """Opset and number formats of a file, with the weights and multiply-adds of the fp32 one.

    Files of other precisions are padded and folded, and describe the model less well.
    """
    import onnx

    from zoo.graphs.cost import cost_of

    def counted(precision: str) -> GraphCost:
        return cost_of(onnx.load_from_string(artifact.content(f"{precision}.onnx")))

    try:
        own = counted(precision)
        whole = counted("fp32") if "fp32" in artifact.precisions else own
    except Exception:  # a damaged file, which is reported when it is opened
        return None
    return replace(own, parameters=whole.parameters, macs=whole.macs)


def of_file(path: Path, given: Given, inspector: Inspector) -> Subject:
    """A third-party file, with the facts it needs from options or the JSON file beside it."""
    found = describe(path, given, inspector)
    alone = found.lacks_normalisation
    told = replace(found.given, mean=(0.0,), std=(1.0,)) if alone else found.given
    return Subject(
        str(path),
        THIRD_PARTY,
        path,
        found.facts.sha256,
        found.facts.bytes,
        given=told,
        description=found,
        data=told.data,
        integer_widths=found.facts.integer_widths,
        class_names=found.class_names,
        no_accuracy=SPEED_ALONE if alone else "",
        counted=inspector.cost(path),
    )


def _of_one_among_others(path: Path, given: Given, inspector: Inspector) -> Subject:
    """A file that cannot be measured gets a problem, and does not end the sweep of the others."""
    try:
        return of_file(path, given, inspector)
    except ZooError as error:
        if not path.is_file():  # a slip of the keyboard, perhaps
            raise
        found = inspector.inspect(path)  # in the words of `verify`, where that refuses it too
        problem = str(error) if found.ok else found.reason
        return Subject(str(path), THIRD_PARTY, path, problem=problem)


def refuse_unused(given: Given, found: Sequence[Subject], target: str) -> None:
    """Refuse given facts that no subject uses. target: an example of the subjects."""
    if all(one.card for one in found):
        own_images = any(one.is_of_own_folder for one in found)
        refuse_for_artifacts(given, target, own_images=own_images)
    refuse_unneeded(given, (one.description for one in found if one.description))
