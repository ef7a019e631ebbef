"""The commands that README and docs name are understood; those of the tutorial are run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bench.pair.planted import main as planted
from cli import main

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-hour.md"
GENERATED = {"commands.md"}
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if page.name not in {"CHANGELOG.md", *GENERATED}
]
# In a line of code up to its comment, or inside a text to the closing backtick.
COMMAND = re.compile(r"^ {4,}(?:.*\s)?python cli\.py ([^#\n;&|]*)|`python cli\.py ([^`]+)`", re.M)


def commands(page: Path) -> Iterator[list[str]]:
    """What stands behind `python cli.py`, in words; placeholders stand for a command."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for found in COMMAND.finditer(text):
        words = shlex.split(found[1] or found[2])
        if words and words[0] not in {"...", "COMMAND"}:
            yield [word for word in words if word not in {"...", "--help"}]


def understood(words: list[str]) -> None:
    """Refuse unknown commands and options, and too many arguments; values are not looked at."""
    context = click.Context(main, info_name="cli.py")
    name, command, rest = main.resolve_command(context, words)
    assert command is not None
    inner = click.Context(command, info_name=name, parent=context)
    _, left, _ = command.make_parser(inner).parse_args(list(rest))
    assert not left, f"{name} takes no {left}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_are_understood(page: Path) -> None:
    for words in commands(page):
        try:
            understood(words)
        except click.UsageError as error:
            pytest.fail(f"{' '.join(words)}: {error.format_message()}")


def test_they_are_found() -> None:
    assert sum(len(list(commands(page))) for page in PAGES) > 60


def test_planted_work_is_named_by_its_options() -> None:
    text = (ROOT / "docs" / "results" / "series.md").read_text(encoding="utf-8")
    known = {option for parameter in planted.params for option in parameter.opts}
    lines = re.findall(r"^ {4}python -m bench\.pair\.planted (.*)", text, re.M)
    assert lines
    assert {word for line in lines for word in line.split() if word.startswith("--")} <= known


def test_the_tutorial_works_from_top_to_bottom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command, one after the other; comparing and training are cut short."""
    monkeypatch.chdir(tmp_path)
    shorter = {"compare": ["--seconds", "0.5", "--instances", "2"], "train": ["--epochs", "1"]}
    text = TUTORIAL.read_text(encoding="utf-8").partition("\n## Next")[0]
    steps = re.findall(r"^ {4}python (?:cli\.py (.+)|-c \"(.+)\")$", text, re.M)
    assert len(steps) == 10
    for told, code in steps:
        if code:
            exec(code, {})
            continue
        words = shlex.split(told)
        done = CliRunner().invoke(main, [*words, *shorter.get(words[0], [])])
        assert done.exit_code == 0, f"{told}: {done.output}"
    assert {"samples.png", "results.html"} <= {path.name for path in tmp_path.iterdir()}
