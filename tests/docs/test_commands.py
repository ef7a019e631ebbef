"""The commands that README and docs name are understood, and nearly all are run."""

import re
from collections import Counter
from pathlib import Path

import click
import pytest

from bench.pair.planted import main as planted
from cli import main
from tests.docs.reading import PAGES, ROOT, name_of, steps_of
from tests.docs.rules import (
    BEFORE,
    CODE,
    INSTEAD,
    OF_OTHER_TESTS,
    ON_A_GPU,
    ONLY_PARSED,
    PLANNED,
    REFUSED,
    REPEATING,
    SHORTER,
    WRITTEN,
)
from tests.docs.running import in_words, is_run, shortened


def understood(words: list[str]) -> None:
    """Refuse unknown commands and options, and too many arguments; values are not looked at."""
    context = click.Context(main, info_name="cli.py")
    name, command, rest = main.resolve_command(context, words)
    assert command is not None
    inner = click.Context(command, info_name=name, parent=context)
    _, left, _ = command.make_parser(inner).parse_args(list(rest))
    assert not left, f"{name} takes no {left}"


COMMANDS = [(page, step) for page in PAGES for step in steps_of(page) if not step.code]
OURS = [step for _, step in COMMANDS if step.program == "cli.py"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_understood(page: Path) -> None:
    for step in steps_of(page):
        words = [word for word in step.words if word != "--help"]
        if step.program != "cli.py" or not words:
            continue
        try:
            understood(words)
        except click.UsageError as error:
            pytest.fail(f"{step}: {error.format_message()}")


def test_all_but_those_listed_are_run() -> None:
    assert len(COMMANDS) > 160
    run = {step for page, step in COMMANDS if is_run(page, step)}
    left = {in_words(step) if step.program == "cli.py" else step.program for _, step in COMMANDS}
    left -= {in_words(step) if step.program == "cli.py" else step.program for step in run}
    assert left == {*ONLY_PARSED, *OF_OTHER_TESTS}


def test_each_rule_is_of_some_command() -> None:
    told = {in_words(step) for step in OURS}
    told |= {command for commands in BEFORE.values() for command in commands}
    assert {*REFUSED, *PLANNED, *ONLY_PARSED} <= told
    for pattern in (ON_A_GPU, *(pattern for pattern, _ in SHORTER)):
        assert any(re.search(pattern, command) for command in told), pattern
    for name in INSTEAD:
        assert any(re.search(name, word) for step in OURS for word in step.words), name
    code = "".join(step.code for page in PAGES for step in steps_of(page))
    assert all(words in code for words in CODE)
    assert {*BEFORE, *REPEATING, *WRITTEN} <= {name_of(page) for page in PAGES}


def test_what_runs_the_like_of_a_command_exists() -> None:
    for place in (*PLANNED.values(), *ONLY_PARSED.values(), *OF_OTHER_TESTS.values()):
        assert (ROOT / place.partition(",")[0]).exists(), place


def test_few_commands_are_less_than_run() -> None:
    """How each of the different commands is run. Raise a bound only for a command that needs it."""
    counts = Counter(_how(told) for told in {in_words(step) for step in OURS})
    assert counts["as it stands"] + counts["cut short"] > 100, counts
    assert counts["planned"] <= 27, counts
    assert counts["refused"] <= 12, counts
    assert counts["only parsed"] <= 3, counts


def _how(told: str) -> str:
    if told in ONLY_PARSED:
        return "only parsed"
    if told in REFUSED or re.search(ON_A_GPU, told):
        return "refused"
    if told in PLANNED or "--dry-run" in shortened(told):
        return "planned"
    return "as it stands" if shortened(told) == told.split() else "cut short"


def test_planted_work_is_named_by_its_options() -> None:
    text = (ROOT / "docs" / "results" / "series.md").read_text(encoding="utf-8")
    known = {option for parameter in planted.params for option in parameter.opts}
    lines = re.findall(r"^ {4}python -m bench\.pair\.planted (.*)", text, re.M)
    assert lines
    assert {word for line in lines for word in line.split() if word.startswith("--")} <= known


def test_what_sets_up_and_checks_is_there() -> None:
    """Commands of make, tox and pip are not run; what they name exists."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for file, start, pattern in (
        ("Makefile", "{}:", r"(?:^ {4}|`)make (\w+)"),
        ("tox.ini", "[testenv:{}]", r"\btox -e (\w+)"),
        ("pyproject.toml", "{} = [", r"pip install -e '\.\[(\w+)\]'"),
    ):
        told, lines = set(re.findall(pattern, text, re.M)), (ROOT / file).read_text("utf-8")
        assert told
        assert {name for name in told if f"\n{start.format(name)}" not in lines} == set()
