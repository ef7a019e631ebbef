"""`verify`: whether published models, and any ONNX file, are what they are said to be."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from zoo.artifacts.artifact import (
    EXPORTS,
    VECTORS,
    Artifact,
    find_artifact,
    how_to_export,
    list_artifacts,
)
from zoo.artifacts.card import Card, manifest_facts, with_oldest_by_file
from zoo.artifacts.publishing import MANIFEST
from zoo.errors import ZooError
from zoo.inspection.checks import (
    Checked,
    Status,
    check_accuracy,
    check_batches,
    check_class_names,
    check_contract,
    check_faults,
    check_metadata,
    check_vectors,
    check_versions,
    claim_of_card,
    claim_of_file,
    names_of,
)
from zoo.inspection.inspector import SECONDS, Inspection, Inspector, printable
from zoo.ort.faults import Here
from zoo.progress import Progress

_LISTED = 3


@dataclass(frozen=True)
class Check:
    """One thing looked at. target: an artifact's id, or a file; skipped: the text says why."""

    target: str
    name: str
    status: Status
    text: str


def verify(
    *targets: str | Path,
    exports: Path = EXPORTS,
    data_dir: Path | None = None,
    accuracy: bool = True,
    seconds: float = SECONDS,
    memory: int | None = None,
    classes_as_given: bool = False,
    on: Here | None = None,
    progress: Progress | None = None,
) -> list[Check]:
    """Check artifacts and ONNX files; without a target, everything published in `exports`.

    A target is an artifact's id or its model's name, or the path of a file or of an artifact's
    folder. data_dir: where local copies of the datasets lie; nothing is downloaded. accuracy:
    measure it again over the test set, where that is at hand. seconds, memory: what a file may take
    to load and run, in bytes; by default 2 GiB and six times its size. classes_as_given: the
    classes of a third-party file are those of the data in that order, whatever it calls them. on:
    what computes, by default this onnxruntime on this CPU.
    """
    checks: list[Check] = []
    subjects: list[_Subject] = []
    if not targets:
        subjects = [part for found in list_artifacts(exports) for part in _parts(found)]
        checks = _strays(exports)
        if not subjects and not checks:
            raise ZooError(f"nothing is published in {exports}/. {how_to_export('cnn', exports)}")
    for target in targets:
        subjects += _subjects(target, exports)
    with Inspector(seconds, memory) as inspector:
        verifier = _Verifier(
            *(inspector, data_dir, accuracy, classes_as_given, on or Here.found()),
            progress or Progress(),
        )
        checks += verifier.checks(subjects)
    return checks


@dataclass(frozen=True)
class _Subject:
    """An artifact as a whole (precision ""), one of its files, or a file that has no artifact.

    precision: else the file's name without its ending, as of the head of a transfer.
    """

    target: str
    path: Path
    artifact: Artifact | None = None
    precision: str = ""


def _subjects(target: str | Path, exports: Path) -> list[_Subject]:
    path = Path(target)
    if isinstance(target, str) and not target.endswith(".onnx"):
        try:
            return _parts(find_artifact(target, exports))
        except ZooError:
            if not path.exists():
                raise
    folder = path.absolute()
    if path.is_dir():
        artifact = _published_in(folder)
        return _parts(artifact) if artifact else [_Subject(str(target), path)]
    artifact = _published_in(folder.parent)
    if artifact and path.name in _onnx_files(artifact):
        return [_Subject(str(target), path, artifact, path.stem)]
    return [_Subject(str(target), path)]


def _published_in(folder: Path) -> Artifact | None:
    """The artifact whose folder this is, by the manifest beside it."""
    try:
        known = {artifact.id: artifact for artifact in list_artifacts(folder.parent)}
    except ZooError:
        return None  # a manifest of something else
    return known.get(folder.name)


def _parts(artifact: Artifact) -> list[_Subject]:
    """The artifact as a whole, and each of its ONNX files."""
    files = [
        _Subject(f"{artifact.id}/{name}", artifact.folder / name, artifact, Path(name).stem)
        for name in _onnx_files(artifact)
    ]
    return [_Subject(artifact.id, artifact.folder, artifact), *files]


def _onnx_files(artifact: Artifact) -> list[str]:
    """Those of its precisions, then others that it was published with."""
    names = [f"{precision}.onnx" for precision in artifact.precisions]
    others = [name for name in artifact.entry["files"] if name.endswith(".onnx")]
    return [*names, *(name for name in others if name not in names and "/" not in name)]


def _strays(root: Path) -> list[Check]:
    """Folders that lie among the artifacts without being listed."""
    listed = {artifact.id for artifact in list_artifacts(root)}
    folders = sorted(path for path in root.glob("[!.]*") if path.is_dir())
    text = f"{root / MANIFEST} does not name this folder"
    return [
        Check(path.name, "manifest", "failed", text) for path in folders if path.name not in listed
    ]


