"""What `list` shows: rows of text, one a thing, its name first."""

from pathlib import Path

from zoo.artifacts import EXPORTS, Artifact, list_artifacts
from zoo.card import PRECISIONS
from zoo.catalog import MODELS
from zoo.data import describe_datasets
from zoo.progress import clock_text
from zoo.providers import known_providers

LISTINGS = ("models", "datasets", "providers", "exports")


def list_things(
    what: str, data_dir: Path | None = None, exports: Path = EXPORTS
) -> list[dict[str, str]]:
    """One row a model, dataset, provider or export, the same columns in each."""
    if what == "providers":
        return [
            {"provider": name, "state": problem or "runs here"}
            for name, problem in known_providers().items()
        ]
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
            "classes": str(info.classes),
            "pictures": " + ".join(f"{count:,}" for count in info.pictures),
            "size": "x".join(str(side) for side in info.image_shape),
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


def _cells(artifact: Artifact) -> list[str]:
    entry = artifact.entry
    accuracies = {name: file["accuracy"] for name, file in entry["precisions"].items()}
    whole, views, small = accuracies["fp32"], entry["with_views"], accuracies.get("int8")
    sizes = [
        f"{entry['files'][entry['precisions'][name]['file']]['bytes'] / 1e6:.1f} MB"
        for name in ("fp32", "int8")
        if name in accuracies
    ]
    trained = entry["trained"]
    return [
        f"[`{artifact.id}`](exports/{artifact.id}/README.md)",
        f"{entry['parameters'] / 1e6:.2f} M",
        f"{entry['macs'] / 1e6:.1f} M",
        f"{whole['share']:.2%} ({whole['low']:.2%} to {whole['high']:.2%})",
        f"{views['share']:.2%}" if views else "-",
        f"{small['share']:.2%}" if small else "-",
        ", ".join(sizes),
        f"{trained['epochs']:g} epochs, {trained['pflop']:.2g} PFLOP, "
        f"{clock_text(trained['seconds'])}",
    ]


def _published(artifact: Artifact) -> dict[str, str]:
    files, accuracies = artifact.entry["files"], artifact.entry["precisions"]
    row = {
        "export": artifact.id,
        "model": artifact.entry["model"],
        "dataset": artifact.entry["dataset"],
        "parameters": f"{artifact.entry['parameters']:,}",
    }
    for precision in PRECISIONS:
        known = accuracies.get(precision)
        row[precision] = (
            f"{known['accuracy']['share']:.2%}, {files[known['file']]['bytes'] >> 10:,} KiB"
            if known
            else "-"
        )
    return row
