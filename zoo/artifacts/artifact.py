"""Artifacts as a reader sees them: found by name, their files checked by hash."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from zoo.artifacts.card import PRECISIONS, Card
from zoo.artifacts.places import in_words, is_default, option, places
from zoo.artifacts.publishing import alone, entries, finish, may_lock
from zoo.errors import UsageError, ZooError, command, unknown_name
from zoo.reading import read_bytes
from zoo.runs.remains import RUNS
from zoo.specs.catalog import MODELS, meant_by, which_is_meant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.dataset import Images
    from zoo.ort.session import Session

_LARGEST_FILE = 2 << 30
CARD, VECTORS = "card.json", "test_data_set_0"


@dataclass(frozen=True)
class Artifact:
    """One published model. `entry` is its entry in the manifest."""

    root: Path
    id: str
    entry: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self.root / self.id

    @property
    def precisions(self) -> tuple[str, ...]:
        """The precisions that were published."""
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
        """The ONNX file of a precision, after checking its hash."""
        return self.checked(self._file_name(precision))

    def _file_name(self, precision: str) -> str:
        if precision not in self.precisions:
            raise UsageError(
                f"{self.id} has no {precision}, only {', '.join(self.precisions)}. "
                f"{self.remedy(precision)}"
            )
        return f"{precision}.onnx"

    @property
    def place(self) -> Path | None:
        """The folder to name with --exports; None if the artifact is found without it."""
        return None if is_default(self.root) else self.root

    def remedy(self, precision: str) -> str:
        """How to get a precision that was not published."""
        if precision not in PRECISIONS:
            return f"Name one of them: --precision {' or '.join(self.precisions)}"
        if why := self._left_out.get(precision):
            return f"It cannot have one: {why}."
        if not self.lacks((precision,)):
            return self._from_run(precision)
        make = command("export", self.id, "--mend", "--precision", precision, *option(self.place))
        return f"Make it with: {make}"

    def lacks(self, precisions: Sequence[str]) -> list[str]:
        """The precisions it has no file for that can be made from its fp32 file without the run."""
        from zoo.data.known import KNOWN

        if "fp32" not in self.precisions or self.entry.get("dataset") not in KNOWN:
            return []
        return [one for one in precisions if one not in (*self.precisions, *self._left_out)]

    @property
    def _left_out(self) -> dict[str, str]:
        """The precisions that it cannot have, and why."""
        return self.card.left_out if CARD in self.entry["files"] else {}

    def _from_run(self, precision: str) -> str:
        from zoo.ort.signature import PIXELS

        wanted = [name for name in PRECISIONS if name in (*self.precisions, precision)]
        form = self.entry.get("input", PIXELS)
        options = ["--precision", ",".join(wanted), *([] if form == PIXELS else ["--input", form])]
        return how_to_export(self.id.removesuffix(f"-{form}"), self.place, options)

    def checked(self, name: str) -> Path:
        """The path of one of its files, after checking its hash."""
        self.content(name)
        return self.folder / name

    def content(self, name: str) -> bytes:
        """The bytes of one of its files, after checking its hash.

        If another process publishes the artifact again in the meantime, the new one is read.
        """
        if leads_out(name):
            raise ZooError(
                f"the manifest in {self.root} is damaged: {self.id}/{name} lies outside the "
                "artifact's folder. Restore it."
            )
        try:
            return self._published(name)
        except ZooError:
            if not may_lock(self.root):
                raise
        with alone(self.root):
            self.entry.update(entries(self.root).get(self.id, {}))
            self.__dict__.pop("card", None)
            return self._published(name)

    def _published(self, name: str) -> bytes:
        path = self.folder / name
        try:
            expected = self.entry["files"][name]["sha256"]
            content = read_bytes(path, _LARGEST_FILE)
        except KeyError:
            raise ZooError(f"the manifest in {self.root} does not list {self.id}/{name}.") from None
        except OSError as error:
            raise ZooError(
                f"{path} cannot be read ({error.strerror}). Export {self.id} again, "
                "or restore the published file."
            ) from error
        found = hashlib.sha256(content).hexdigest()
        if found != expected:
            raise ZooError(
                f"{path} is not the file that was published (its sha256 is {found[:12]}..., the "
                f"manifest says {expected[:12]}...). Export {self.id} again, or restore it."
            )
        return content

    def session(
        self, precision: str = "fp32", *, provider: str = "cpu", threads: int | None = None
    ) -> "Session":
        """An onnxruntime session on one of its files."""
        from zoo.ort.session import open_session

        file = self._file_name(precision)
        content, name = self.content(file), str(self.folder / file)
        return open_session(content, name=name, provider=provider, threads=threads)

    def predict(self, images: "Images", precision: str = "fp32") -> "NDArray[np.float32]":
        """Logits float32 [N, classes] of images uint8 [N, H, W, C], on the CPU."""
        from zoo.ort.signature import Signature, logits

        session = self.session(precision)
        return logits(session, Signature.of(session), images)


def leads_out(name: str) -> bool:
    """Whether the name of a file leads out of its folder: a manifest may come from anybody."""
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts or not path.parts


def list_artifacts(exports: Path | None = None) -> list[Artifact]:
    """Every artifact in `exports`, by id; by default, those of all `places`.

    If two have the same id, the one in the earlier place is taken.
    """
    found: dict[str, Artifact] = {}
    for root in places(exports):
        finish(root)
        for name, entry in entries(root).items():
            found.setdefault(name, Artifact(root, name, entry))
    return [found[name] for name in sorted(found)]


def find_artifact(name: str, exports: Path | None = None) -> Artifact:
    """Find an artifact by id, or by model name: the one for CIFAR-10, else the only one."""
    found = known_artifact(name, exports)
    if found is None:
        known = [artifact.id for artifact in list_artifacts(exports)]
        if name not in MODELS and not _could_be(name):
            raise unknown_name("model or artifact", name, {*MODELS, *known})
        raise ZooError(
            f"there is no artifact of {name} in {in_words(exports)}. {how_to_export(name, exports)}"
        )
    return found


def all_artifacts(exports: Path | None) -> list[Artifact]:
    """Like `list_artifacts`, but an error if there are none."""
    found = list_artifacts(exports)
    if not found:
        raise ZooError(
            f"nothing is published in {in_words(exports)}. {how_to_export('cnn', exports)}"
        )
    return found


def which_artifact(name: str, found: Artifact) -> str:
    """One line that says which artifact a model's name was taken for; "" if it is unambiguous."""
    models = {one.id: one.entry["model"] for one in list_artifacts(found.place)}
    return which_is_meant(name, found.id, models, "also published")


