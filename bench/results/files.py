"""The files of a sweep, and how they are called.

<stem>.csv               one row a cell, rewritten after each
<stem>.samples.jsonl     one line a cell: what was measured of it, raw samples and all
<stem>.predictions.npz   the predicted class of each test image, by arm
<stem>.operators.csv     time by operator, where it was profiled
<stem>.environment.json  the machine and the versions
"""

from pathlib import Path

from zoo.errors import UsageError


def check_is_no_folder(out: Path) -> None:
    """Refuse a folder where `--out` has to be a file."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder. Name a file in it: --out {out / 'results.csv'}")


def beside(path: Path, suffix: str) -> Path:
    """The file of a sweep that belongs to its CSV: `results.csv` -> `results.samples.jsonl`."""
    return path.with_name(f"{path.name.removesuffix('.csv')}.{suffix}")


def files_of(path: Path) -> list[Path]:
    """All that a sweep writes: its CSV, and what stands beside that."""
    suffixes = ("samples.jsonl", "environment.json", "predictions.npz", "operators.csv")
    return [path, *(beside(path, suffix) for suffix in suffixes)]
