"""The checks that `verify` makes of an artifact's folder against its manifest entry and card."""

import json
from collections.abc import Iterator

from zoo.artifacts.artifact import Artifact, leads_out
from zoo.artifacts.card import manifest_facts, with_oldest_by_file
from zoo.errors import ZooError
from zoo.inspection.checks import Checked
from zoo.inspection.found import Inspection

_LISTED = 3  # of the problems with the files


def check_artifact(artifact: Artifact) -> Iterator[tuple[str, Checked]]:
    """The checks of a folder as a whole, by name."""
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
        yield "card", ("ok", "it agrees with the manifest")


def _check_files(artifact: Artifact) -> Checked:
    """Whether the folder holds what the manifest lists, byte for byte, and nothing else."""
    listed = artifact.entry["files"]
    wrong = [f"{name} is not a plain file name" for name in listed if leads_out(name)]
    names = [name for name in listed if not leads_out(name)]
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
    wrong += [f"the manifest does not list {name}" for name in sorted(onnx_files - set(listed))]
    if wrong:
        more = f" and {len(wrong) - _LISTED} more" if len(wrong) > _LISTED else ""
        return "failed", "; ".join(wrong[:_LISTED]) + more
    size = sum((artifact.folder / name).stat().st_size for name in names)
    return "ok", f"{len(names)} files, {size / (1 << 20):.1f} MiB, as published"


def check_hash(artifact: Artifact, name: str, found: Inspection) -> Checked:
    """Whether the bytes that were inspected, not only those on disk now, are the published ones."""
    try:
        artifact.checked(name)
    except ZooError as error:
        return "failed", str(error)
    expected = artifact.entry["files"][name]["sha256"]
    if found.ok and found.sha256 != expected:
        return "failed", "the file changed while it was being checked"
    return "ok", f"sha256 {expected[:12]}... as published"
