"""The exports/ folder: what was published, found by name, checked by hash, replaced as a whole.

<root>/manifest.json   what each artifact holds, with the sha256 of every file
<root>/<id>/           one artifact
<root>/.lock           held by the one process that publishes
<root>/.publish.json   a publication under way; whoever comes next completes it
<root>/.new-<id>/      its files, whole before .publish.json is written
<root>/.old-<id>/      what it replaces
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.catalog import MODELS, meant_by
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.files import locked, sync_folder, write_json, writing
from zoo.intervals import Accuracy
from zoo.records import read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.dataset import Images
    from zoo.session import Session

EXPORTS = Path("exports")
PRECISIONS = ("fp32", "fp16", "int8")
FORMAT = 1
MANIFEST, CARD, VECTORS = "manifest.json", "card.json", "test_data_set_0"
_JOURNAL, _LOCK, _NEW, _OLD = ".publish.json", ".lock", ".new-", ".old-"


@dataclass(frozen=True)
class FileCard:
    """What the gate found about one ONNX file, over the whole test set.

    agreement: pictures with the same top class as the source network's; max_difference: largest
    |logit difference| from the source on real images, by batch size, beside `bound`, where that
    precision has one; emulated: pictures with the same top class when the int8 steps are computed
    in float, a check on the kernels of this CPU; nodes: of the graph.
    """

    file: str
    accuracy: Accuracy
    agreement: int
    max_difference: dict[str, float]
    bound: float | None
    nodes: int
    emulated: int | None = None


@dataclass(frozen=True)
class Card:
    """card.json: where an artifact comes from and what was measured of it.

    accuracy: of the source network, plain and with its recipe's test-time views; weights: sha256 of
    the run's weights; trained: epochs, PFLOP and seconds; half_layers: the first ones, which
    fp16 leaves in fp32; ranges: for int8, what each quantised tensor was seen to hold, [low, high];
    shifts: what its biases make up for, by layer and channel; float_layers: nodes that it leaves in
    float; machine, cpu_flags: where it was exported; design: of a transfer, see
    `zoo.models.transfer`.
    """

    id: str
    model: str
    family: str
    framework: str
    dataset: str
    fingerprint: str
    view: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    input: str
    recipe: dict[str, Any]
    seed: int
    weights: str
    parameters: int
    macs: int
    trained: dict[str, float]
    trained_on: str
    accuracy: Accuracy
    with_views: Accuracy | None
    opset: int
    ir_version: int
    min_onnxruntime: str
    machine: str
    cpu_flags: tuple[str, ...]
    versions: dict[str, str]
    precisions: dict[str, FileCard]
    half_layers: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    shifts: dict[str, tuple[float, ...]] = field(default_factory=dict)
    float_layers: tuple[str, ...] = ()
    design: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Any) -> "Card":
        """A card from its JSON value; `ValueError` names what is missing or of a wrong kind."""
        card: Card = read(cls, value, "the card")
        return card


@dataclass(frozen=True)
class _Listed:
    """What the manifest says of one file."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Artifact:
    """One published model. `entry` is what the manifest says of it."""

    root: Path
    id: str
    entry: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.root / self.id

    @property
    def precisions(self) -> tuple[str, ...]:
        """Those that were published."""
        return tuple(self.entry["precisions"])

    @cached_property
    def card(self) -> Card:
        """Read card.json."""
        path, content = self.folder / CARD, self.content(CARD)
        try:
            return Card.from_json(json.loads(content.decode("utf-8")))
        except (ValueError, RecursionError) as error:
            raise ZooError(f"{path} is damaged ({error}). Export it again.") from error

    def file(self, precision: str = "fp32") -> Path:
        """The ONNX file of a precision, after its hash was checked."""
        return self.checked(self._file_name(precision))

    def _file_name(self, precision: str) -> str:
        if precision not in self.precisions:
            raise UsageError(
                f"{self.id} has no {precision}, only {', '.join(self.precisions)}. "
                f"Make it with: python cli.py export {self.id} --precision {precision}"
            )
        return f"{precision}.onnx"

    def checked(self, name: str) -> Path:
        """The path of one of its files, whose bytes are those that were published."""
        self.content(name)
        return self.folder / name

    def content(self, name: str) -> bytes:
        """The bytes of one of its files, which are those that were published.

        An artifact that another process publishes anew meanwhile becomes the new one.
        """
        try:
            return self._published(name)
        except ZooError:
            if not _may_lock(self.root):
                raise
        with _alone(self.root):
            self.entry.update(_entries(self.root).get(self.id, {}))
            self.__dict__.pop("card", None)
            return self._published(name)

    def _published(self, name: str) -> bytes:
        path = self.folder / name
        try:
            expected = self.entry["files"][name]["sha256"]
            content = path.read_bytes()
        except KeyError:
            raise ZooError(f"the manifest in {self.root} names no {self.id}/{name}.") from None
        except OSError as error:
            raise ZooError(
                f"{path} cannot be read ({error.strerror}). Export {self.id} again, "
                "or bring the published file back."
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise ZooError(
                f"{path} is not the file that was published (its sha256 is {found[:12]}..., the "
                f"manifest says {expected[:12]}...). Export {self.id} again, or bring it back."
            )
        return content

    def session(
        self, precision: str = "fp32", *, provider: str = "cpu", threads: int | None = None
    ) -> "Session":
        """An onnxruntime session on one of its files."""
        from zoo.session import open_session

        file = self._file_name(precision)
        content, name = self.content(file), str(self.folder / file)
        return open_session(content, name=name, provider=provider, threads=threads)

    def predict(self, images: "Images", precision: str = "fp32") -> "NDArray[np.float32]":
        """Logits float32 [N, classes] of pictures uint8 [N, H, W, C], on the CPU."""
        from zoo.signature import Signature, logits

        session = self.session(precision)
        return logits(session, Signature.of(session), images)


def sha256(path: Path) -> str:
    """Of a file's bytes, in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def list_artifacts(root: Path = EXPORTS) -> list[Artifact]:
    """Everything published in a folder, by id."""
    if (root / _JOURNAL).exists() and _may_lock(root):
        with _alone(root):
            pass
    return [Artifact(root, name, entry) for name, entry in sorted(_entries(root).items())]


def find_artifact(name: str, root: Path = EXPORTS) -> Artifact:
    """The artifact meant by an id, or by a model's name: its CIFAR-10 one, else the only one."""
    found = known_artifact(name, root)
    if found is None:
        if not any(name == model or name.startswith(f"{model}-") for model in MODELS):
            known = (artifact.id for artifact in list_artifacts(root))
            raise unknown_name("model or export", name, {*MODELS, *known})
        raise ZooError(
            f"there is no export of {name} in {root}/. Make it with: python cli.py export {name}"
        )
    return found


def known_artifact(name: str, root: Path = EXPORTS) -> Artifact | None:
    """As `find_artifact`, but None where there is none."""
    known = {artifact.id: artifact for artifact in list_artifacts(root)}
    chosen = meant_by(name, {key: a.entry["model"] for key, a in known.items()}, "exports")
    return None if chosen is None else known[chosen]


@contextmanager
def publishing(
    artifact: str, root: Path = EXPORTS, on_wait: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Yield an empty folder to fill, for `publish`; it is removed when the block fails.

    on_wait: called once where another process is publishing here.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    with _alone(root, on_wait):
        folder = root / f"{_NEW}{artifact}"
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def publish(artifact: str, facts: dict[str, Any], folder: Path) -> Artifact:
    """Make the folder of `publishing` the artifact, in place of an earlier one, and list it.

    facts: what the manifest says of it beside its files. A process that dies before the journal is
    written leaves the old artifact; one that dies later, the new one.
    """
    root = folder.parent
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256(path), "bytes": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    entry = {**facts, "files": files}
    with writing(root):
        _sync_tree(folder)
        entries = _entries(root) | {artifact: entry}
        write_json(root / _JOURNAL, {"format": FORMAT, "artifact": artifact, "artifacts": entries})
        _complete(root)
    return Artifact(root, artifact, entry)


def manifest_facts(card: Card) -> dict[str, Any]:
    """What the manifest repeats of a card, so that a list of all artifacts reads one file."""
    names = ("model", "dataset", "input", "parameters", "macs", "trained", "opset", "ir_version")
    whole = asdict(card)
    facts = {name: whole[name] for name in (*names, "min_onnxruntime", "with_views")}
    return {**facts, "precisions": whole["precisions"]}


def _entries(root: Path) -> dict[str, dict[str, Any]]:
    entries: dict[str, dict[str, Any]] = _read(root / MANIFEST)["artifacts"]
    return entries


def _read(path: Path) -> dict[str, Any]:
    """The manifest, or the journal: the next manifest, and the id of what is new in it."""
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if value["format"] != FORMAT:
            raise ZooError(f"{path} has format {value['format']}; this zoo reads {FORMAT}.")
        for name, entry in value["artifacts"].items():
            if not name or "/" in name or name.startswith("."):
                raise ValueError(f"the id {name}")
            read(str, entry["model"], f"{name}.model")
            read(dict[str, _Listed], entry["files"], f"{name}.files")
            precisions = read(dict[str, dict[str, Any]], entry["precisions"], f"{name}.precisions")
            if not set(precisions) <= set(PRECISIONS):
                raise ValueError(f"{name}.precisions has others than {', '.join(PRECISIONS)}")
        if path.name == _JOURNAL and value["artifact"] not in value["artifacts"]:
            raise ValueError(f"the id {value['artifact']}")
    except FileNotFoundError:
        return {"artifacts": {}}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        remedy = "Bring it back, or remove it"
        if path.name == _JOURNAL:
            remedy = "Remove it, and export again what was being published"
        raise ZooError(f"{path} is damaged ({error}). {remedy}.") from error
    return value


def _may_lock(root: Path) -> bool:
    """Whether a reader can wait for the end of a publication: somebody published, and we may."""
    return os.access(root / _LOCK, os.W_OK)


@contextmanager
def _alone(root: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock, with what an earlier publication left half-done completed."""
    with locked(root / _LOCK, on_wait):
        with writing(root):
            _complete(root)
        yield


def _complete(root: Path) -> None:
    """Carry the journal out, from whichever step was reached, and sweep what the dead left."""
    journal = root / _JOURNAL
    if journal.exists():
        plan = _read(journal)
        new, live, old = (root / f"{prefix}{plan['artifact']}" for prefix in (_NEW, "", _OLD))
        if new.exists():
            if live.exists():
                shutil.rmtree(old, ignore_errors=True)
                live.rename(old)
            new.rename(live)
            sync_folder(root)
        write_json(root / MANIFEST, {"format": FORMAT, "artifacts": plan["artifacts"]})
        journal.unlink()
    for leftover in (*root.glob(f"{_OLD}*"), *root.glob(f"{_NEW}*")):
        shutil.rmtree(leftover, ignore_errors=True)
    for unfinished in root.glob(".*.tmp"):
        unfinished.unlink(missing_ok=True)


def _sync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
