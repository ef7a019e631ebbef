"""Publishing in the exports/ folder: a reader finds the old artifact or the new one, both whole.

<root>/manifest.json   what each artifact holds, with the sha256 of every file
<root>/<id>/           one artifact
<root>/.lock           held by the one process that publishes
<root>/.filling.json   the id whose new files are being written; the next process removes them
<root>/.publish.json   a publication under way; the next process completes it
<root>/.new-<id>/      its files, whole before .publish.json is written
<root>/.old-<id>/      what it replaces

Only what one of these three JSON files names is ever replaced or removed. Anything else in the way
is refused by name.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifacts.card import PRECISIONS
from zoo.errors import UsageError, ZooError
from zoo.files import check_writable, locked, sha256, sweep, sync_folder, write_json, writing
from zoo.reading import read_text
from zoo.records import read

MANIFEST = "manifest.json"
FORMAT = 1
_LARGEST = 64 << 20
_FILLING, _JOURNAL, _LOCK = ".filling.json", ".publish.json", ".lock"
_NEW, _OLD = ".new-", ".old-"


@dataclass(frozen=True)
class _Listed:
    """What the manifest says of one file."""

    sha256: str
    bytes: int


def check_place(artifact: str, root: Path, on_wait: Callable[[], None] = lambda: None) -> None:
    """Refuse early what `publishing` would refuse, before the files are made."""
    check_writable(root)
    with alone(root, on_wait) if may_lock(root) else nullcontext():
        _refuse_others(artifact, root)


@contextmanager
def publishing(
    artifact: str, root: Path, on_wait: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Yield an empty folder to fill for `publish`; it is removed if the block fails.

    on_wait: called once if another process is publishing here.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
    with alone(root, on_wait):
        _refuse_others(artifact, root)
        folder = root / f"{_NEW}{artifact}"
        write_json(root / _FILLING, {"format": FORMAT, "artifact": artifact})
        with writing(folder):
            folder.mkdir()
        try:
            yield folder
        finally:
            if not (root / _JOURNAL).exists():  # else the new files are still to be moved
                with writing(root):
                    _empty(root)


def publish(artifact: str, facts: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Make the folder from `publishing` the artifact, replacing an earlier one, and list it.

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
        _refuse_live(artifact, root)
        _sync_tree(folder)
        whole = entries(root) | {artifact: entry}
        write_json(root / _JOURNAL, {"format": FORMAT, "artifact": artifact, "artifacts": whole})
        _complete(root)
    return entry


def finish(root: Path) -> None:
    """Complete an interrupted publication if permitted; wait for one under way."""
    if (root / _JOURNAL).exists() and may_lock(root):
        with alone(root):
            pass


def entries(root: Path) -> dict[str, dict[str, Any]]:
    """What the manifest says of each artifact."""
    listed: dict[str, dict[str, Any]] = _read(root / MANIFEST)["artifacts"]
    return listed


def _read(path: Path) -> dict[str, Any]:
    """Read the manifest, or the journal: the next manifest and the id of the new artifact."""
    try:
        value: dict[str, Any] = json.loads(read_text(path, _LARGEST))
        if value["format"] != FORMAT:
            raise ZooError(f"{path} has format {value['format']}; this zoo reads {FORMAT}.")
        for name, entry in value["artifacts"].items():
            _check_id(name)
            read(str, entry["model"], f"{name}.model")
            read(dict[str, _Listed], entry["files"], f"{name}.files")
            precisions = read(dict[str, dict[str, Any]], entry["precisions"], f"{name}.precisions")
            if not set(precisions) <= set(PRECISIONS):
                raise ValueError(f"{name}.precisions has values other than {', '.join(PRECISIONS)}")
        if path.name == _JOURNAL and value["artifact"] not in value["artifacts"]:
            raise ValueError(f"the id {value['artifact']}")
    except FileNotFoundError:
        return {"artifacts": {}}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        remedy = "Restore it, or move it away"
        if path.name == _JOURNAL:
            remedy = "Remove it, and export again what was being published"
        raise ZooError(f"{path} is damaged ({error}). {remedy}.") from error
    return value


def may_lock(root: Path) -> bool:
    """Whether a reader can wait for a publication: there is a lock file that it may open."""
    return os.access(root / _LOCK, os.W_OK)


@contextmanager
def alone(root: Path, on_wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the lock, after completing an interrupted publication."""
    with locked(root / _LOCK, on_wait):
        with writing(root):
            _complete(root)
        yield


def _complete(root: Path) -> None:
    """Complete the journal's publication from the step it reached, and remove leftovers."""
    journal = root / _JOURNAL
    if journal.exists():
        plan = _read(journal)
        new, live, old = (root / f"{prefix}{plan['artifact']}" for prefix in (_NEW, "", _OLD))
        if new.exists():
            if os.path.lexists(live):
                _refuse_live(plan["artifact"], root)
                live.rename(old)
            new.rename(live)
            sync_folder(root)
        write_json(root / MANIFEST, {"format": FORMAT, "artifacts": plan["artifacts"]})
        if old.exists():
            shutil.rmtree(old)
        journal.unlink()
    _empty(root)
    for name in (MANIFEST, _JOURNAL, _FILLING):
        sweep(root / name)


def _empty(root: Path) -> None:
    """Remove the folder that was being filled."""
    filling = root / _FILLING
    try:
        value = json.loads(read_text(filling, _LARGEST))
        artifact = read(str, value["artifact"], "artifact")
        _check_id(artifact)
    except FileNotFoundError:
        return
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ZooError(f"{filling} is damaged ({error}). Move it away.") from error
    folder = root / f"{_NEW}{artifact}"
    if folder.exists():
        shutil.rmtree(folder)
    filling.unlink()


def _refuse_others(artifact: str, root: Path) -> None:
    """Refuse to replace what the manifest does not name; call it only when nothing is half done."""
    try:
        _check_id(artifact)
    except ValueError as error:
        raise ZooError(f"{error} cannot be the name of a folder in {root}/.") from None
    for hidden in (root / f"{_NEW}{artifact}", root / f"{_OLD}{artifact}"):
        if os.path.lexists(hidden):
            raise _in_the_way(hidden, "was not made by `export`")
    _refuse_live(artifact, root)


def _refuse_live(artifact: str, root: Path) -> None:
    live, listed = root / artifact, entries(root).get(artifact)
    if not os.path.lexists(live):
        return
    if listed is None:
        raise _in_the_way(live, f"is not an artifact that {root / MANIFEST} lists")
    if live.is_symlink() or not live.is_dir():
        raise _in_the_way(live, "is not the folder of an artifact")
    for path in sorted(live.rglob("*")):
        folder = path.is_dir() and not path.is_symlink()
        if not folder and path.relative_to(live).as_posix() not in listed["files"]:
            raise _in_the_way(path, f"is not one of the files that {root / MANIFEST} lists")


def _in_the_way(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path} is in the way: it {why}, so it is not replaced. Move it away, or choose another "
        "--exports."
    )


def _check_id(name: str) -> None:
    if not name or "/" in name or name.startswith("."):
        raise ValueError(f"the id {name}")


def _sync_tree(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
