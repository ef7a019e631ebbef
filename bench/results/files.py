"""The files of a sweep, and their names.

<stem>.csv               one row per cell, rewritten after each
<stem>.samples.jsonl     one line per cell: what was measured, including raw samples
<stem>.predictions.npz   the predicted class of each test image, by arm
<stem>.operators.csv     time by operator, where it was profiled
<stem>.environment.json  the machine and the versions
"""

from pathlib import Path

from zoo.errors import UsageError


def check_is_no_folder(out: Path) -> None:
    """Refuse a folder as `--out`, which must be a file."""
    if out.is_dir():
        raise UsageError(f"{out} is a folder. Name a file in it: --out {out / 'results.csv'}")


def beside(path: Path, suffix: str) -> Path:
    """The file of a sweep that belongs to its CSV: `results.csv` -> `results.samples.jsonl`."""
    return path.with_name(f"{path.name.removesuffix('.csv')}.{suffix}")


def files_of(path: Path) -> list[Path]:
    """All files that a sweep writes: its CSV, and those beside it."""
    suffixes = ("samples.jsonl", "environment.json", "predictions.npz", "operators.csv")
    return [path, *(beside(path, suffix) for suffix in suffixes)]
