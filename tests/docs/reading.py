"""What the pages of the root and docs/ ask a reader to run, in their order."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GENERATED = {"commands.md"}
PAGES = [
    page
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if page.name not in {"CHANGELOG.md", *GENERATED}
]
PROGRAM = "python cli.py"
PLACEHOLDERS = {"...", "COMMAND"}
# A block of indented lines, or `python cli.py ...` or `python -m ...` inside a text.
_PART = re.compile(
    r"(?P<block>(?:^ {4}.*\n|^\n(?=\n* {4}))+)"
    r"|`python (?P<what>cli\.py|-m [^\s`]+)(?P<told>[^`]*)`",
    re.M,
)
_COMMAND = re.compile(r"^(?:.*\s)?python (?P<what>cli\.py|-m \S+|-c)(?P<told>[^#\n;&|]*)", re.M)
_QUOTED = re.compile(r'^python -c "(?P<code>.+)"$', re.M)
_CODE = re.compile(r"^(?:import|from) (?:zoo|bench|numpy, onnxruntime)\b", re.M)


@dataclass(frozen=True)
class Step:
    """One command, or a piece of Python."""

    program: str  # cli.py, or a module that `python -m` runs; "" where it is code
    words: tuple[str, ...] = ()
    code: str = ""

    def __str__(self) -> str:
        return self.code or shlex.join([self.program, *self.words])


def name_of(page: Path) -> str:
    """The page, as tests and tables call it."""
    return page.relative_to(ROOT).as_posix()


def steps_of(page: Path) -> Iterator[Step]:
    """What the page asks for, from top to bottom."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for part in _PART.finditer(text):
        if part["block"] is None:
            yield from _command(part["what"], part["told"])
        else:
            yield from _steps_in(textwrap.dedent(part["block"]))


def _steps_in(block: str) -> Iterator[Step]:
    if _CODE.search(block):
        yield Step("", code=block)
        return
    for line in block.splitlines():
        quoted, found = _QUOTED.match(line), _COMMAND.match(line)
        if quoted:
            yield Step("", code=quoted["code"])
        elif found:
            yield from _command(found["what"], found["told"])


def _command(what: str, told: str) -> Iterator[Step]:
    words = shlex.split(told.partition(">")[0])
    if not PLACEHOLDERS & set(words):
        yield Step(what.removeprefix("-m "), tuple(words))


def blocks_of(page: Path) -> list[str]:
    """Its indented blocks."""
    text = page.read_text(encoding="utf-8")
    return [textwrap.dedent(found["block"]) for found in _PART.finditer(text) if found["block"]]
