"""`verify`: whether published models, and any ONNX file, are what they are said to be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import EXPORTS, VECTORS, Artifact, how_to_export, list_artifacts
from zoo.artifacts.card import Card
from zoo.artifacts.publishing import MANIFEST
from zoo.errors import ZooError
from zoo.inspection.artifact_checks import check_artifact, check_hash
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
from zoo.inspection.found import Inspection, printable
from zoo.inspection.inspector import SECONDS, Inspector
from zoo.inspection.targets import Target, find_targets, parts_of
from zoo.ort.faults import Here
from zoo.progress import Progress


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    target: str  # an artifact's id, or a file
    name: str
    status: Status
    text: str  # says why, where it is skipped


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
    wanted: list[Target] = []
    if not targets:
        wanted = [part for found in list_artifacts(exports) for part in parts_of(found)]
        checks = _strays(exports)
        if not wanted and not checks:
            raise ZooError(f"nothing is published in {exports}/. {how_to_export('cnn', exports)}")
    for target in targets:
        wanted += find_targets(target, exports)
    with Inspector(seconds, memory) as inspector:
        verifier = _Verifier(
            *(inspector, data_dir, accuracy, classes_as_given, on or Here.found()),
            progress or Progress(),
        )
        checks += verifier.checks(wanted)
    return checks


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

    def checks(self, targets: list[Target]) -> Iterator[Check]:
        """All checks of all targets, in order."""
        for target in targets:
            if target.precision or target.artifact is None:
                self.progress.say(f"verifying {target.name}")
                found = self._of_file(target)
            else:
                found = check_artifact(target.artifact)
            for name, (status, text) in found:
                yield Check(target.name, name, status, printable(text))

    def _of_file(self, target: Target) -> Iterator[tuple[str, Checked]]:
        vectors = target.path.absolute().parent / VECTORS
        missing = f"no {VECTORS} lies beside it"
        beside = vectors.is_dir()
        if target.artifact and target.precision not in target.artifact.precisions:
            beside, missing = False, f"{VECTORS} is for the files that take images"
        found = self.inspector.inspect(target.path, [vectors] if beside else [])
        card = None
        if target.artifact:
            yield "hash", check_hash(target.artifact, target.path.name, found)
            card = _card(target.artifact)
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
        file = card.precisions.get(target.precision) if card else None
        told = found.metadata.get("min_onnxruntime")
        promised = file.min_onnxruntime if file else told
        yield "onnxruntime", check_versions(found, promised, card)
        if card and target.precision in card.precisions:
            yield "contract", check_contract(found, card)
            yield "metadata", check_metadata(found, card, target.precision)
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
        precision = target.precision or found.metadata.get("precision", "fp32")
        yield "batches", check_batches(found, precision, card)
        run = found.vectors.get(str(vectors))
        yield "vectors", check_vectors(run, precision, card) if run else ("skipped", missing)
        yield "accuracy", self._accuracy(target, found, card)

    def _accuracy(self, target: Target, found: Inspection, card: Card | None) -> Checked:
        if not self.accuracy:
            return "skipped", "not asked for"
        if card:
            claim = claim_of_card(card, target.precision)
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
            target.path, claim, names, self.inspector, self.data_dir, self.progress
        )


def _card(artifact: Artifact) -> Card | None:
    """The card, None where it is damaged, which is a check of its own."""
    try:
        return artifact.card
    except ZooError:
        return None


def _images(found: Inspection) -> Checked:
    (image,) = found.inputs
    return "ok", f"{image.name} {image.dtype} {list(image.shape)}"
