"""docs/explanation/measuring.md: the tests that it names are there, and so are the commands."""

import ast
import re
from pathlib import Path

import pytest

from bench.pair.planted import main as planted
from cli import main

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "explanation" / "measuring.md").read_text(encoding="utf-8")
A_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
NAMED = A_TEST.findall(TEXT)


def functions_of(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


@pytest.mark.parametrize(("file", "name"), NAMED, ids="::".join)
def test_a_test_that_guards_against_a_trap_is_there(file: str, name: str) -> None:
    assert name in functions_of(ROOT / file)


def test_every_known_trap_has_one() -> None:
    _, _, section = TEXT.partition("\n## Known traps")
    lines = section.partition("\n## ")[0].splitlines()
    _, _, *table = (line.strip("| ").split(" | ") for line in lines if line.startswith("|"))
    assert table
    for trap, _, tests in table:
        named = [f"`{file}::{name}`" for file, name in A_TEST.findall(tests)]
        assert named, trap
        assert ", ".join(named) == tests


def test_options_are_those_of_the_commands() -> None:
    known = {
        option
        for command in (*(main.commands[name] for name in ("bench", "compare", "report")), planted)
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert set(re.findall(r"(?<![\w-])--[a-z][\w-]+", TEXT)) <= known
