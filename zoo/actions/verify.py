"""`verify`: check that published models, or any ONNX files, are what they claim to be."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo.artifacts.artifact import VECTORS, Artifact, all_artifacts, list_artifacts, which_artifact
from zoo.artifacts.card import Card
from zoo.artifacts.places import LOCAL, places
from zoo.artifacts.publishing import MANIFEST
from zoo.data.catalog import is_path
from zoo.data.known import KNOWN
from zoo.errors import ZooError
from zoo.graphs.counted import GraphCost
from zoo.inspection.artifact_checks import check_artifact, check_hash
from zoo.inspection.checks import (
    Checked,
    Claim,
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
)
from zoo.inspection.description import (
    Description,
    check_data,
    describe,
    refuse_for_artifacts,
    refuse_unneeded,
)
from zoo.inspection.found import Inspection, printable
from zoo.inspection.inspector import SECONDS, Inspector
from zoo.inspection.targets import Target, find_targets, parts_of
from zoo.ort.faults import Here
from zoo.ort.given import Given
from zoo.progress import Progress


@dataclass(frozen=True)
class Check:
    """One thing checked."""

    target: str  # an artifact's id, or a file
    name: str
    status: Status
    text: str  # the result, or why it was skipped


def verify(
    *targets: str | Path,
    exports: Path | None = None,
    data_dir: Path | None = None,
    accuracy: bool = True,
    seconds: float = SECONDS,
    memory: int | None = None,
    given: Given | None = None,
    on: Here | None = None,
    progress: Progress | None = None,
) -> list[Check]:
    """Check artifacts and ONNX files; without a target, every artifact.

    A target is an artifact's id or its model's name, or the path of a file or of an artifact's
    folder. data_dir: where local copies of the datasets are; nothing is downloaded. accuracy:
    measure it again on the test set, if that is available. seconds: time limit for a file to load
    and run; memory: its limit in bytes; default: 2 GiB plus six times the size of the file. given:
    what third-party files do not say about themselves; each file uses what it needs, and `data`
    names the dataset that accuracy is measured on. on: the onnxruntime and CPU that compute;
    default: those of this process.
    """
    checks: list[Check] = []
    given = given or Given()
    check_data(given.data)
    wanted: list[Target] = []
    if not targets:
        checks = [stray for place in places(exports) for stray in _strays(place)]
        known = list_artifacts(exports) if checks else all_artifacts(exports)
        wanted = [part for found in known for part in parts_of(found)]
    progress = progress or Progress()
    for target in targets:
        found = find_targets(target, exports)
        if found[0].artifact and (told := which_artifact(str(target), found[0].artifact)):
            progress.say(told)
        wanted += found
    with Inspector(seconds, memory) as inspector:
        verifier = _Verifier(
            *(inspector, data_dir, accuracy, given, on or Here.found()),
            progress,
        )
        verifier.describe(wanted)
        checks += verifier.checks(wanted)
    return checks


def _strays(root: Path) -> list[Check]:
    """Folders among the artifacts that the manifest does not list."""
    listed = {artifact.id for artifact in list_artifacts(root)}
    folders = sorted(path for path in root.glob("[!.]*") if path.is_dir() and path != LOCAL)
    text = f"{root / MANIFEST} does not name this folder"
    return [
        Check(path.name, "manifest", "failed", text) for path in folders if path.name not in listed
    ]


@dataclass(frozen=True)
class _Verifier:
    """Runs the checks, with one process for all untrusted files."""

    inspector: Inspector
    data_dir: Path | None
    accuracy: bool
    given: Given
    on: Here
    progress: Progress
    # Descriptions of third-party files by path, or the fault of the JSON beside one
    described: dict[Path, Description | str] = field(default_factory=dict)

    def describe(self, targets: list[Target]) -> None:
        """Describe the third-party files, and refuse options that none of them needs."""
        files = [target.path for target in targets if not target.artifact]
        if targets and not files:
            cards = filter(None, (_card(one.artifact) for one in targets if one.artifact))
            own_images = any(card.dataset not in KNOWN for card in cards)
            refuse_for_artifacts(self.given, targets[0].name, own_images=own_images)
        for path in files:
            try:
                self.described[path] = describe(path, self.given, self.inspector)
            except ZooError as error:  # the checks of the file itself say more
                self.described[path] = str(error)
        found = self.described.values()
        refuse_unneeded(self.given, [one for one in found if isinstance(one, Description)])

    def checks(self, targets: list[Target]) -> Iterator[Check]:
        """All checks of all targets, in order."""
        for target in targets:
            if target.precision or target.artifact is None:
                self.progress.now(f"verifying {target.name}")
                found = self._of_file(target)
            else:
                found = check_artifact(target.artifact)
            for name, (status, text) in found:
                yield Check(target.name, name, status, printable(text))

    def _of_file(self, target: Target) -> Iterator[tuple[str, Checked]]:
        vectors = target.path.absolute().parent / VECTORS
        missing = f"there is no {VECTORS} beside it"
        beside = vectors.is_dir()
        if target.artifact and target.precision not in target.artifact.precisions:
            beside, missing = False, f"{VECTORS} is for the files that take images"
        described = self.described.get(target.path, "")
        given = described.given if isinstance(described, Description) else Given()
        found = self.inspector.inspect(target.path, [vectors] if beside else [], given)
        card = None
        if target.artifact:
            yield "hash", check_hash(target.artifact, target.path.name, found)
            card = _card(target.artifact)
        else:
            yield "hash", ("skipped", "no manifest lists this file")
            yield "card", ("skipped", "this file has no card")
        if not found.ok:
            yield "loads", ("failed", found.reason)
            for name in ("onnxruntime", "batches", "vectors", "accuracy"):
                yield name, ("skipped", "it did not load")
            return
        facts = [f"{found.nodes} nodes", *_counted(self.inspector.cost(target.path))]
        text = f"onnx.checker accepts it, onnxruntime runs it: {', '.join(facts)}"
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
            if described and isinstance(described, str):
                yield "description", ("failed", described)
            yield "images", ("skipped", found.signature) if found.signature else _images(found)
            yield "classes", check_class_names(found, given)
        faults = check_faults(found, self.on)
        yield "faults", faults
        if faults[0] == "failed":
            for name in ("batches", "vectors", "accuracy"):
                yield name, ("skipped", "this onnxruntime would give wrong answers here")
            return
        precision = target.precision or found.metadata.get("precision", "fp32")
        yield "batches", check_batches(found, precision, card)
        run = found.vectors.get(str(vectors))
        yield "vectors", check_vectors(run, precision, card) if run else ("skipped", missing)
        yield "accuracy", self._accuracy(target, found, card)

    def _accuracy(self, target: Target, found: Inspection, card: Card | None) -> Checked:
        if not self.accuracy:
            return "skipped", "not requested"
        described = self.described.get(target.path)
        file = described if isinstance(described, Description) else None
        given = file.given if file else Given()
        missing: Status = "failed" if file and self.given.data else "skipped"
        if card:
            claim = claim_of_card(card, target.precision)
            if self.given.data and is_path(self.given.data) and card.dataset not in KNOWN:
                claim = replace(claim, dataset=self.given.data)
        elif found.signature:
            return missing, "this zoo cannot prepare images for its input"
        else:
            told = claim_of_file(found)
            if given.data and (told is None or told.dataset != given.data):
                told = Claim("nobody", "fp32", given.data)
            if told is None:
                return "skipped", "no dataset is named for it; add --data"
            claim = told
        # The card's classes are compared with the file's metadata elsewhere.
        names = file.class_names if file and not card else None
        status, text = check_accuracy(
            target.path, claim, given, names, self.inspector, self.data_dir, self.progress
        )
        return (missing if status == "skipped" else status), text


def _card(artifact: Artifact) -> Card | None:
    """The card; None if it is damaged, which another check reports."""
    try:
        return artifact.card
    except ZooError:
        return None


def _counted(cost: GraphCost | None) -> Iterator[str]:
    """The contents and cost of a graph in words, as far as they could be counted."""
    if cost is None:
        return
    yield f"{cost.parameters:,} parameters"
    if cost.macs is not None:
        yield f"{cost.macs:,} multiply-adds per image"
    if cost.precision:
        yield f"in {cost.precision}"


def _images(found: Inspection) -> Checked:
    (image,) = found.inputs
    chosen = f"; {found.chosen}" if found.chosen else ""
    return "ok", f"{image.name} {image.dtype} {list(image.shape)}{chosen}"
