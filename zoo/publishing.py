"""Publishing in the exports/ folder: a reader finds the old artifact or the new one, both whole.

<root>/manifest.json   what each artifact holds, with the sha256 of every file
<root>/<id>/           one artifact
<root>/.lock           held by the one process that publishes
<root>/.publish.json   a publication under way; whoever comes next completes it
<root>/.new-<id>/      its files, whole before .publish.json is written
<root>/.old-<id>/      what it replaces
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.card import PRECISIONS
from zoo.errors import ZooError
from zoo.files import locked, sha256, sync_folder, write_json, writing
from zoo.records import read

MANIFEST = "manifest.json"
FORMAT = 1
_JOURNAL, _LOCK, _NEW, _OLD = ".publish.json", ".lock", ".new-", ".old-"


@dataclass(frozen=True)
class _Listed:
    """What the manifest says of one file."""

    sha256: str
    bytes: int


@contextmanager
def publishing(
    artifact: str, root: Path, on_wait: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Yield an empty folder to fill, for `publish`; it is removed when the block fails.

    on_wait: called once where another process is publishing here.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    with alone(root, on_wait):
        folder = root / f"{_NEW}{artifact}"
        with writing(folder):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def publish(artifact: str, facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the folder of `publishing` the artifact, in place of an earlier one, and list it.

    facts: what the manifest says of it beside its files; returned with these. A process that dies
    before the journal is written leaves the old artifact; one that dies later, the new one.
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
        whole = entries(root) | {artifact: entry}
        write_json(root / _JOURNAL, {"format": FORMAT, "artifact": artifact, "artifacts": whole})
        _complete(root)
    return entry


def finish(root: Path) -> None:
    """Complete a publication that was left half-done, where we may; one under way is waited for."""
    if (root / _JOURNAL).exists() and may_lock(root):
        with alone(root):
            pass


def entries(root: Path) -> dict[str, dict[str, Any]]:
    """What the manifest says of each artifact."""
    listed: dict[str, dict[str, Any]] = _read(root / MANIFEST)["artifacts"]
    return listed


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


def may_lock(root: Path) -> bool:
    """Whether a reader can wait for the end of a publication: somebody published, and we may."""
    return os.access(root / _LOCK, os.W_OK)


@contextmanager
def alone(root: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
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
