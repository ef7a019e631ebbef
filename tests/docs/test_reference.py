"""The generated reference pages say what the code says."""

import pytest

from tests.docs.reference import FOLDER, PAGES


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_one_that_the_code_gives(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == PAGES[name](), (
        "make it anew: python -m tests.docs.reference"
    )


def test_commands_have_their_options_and_functions_their_signatures() -> None:
    commands, python = (PAGES[name]() for name in ("commands.md", "python.md"))
    assert "\n## bench\n\n    python cli.py bench [OPTIONS]" in commands
    assert "\n| `--batch N,...` | " in commands
    assert "\n### zoo.train\n\n    zoo.train(\n        model: str," in python
    assert "\n| `epochs` | <code>float &#124; None</code> | `None` | " in python
