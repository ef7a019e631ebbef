"""The targets of `verify`: artifacts, their files, and other ONNX files."""

from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import Artifact, find_artifact, list_artifacts
from zoo.errors import ZooError


@dataclass(frozen=True)
class Target:
    """An artifact as a whole, one of its files, or a file that has no artifact."""

    name: str  # as given, or as the artifact calls it
    path: Path
    artifact: Artifact | None = None
    # "" for an artifact as a whole and for a file without one; of an artifact's file that has no
    # precision, such as the head of a transfer, its name without the ending.
    precision: str = ""


def find_targets(target: str | Path, exports: Path | None) -> list[Target]:
    """Find the targets that an artifact's id, its model's name or a path means."""
    path = Path(target)
    if isinstance(target, str) and not target.endswith(".onnx"):
        try:
            return parts_of(find_artifact(target, exports))
        except ZooError:
            if not path.exists():
                raise
    folder = path.absolute()
    if path.is_dir():
        artifact = _published_in(folder)
        return parts_of(artifact) if artifact else [Target(str(target), path)]
    artifact = _published_in(folder.parent)
    if artifact and path.name in _onnx_files(artifact):
        return [Target(str(target), path, artifact, path.stem)]
    return [Target(str(target), path)]


def _published_in(folder: Path) -> Artifact | None:
    """The artifact whose folder this is, by the manifest beside it."""
    try:
        known = {artifact.id: artifact for artifact in list_artifacts(folder.parent)}
    except ZooError:
        return None  # a manifest of something else
    return known.get(folder.name)


def parts_of(artifact: Artifact) -> list[Target]:
    """The artifact as a whole, and each of its ONNX files."""
    files = [
        Target(f"{artifact.id}/{name}", artifact.folder / name, artifact, Path(name).stem)
        for name in _onnx_files(artifact)
    ]
    return [Target(artifact.id, artifact.folder, artifact), *files]


def _onnx_files(artifact: Artifact) -> list[str]:
    """The files of its precisions, then its other published ONNX files."""
    names = [f"{precision}.onnx" for precision in artifact.precisions]
    others = [name for name in artifact.entry["files"] if name.endswith(".onnx")]
    return [*names, *(name for name in others if name not in names and "/" not in name)]
