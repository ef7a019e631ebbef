"""A dataset that is at hand: in the cache or in a local copy, without a download."""

from pathlib import Path

from zoo.data.catalog import describe_datasets, is_path
from zoo.data.dataset import Dataset
from zoo.data.loading import load
from zoo.progress import Progress


def load_local(
    name: str,
    fingerprint: str | None,
    data_dir: Path | None,
    progress: Progress,
    whose: str = "the card",
) -> Dataset | str:
    """The dataset, or in plain words why it is not here.

    fingerprint: which one is meant, by `whose` word.
    """
    places = {info.name: info.where for info in describe_datasets(data_dir)}
    if is_path(name):
        places[name] = name
    where = places.get(name)
    if where is None:
        return f"the place of the dataset '{name}' is unknown"
    if where == "download":
        return f"no local copy of {name}; name its folder with --data-dir or ZOO_DATA"
    data = load(name, data_dir=data_dir, progress=progress)
    if fingerprint not in (None, data.fingerprint):
        place = "this zoo" if where == "embedded" else where
        return f"the {name} in {place} is not the one that {whose} refers to"
    return data