def how_to_export(name: str, exports: Path | None, options: Sequence[str] = ()) -> str:
    """The commands that publish a model or the run of that id, training included if needed."""
    place = option(exports)
    runs = sorted(card.parent.name for card in RUNS.glob("*/run.json"))
    of_model = [run for run in runs if name in MODELS and run.startswith(f"{name}-")]
    meant = [run for run in (name, f"{name}-cifar10", *of_model) if run in runs]
    if meant:
        export = command("export", meant[0], *options, *place)
        return f"Make it with: {export}"
    model, _, dataset = name.rpartition("-") if _could_be(name) else (name, "", "")
    train = command("train", model, *(["--data", dataset] if dataset else []))
    return f"Train it first: {train}\nthen: {command('export', name, *options, *place)}"


def _could_be(name: str) -> bool:
    """Whether this may be the id of a known model trained on a known dataset."""
    from zoo.data.known import KNOWN

    model, _, dataset = name.rpartition("-")
    return model in MODELS and dataset in KNOWN


def known_artifact(name: str, exports: Path | None = None, told: str = "{}") -> Artifact | None:
    """Like `find_artifact`, but None if there is none. told: as in `meant_by`."""
    known = {artifact.id: artifact for artifact in list_artifacts(exports)}
    chosen = meant_by(
        name, {key: one.entry["model"] for key, one in known.items()}, "exports", told
    )
    return None if chosen is None else known[chosen]