@dataclass(frozen=True)
class _Verifier:
    """Makes the checks, with one process for all files of unknown content."""

    inspector: Inspector
    data_dir: Path | None
    accuracy: bool
    classes_as_given: bool
    on: Here
    progress: Progress

    def checks(self, subjects: list[_Subject]) -> Iterator[Check]:
        """All checks of all subjects, in order."""
        for subject in subjects:
            if subject.precision or subject.artifact is None:
                self.progress.say(f"verifying {subject.target}")
                found = self._of_file(subject)
            else:
                found = check_artifact(subject.artifact)
            for name, (status, text) in found:
                yield Check(subject.target, name, status, printable(text))

    def _of_file(self, subject: _Subject) -> Iterator[tuple[str, Checked]]:
        vectors = subject.path.absolute().parent / VECTORS
        missing = f"no {VECTORS} lies beside it"
        beside = vectors.is_dir()
        if subject.artifact and subject.precision not in subject.artifact.precisions:
            beside, missing = False, f"{VECTORS} is for the files that take images"
        found = self.inspector.inspect(subject.path, [vectors] if beside else [])
        card = None
        if subject.artifact:
            yield "hash", _check_hash(subject.artifact, subject.path.name, found)
            card = _card(subject.artifact)
        else:
            yield "hash", ("skipped", "no manifest names this file")
            yield "card", ("skipped", "no card comes with this file")
        if not found.ok:
            yield "loads", ("failed", found.reason)
            for name in ("onnxruntime", "batches", "vectors", "accuracy"):
                yield name, ("skipped", "the file is refused")
            return
        text = f"onnx.checker accepts it, onnxruntime runs it: {found.nodes} nodes"
        yield "loads", ("ok", text)
        file = card.precisions.get(subject.precision) if card else None
        told = found.metadata.get("min_onnxruntime")
        promised = file.min_onnxruntime if file else told
        yield "onnxruntime", check_versions(found, promised, card)
        if card and subject.precision in card.precisions:
            yield "contract", check_contract(found, card)
            yield "metadata", check_metadata(found, card, subject.precision)
        else:
            card = None
            yield "images", ("skipped", found.signature) if found.signature else _images(found)
            yield "classes", check_class_names(found)
        faults = check_faults(found, self.on)
        yield "faults", faults
        if faults[0] == "failed":
            for name in ("batches", "vectors", "accuracy"):
                yield name, ("skipped", "this onnxruntime would answer wrongly here")
            return
        precision = subject.precision or found.metadata.get("precision", "fp32")
        yield "batches", check_batches(found, precision, card)
        run = found.vectors.get(str(vectors))
        yield "vectors", check_vectors(run, precision, card) if run else ("skipped", missing)
        yield "accuracy", self._accuracy(subject, found, card)

    def _accuracy(self, subject: _Subject, found: Inspection, card: Card | None) -> Checked:
        if not self.accuracy:
            return "skipped", "not asked for"
        if card:
            claim = claim_of_card(card, subject.precision)
        elif found.signature:
            return "skipped", "it takes no images that this zoo knows how to prepare"
        else:
            told = claim_of_file(found)
            if told is None:
                return "skipped", "the file does not say on which images it is how often right"
            claim = told
        # What a card says of the classes is held against the file as metadata.
        names = None if card or self.classes_as_given else names_of(found)
        return check_accuracy(
            subject.path, claim, names, self.inspector, self.data_dir, self.progress
        )


def check_artifact(artifact: Artifact) -> Iterator[tuple[str, Checked]]:
    yield "files", _check_files(artifact)
    try:
        card = artifact.card
    except ZooError as error:
        yield "card", ("failed", str(error))
        return
    facts = json.loads(json.dumps(manifest_facts(card)))
    entry = with_oldest_by_file(artifact.entry)
    wrong = [name for name, value in facts.items() if entry.get(name) != value]
    wrong += ["id"] if card.id != artifact.id else []
    if wrong:
        yield "card", ("failed", f"the card and the manifest differ: {', '.join(wrong)}")
    else:
        yield "card", ("ok", "says what the manifest says")


def _check_files(artifact: Artifact) -> Checked:
    """Whether the folder holds what the manifest lists, byte for byte, and nothing else."""
    listed = artifact.entry["files"]
    wrong = [f"{name} is no name of a file in the folder" for name in listed if _leaves(name)]
    names = [name for name in listed if not _leaves(name)]
    for name in names:
        try:
            artifact.checked(name)
        except ZooError as error:
            wrong.append(str(error))
    there = {
        path.relative_to(artifact.folder).as_posix()
        for path in artifact.folder.rglob("*")
        if not path.is_dir()
    }
    wrong += [f"{name} is not in the manifest" for name in sorted(there - set(listed))]
    onnx_files = {f"{precision}.onnx" for precision in artifact.precisions}
    wrong += [f"the manifest lists no {name}" for name in sorted(onnx_files - set(listed))]
    if wrong:
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        return "failed", "; ".join(wrong[:_LISTED]) + more
    size = sum((artifact.folder / name).stat().st_size for name in names)
    return "ok", f"{len(names)} files, {size / (1 << 20):.1f} MiB, as published"


def _leaves(name: str) -> bool:
    """Whether a relative name leads out of its folder."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _check_hash(artifact: Artifact, name: str, found: Inspection) -> Checked:
    """Whether the bytes that were inspected, not only those on disk now, are the published ones."""
    try:
        artifact.checked(name)
    except ZooError as error:
        return "failed", str(error)
    expected = artifact.entry["files"][name]["sha256"]
    if found.ok and found.sha256 != expected:
        return "failed", "the file changed while it was looked at"
    return "ok", f"sha256 {expected[:12]}... as published"


def _card(artifact: Artifact) -> Card | None:
    """The card, None where it is damaged, which is a check of its own."""
    try:
        return artifact.card
    except ZooError:
        return None


def _images(found: Inspection) -> Checked:
    (image,) = found.inputs
    return "ok", f"{image.name} {image.dtype} {list(image.shape)}"
