"""One word for one thing, in names, messages, comments and pages: those of architecture.md."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# The word that is used here, and what must not be said in its place.
INSTEAD = {
    "image; what is drawn is a plot or a figure": r"pictures?",
    "runtime": r"engines?",
    "third-party file": r"foreign|(of )?(other|any|unknown) origin",
    "sweep": r"sittings?",
    "artifact; export is the verb": r"(its|each|every|published|no) export",
    "95%": r"95 % \w+",
    "continued": r"(is|was|are|were) gone on with",
    "unavailable": r"cannot be had",
    "a problem to fix": r"wants mending",
    "what an option is, not 'Of ...'": r"help=.of (a|two|each|calls|turns)",
    "what happens to others": r"(disturbs|in the way of) nobody|condemns no other",
    "uncontended; other processes interfered": r"disturbed by others|nobody disturbed",
    "which it can differ from": r"need not be the quotient",
    "images per call": r"(images|row|line|scale|logit) a (call|cell|step|second|channel)",
    "the process or user that does it": r"whoever",
    "by default": r"unless told",
    "to continue": r"(goes|go|went) on with",
    "a separate process": r"process(es)? of (its|their) own",
    "is not a number": r"(is|are) no (numbers?|classifier|share|csv)",
    "zero": r"nought",
}
# Who has to say such a word, because others do or did: parts of the lines, by file.
ALLOWED: dict[str, tuple[str, ...]] = {
    "bench/pair/series.py": ("engine_a", "engine_b"),  # columns as they were called
    "bench/results/rows.py": ("FORMER_NAMES",),
    "tests/transfer/test_transfer.py": ("engine",),  # a key of run.json, as it was called
    "tests/test_words.py": ("",),
    "zoo/ort/session.py": ("EngineError",),  # of ONNX Runtime
    "zoo/runs/run.py": ("engine",),
    "zoo/transfer/latents.py": ("engine",),  # a key on the disk
}


def words(line: str) -> str:
    """A line as plain words, its names taken apart: `old_engines`, `OldEngines`, `OLD_ENGINES`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", line).lower()


def lines() -> Iterator[tuple[str, int, str]]:
    """All that people read or write here, but for what was published or said in the past."""
    told = subprocess.run(
        ["git", "ls-files", "*.py", "*.md", "*.ipynb", "*.toml", "*.ini", "Makefile"],
        **{"cwd": ROOT, "capture_output": True, "text": True, "check": True},
    )
    for name in told.stdout.splitlines():
        if name == "CHANGELOG.md" or name.startswith("exports/"):
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            if not any(part in line for part in ALLOWED.get(name, ())):
                yield name, number, line


@pytest.mark.parametrize("wanted", INSTEAD)
def test_one_thing_has_one_word(wanted: str) -> None:
    banned = re.compile(rf"\b({INSTEAD[wanted]})\b")
    found = [
        f"{name}:{number}: {line}" for name, number, line in lines() if banned.search(words(line))
    ]
    assert not found, f"say {wanted}:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("def draw_pictures(old: int) -> None:", "image; what is drawn is a plot or a figure"),
        ("class SlowEngine:", "runtime"),
        ("ENGINES = 2", "runtime"),
        ("no file of other origin", "third-party file"),
        ("two sittings", "sweep"),
        ("its export is gone", "artifact; export is the verb"),
        ("the 95 % interval", "95%"),
        ("A series is gone on with", "continued"),
        ('help="Of two models: the runtime"', "what an option is, not 'Of ...'"),
        ("it disturbs nobody", "what happens to others"),
        ("size: int  # images a call", "images per call"),
        ("for whoever has those already", "the process or user that does it"),
        ("fp32 unless told", "by default"),
        ("it goes on with the weights", "to continue"),
        ("in a process of its own", "a separate process"),
        ("'abc' is no number", "is not a number"),
    ],
)
def test_a_banned_word_is_found_in_any_spelling(line: str, wanted: str) -> None:
    assert re.search(rf"\b({INSTEAD[wanted]})\b", words(line))
