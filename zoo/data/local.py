"""Load a dataset without a download: from the cache or from a local copy."""

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
    """The dataset, or a message why it is unavailable.

    fingerprint: that of the expected dataset, according to `whose`.
    """
    places = {info.name: info.where for info in describe_datasets(data_dir)}
    if is_path(name):
        places[name] = name
    where = places.get(name)
    if where is None:
        return f"it is unknown where the dataset '{name}' is"
    if where == "download":
        return f"no local copy of {name}; name its folder with --data-dir or ZOO_DATA"
    data = load(name, data_dir=data_dir, progress=progress)
    if fingerprint not in (None, data.fingerprint):
        place = "this zoo" if where == "embedded" else where
        return f"the {name} in {place} is not the one that {whose} refers to"
    return data
