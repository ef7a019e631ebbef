"""What the folder of a run contains, and whether a new run may replace it."""

import json
import os
from pathlib import Path

from zoo import marks
from zoo.errors import UsageError

RUNS = Path("runs")
RESULTS = Path("results")  # what is found out about artifacts, a folder each
TEST_PAGE, TEST_FINDINGS = "test.html", "test.json"  # of a run, or of an artifact
# All that a training and its test write; the folder may hold other things, which are not ours.
FILES = (
    "run.json",
    "state.safetensors",
    "weights.safetensors",
    "history.csv",
    "curves.png",
    TEST_FINDINGS,
    TEST_PAGE,
    "predictions.csv",
    "confusion.png",
    "predictions.png",
    "mistakes.png",
    "latents.png",
)
_TELLING = ("model", "options", "recipe", "fingerprint")  # keys of run.json


def is_run(folder: Path) -> bool:
    """Whether a training run of this project wrote here, judging by its card or tensors."""
    telling = ("run.json", "state.safetensors", "weights.safetensors")
    return any(marks.is_ours(folder / name, _TELLING) for name in telling)


def find_test_page(id_: str, fingerprint: str) -> Path | None:
    """The page that `test` wrote about an artifact, or else about its run, on such a dataset."""
    for folder in (RESULTS / id_, RUNS / id_):
        page, findings = folder / TEST_PAGE, folder / TEST_FINDINGS
        ours = marks.is_ours(page) and marks.is_ours(findings, ("fingerprint",))
        if ours and json.loads(findings.read_text("utf-8"))["fingerprint"] == fingerprint:
            return page
    return None


def refuse_others(folder: Path, overwrite: bool) -> None:
    """Refuse a new training run if it would replace files that no run wrote.

    overwrite: files of a run may be replaced.
    """
    there = _files_in(folder)
    others = [name for name in there if (folder / name).is_dir() or not is_run(folder)]
    if others:
        raise UsageError(
            f"{folder} holds {', '.join(others)}, which `train` did not write, so it is not "
            "replaced. Move it away, or name another folder with --run."
        )
    if there and not overwrite:
        raise UsageError(without_card(folder))


def without_card(folder: Path) -> str:
    """The message about a run that has lost its run.json."""
    return (
        f"{folder} holds {', '.join(_files_in(folder))}, but no run.json, which describes "
        "them. Restore it, train again with --overwrite, or name another folder with --run."
    )


def _files_in(folder: Path) -> list[str]:
    return [name for name in FILES if os.path.lexists(folder / name)]
