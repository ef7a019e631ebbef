"""What `list` shows: rows of text, one a thing, its name first."""

from pathlib import Path

from zoo.catalog import MODELS
from zoo.data import describe_datasets

LISTINGS = ("models", "datasets")


def list_things(what: str, data_dir: Path | None = None) -> list[dict[str, str]]:
    """One row a model or dataset, the same columns in each."""
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
