"""The page on the architecture: every folder is in its table, every function it names exists."""

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`((?:zoo|bench)[\w.]*):(\w+)`", PAGE)))


def test_the_page_names_functions() -> None:
    assert len(NAMED) > 30


@pytest.mark.parametrize(("module", "name"), NAMED)
def test_what_the_page_names_exists(module: str, name: str) -> None:
    assert callable(getattr(import_module(module), name))


def test_every_folder_has_a_line() -> None:
    folders = {
        path.relative_to(ROOT).as_posix()
        for package in ("zoo", "bench")
        for path in (ROOT / package).iterdir()
        if (path / "__init__.py").exists()
    }
    table = set(re.findall(r"^\| `((?:zoo|bench)/\w+)` \|", PAGE, re.MULTILINE))
    assert table == folders


def test_decisions_are_all_listed() -> None:
    folder = ROOT / "docs" / "explanation" / "decisions"
    listed = set(re.findall(r"\]\((\S+\.md)\)", (folder / "README.md").read_text(encoding="utf-8")))
    assert listed == {path.name for path in folder.glob("*.md")} - {"README.md"}
