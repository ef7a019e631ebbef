"""What `list` shows: one row of text per item, its name first."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zoo.artifacts.artifact import Artifact, list_artifacts
from zoo.artifacts.card import PRECISIONS
from zoo.artifacts.publishing import MANIFEST
from zoo.data import describe_datasets
from zoo.errors import ZooError
from zoo.escaping import markdown
from zoo.intervals import Accuracy
from zoo.progress import amount_text, clock_text
from zoo.reading import read_text
from zoo.records import read
from zoo.runs.history import read_history
from zoo.runs.naming import list_runs
from zoo.runs.run import Run
from zoo.specs.catalog import EVERY, MODELS, Kind

_LARGEST_TEST = 64 << 20
LISTINGS = ("models", "datasets", "runs", "exports")


def list_things(
    what: str, data_dir: Path | None = None, exports: Path | None = None, kind: Kind = EVERY
) -> list[dict[str, Any]]:
    """One row per model, dataset, run or artifact, all with the same columns; see `as_texts`.

    kind: of which models, runs and artifacts.
    """
    if what in ("exports", "runs"):
        found = (
            map(_published, list_artifacts(exports))
            if what == "exports"
            else map(_run_row, list_runs())
        )
        return [row for row in found if kind.holds(row["model"])]
    if what == "models":
        return [
            {
                "model": spec.name,
                "family": spec.family,
                "framework": spec.framework,
                "notes": spec.notes,
            }
            for spec in MODELS.values()
            if kind.holds(spec.name)
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


def markdown_table(exports: Path | None = None, kind: Kind = EVERY) -> str:
    """The table of published models for the README, with 95% intervals.

    fp16 has columns if one of the models has such a file.
    """
    shown = [one for one in list_artifacts(exports) if kind.holds(_facts(one).model)]
    there = {"fp32", "int8"}.union(*(artifact.precisions for artifact in shown))
    precisions = [precision for precision in PRECISIONS if precision in there]
    sizes = f"size, {', '.join(precisions[:-1])} and {precisions[-1]}"
    rounded = [f"accuracy, {precision}" for precision in precisions[1:]]
    titles = ["model", "parameters", "multiply-adds", "accuracy, fp32", "with views", *rounded]
    titles += [sizes, "to train"]
    rows = (titles, *(_cells(artifact, precisions) for artifact in shown))
    head, *lines = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|---" * len(titles) + "|", *lines])


@dataclass(frozen=True)
class _File:
    """What the manifest says of a precision."""

    file: str
    accuracy: Accuracy


@dataclass(frozen=True)
class _Tested:
    """The part of a run's test.json that is listed."""

    accuracy: Accuracy


@dataclass(frozen=True)
class _Trained:
    """The training that it took."""

    epochs: float
    pflop: float
    seconds: float


@dataclass(frozen=True)
class _Facts:
    """The part of a manifest entry that is listed."""

    model: str
    dataset: str
    parameters: int
    macs: int
    trained: _Trained
    with_views: Accuracy | None
    precisions: dict[str, _File]


def _facts(artifact: Artifact) -> _Facts:
    """The facts of an artifact; a manifest is untrusted input."""
    try:
        facts: _Facts = read(_Facts, artifact.entry, artifact.id, lenient=True)
        for precision, known in facts.precisions.items():
            if known.file not in artifact.entry["files"]:
                raise ValueError(f"{artifact.id} has no file {known.file} of {precision}")
    except ValueError as error:
        raise ZooError(
            f"{artifact.root / MANIFEST} is damaged: {error}. Restore it, or export "
            f"{artifact.id} again."
        ) from error
    return facts


def _size(artifact: Artifact, file: _File) -> int:
    size: int = artifact.entry["files"][file.file]["bytes"]
    return size


def _cells(artifact: Artifact, precisions: Sequence[str]) -> list[str]:
    facts = _facts(artifact)
    files = [facts.precisions.get(precision) for precision in precisions]
    sizes = [amount_text(_size(artifact, one), 1, ("MB", "kB")) if one else "-" for one in files]
    views, trained = facts.with_views, facts.trained
    plain = re.fullmatch(r"[\w.-]+", artifact.id)
    name = f"`{artifact.id}`" if plain else markdown(artifact.id)
    return [
        f"[{name}]({quote(_from_here(artifact.folder))}/README.md)",
        amount_text(facts.parameters, 2),
        amount_text(facts.macs),
        _share(files[0].accuracy) if files[0] else "-",
        f"{views.share:.2%}" if views else "-",
        *(f"{file.accuracy.share:.2%}" if file else "-" for file in files[1:]),
        ", ".join(sizes),
        f"{trained.epochs:g} epochs, {trained.pflop:.2g} PFLOP, {clock_text(trained.seconds)}",
    ]


def _from_here(folder: Path) -> str:
    return Path(os.path.relpath(folder)).as_posix()


def _share(accuracy: Accuracy) -> str:
    return f"{accuracy.share:.2%} ({accuracy.low:.2%} to {accuracy.high:.2%})"


def _run_row(run: Run) -> dict[str, Any]:
    row: dict[str, Any] = {"run": run.folder.name, "state": "damaged"}
    row |= dict.fromkeys(("model", "dataset", "view", "seed", "epochs", "accuracy"))
    try:
        card = run.card()
        done = read_history(run.history) if run.history.exists() else []
    except ZooError:
        return row
    return row | {
        "state": "finished" if card.finished else "unfinished",
        "model": card.model,
        "dataset": card.dataset,
        "view": card.view,
        "seed": card.options.seed,
        "epochs": done[-1].epoch if done else 0.0,
        "accuracy": _tested(run),
    }


def _tested(run: Run) -> float | None:
    """What `test` found, if it was run."""
    try:
        found = json.loads(read_text(run.folder / "test.json", _LARGEST_TEST))
        tested: _Tested = read(_Tested, found, "test.json", lenient=True)
    except (OSError, ValueError, RecursionError):
        return None
    return tested.accuracy.share


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
    row["folder"] = artifact.root.as_posix()
    return row


def as_texts(row: Mapping[str, Any]) -> dict[str, str]:
    """A row for a person to read."""
    return {name: _text(name, value) for name, value in row.items()}


def _text(name: str, value: Any) -> str:
    if value is None or value == "":
        return "-"
    if name == "images":
        return " + ".join(f"{count:,}" for count in value)
    if name == "size":
        return "x".join(map(str, value))
    if name == "accuracy":
        return f"{value:.2%}"
    if isinstance(value, dict):
        return f"{value['accuracy']:.2%}, {value['bytes'] >> 10:,} KiB"
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else value
