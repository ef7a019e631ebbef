"""What `list` shows: rows of text, one a thing, its name first."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoo.artifacts.artifact import EXPORTS, Artifact, list_artifacts
from zoo.artifacts.card import PRECISIONS
from zoo.artifacts.publishing import MANIFEST
from zoo.data import describe_datasets
from zoo.errors import ZooError
from zoo.escaping import markdown
from zoo.intervals import Accuracy
from zoo.progress import clock_text
from zoo.records import read
from zoo.specs.catalog import MODELS

LISTINGS = ("models", "datasets", "exports")


def list_things(
    what: str, data_dir: Path | None = None, exports: Path = EXPORTS
) -> list[dict[str, Any]]:
    """One row a model, dataset or artifact, the same columns in each; see `as_texts`."""
    if what == "exports":
        return [_published(artifact) for artifact in list_artifacts(exports)]
    if what == "models":
        return [
            {
                "model": spec.name,
                "family": spec.family,
                "framework": spec.framework,
                "notes": spec.notes,
            }
            for spec in MODELS.values()
        ]
    return [
        {
            "dataset": info.name,
            "classes": info.classes,
            "images": info.images,
            "size": info.image_shape,
            "where": info.where,
            "about": info.about,
        }
        for info in describe_datasets(data_dir)
    ]


def markdown_table(exports: Path = EXPORTS) -> str:
    """What is published, as the README shows it; accuracies with their 95 % intervals."""
    lines = [
        "| model | parameters | multiply-adds | accuracy, fp32 | with views | accuracy, int8 "
        "| size, fp32 and int8 | to train |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(_cells(artifact))} |" for artifact in list_artifacts(exports)]
    return "\n".join(lines)


@dataclass(frozen=True)
class _File:
    """What the manifest says of a precision."""

    file: str
    accuracy: Accuracy


@dataclass(frozen=True)
class _Trained:
    """What training it took."""

    epochs: float
    pflop: float
    seconds: float


@dataclass(frozen=True)
class _Facts:
    """What of the manifest's entry is listed."""

    model: str
    dataset: str
    parameters: int
    macs: int
    trained: _Trained
    with_views: Accuracy | None
    precisions: dict[str, _File]


def _facts(artifact: Artifact) -> _Facts:
    """Of an artifact; a manifest is a file that anybody may have written."""
    try:
        facts: _Facts = read(_Facts, artifact.entry, artifact.id, lenient=True)
        for precision, known in facts.precisions.items():
            if known.file not in artifact.entry["files"]:
                raise ValueError(f"{artifact.id} has no file {known.file} of {precision}")
    except ValueError as error:
        raise ZooError(
            f"{artifact.root / MANIFEST} is damaged: {error}. Bring it back, or export "
            f"{artifact.id} again."
        ) from error
    return facts


def _size(artifact: Artifact, file: _File) -> int:
    size: int = artifact.entry["files"][file.file]["bytes"]
    return size


def _cells(artifact: Artifact) -> list[str]:
    facts = _facts(artifact)
    whole, small = facts.precisions.get("fp32"), facts.precisions.get("int8")
    files = [file for file in (whole, small) if file]
    sizes = [f"{_size(artifact, file) / 1e6:.1f} MB" for file in files]
    views, trained = facts.with_views, facts.trained
    plain = re.fullmatch(r"[\w.-]+", artifact.id)
    name = f"`{artifact.id}`" if plain else markdown(artifact.id)
    return [
        f"[{name}](exports/{quote(artifact.id)}/README.md)",
        f"{facts.parameters / 1e6:.2f} M",
        f"{facts.macs / 1e6:.1f} M",
        _share(whole.accuracy) if whole else "-",
        f"{views.share:.2%}" if views else "-",
        f"{small.accuracy.share:.2%}" if small else "-",
        ", ".join(sizes),
        f"{trained.epochs:g} epochs, {trained.pflop:.2g} PFLOP, {clock_text(trained.seconds)}",
    ]


def _share(accuracy: Accuracy) -> str:
    return f"{accuracy.share:.2%} ({accuracy.low:.2%} to {accuracy.high:.2%})"


def _published(artifact: Artifact) -> dict[str, Any]:
    facts = _facts(artifact)
    row: dict[str, Any] = {
        "export": artifact.id,
        "model": facts.model,
        "dataset": facts.dataset,
        "parameters": facts.parameters,
    }
    for precision in PRECISIONS:
        file = facts.precisions.get(precision)
        row[precision] = file and {
            "accuracy": file.accuracy.share,
            "bytes": _size(artifact, file),
        }
    return row


def as_texts(row: Mapping[str, Any]) -> dict[str, str]:
    """A row for a person to read."""
    return {name: _text(name, value) for name, value in row.items()}


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "images":
        return " + ".join(f"{count:,}" for count in value)
    if name == "size":
        return "x".join(map(str, value))
    if isinstance(value, dict):
        return f"{value['accuracy']:.2%}, {value['bytes'] >> 10:,} KiB"
    return f"{value:,}" if isinstance(value, int) else value
