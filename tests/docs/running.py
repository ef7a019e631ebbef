"""Runs what a page asks for, from top to bottom, in a folder of its own."""

import re
import shlex
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest
from click.testing import CliRunner

from bench.pair.planted import main as planted
from cli import main
from tests.docs.reading import PAGES, Step, name_of, steps_of
from tests.docs.rules import (
    BEFORE,
    CODE,
    INSTEAD,
    ON_A_GPU,
    ONLY_PARSED,
    PLANNED,
    REFUSED,
    REPEATING,
    SHORTER,
    WRITTEN,
)
from zoo.errors import ZooError

READY = "nothing is in the way of measuring"
MODULES = {"bench.pair.planted": planted}


def in_words(step: Step) -> str:
    """A command of cli.py as the tables of rules have it."""
    return " ".join(step.words)


def is_run(page: Path, step: Step) -> bool:
    """Whether it is run for this page."""
    if step.code:
        return True
    if step.program not in ("cli.py", *MODULES) or in_words(step) in ONLY_PARSED:
        return False
    return not (name_of(page) in REPEATING and step in elsewhere())


@cache
def elsewhere() -> frozenset[Step]:
    """The commands of pages that do not merely repeat them."""
    pages = [page for page in PAGES if name_of(page) not in REPEATING]
    return frozenset(step for page in pages for step in steps_of(page))


def run_page(page: Path) -> None:
    """Run all of it; a command that ends otherwise than the page says fails the test."""
    for told in BEFORE.get(name_of(page), ()):
        run_command(Step("cli.py", tuple(told.split())))
    names: dict[str, object] = {"__name__": "page"}
    for step in steps_of(page):
        if not is_run(page, step):
            continue
        if step.code:
            run_code(step.code, names)
        else:
            run_command(step)
    missing = [name for name in WRITTEN.get(name_of(page), ()) if not Path(name).is_file()]
    assert not missing


def run_code(code: str, names: dict[str, object]) -> None:
    """Run it as one continued program."""
    for told, shorter in CODE.items():
        code = code.replace(told, shorter)
    exec(compile(code, "page", "exec"), names)


def run_command(step: Step) -> None:
    """Run one, cut short."""
    told = in_words(step)
    words = shortened(told)
    code, says = REFUSED.get(told, (0, ""))
    if re.search(ON_A_GPU, told) and not has_gpu():
        code, says = 3, "cuda"
    program = MODULES.get(step.program, main)
    with pytest.MonkeyPatch.context() as patch:
        if told in PLANNED:
            patch.setattr("bench.pair.pairs.look", _stop)
            code, says = ZooError.exit_code, READY
        done = CliRunner().invoke(program, words, prog_name="cli.py")
    assert done.exit_code == code, f"{shlex.join(words)}: {done.output}"
    assert says in done.output, f"{shlex.join(words)}: {done.output}"


def _stop(*_: object) -> NoReturn:
    """Stands for the first thing of a comparison that starts processes."""
    raise ZooError(READY)


def shortened(told: str) -> list[str]:
    """The words of a command with what makes it short."""
    words = told.split()
    for pattern, more in SHORTER:
        if re.search(pattern, told):
            words += more.split()
    for name, value in INSTEAD.items():
        words = [re.sub(rf"{name}\b", value, word) for word in words]
    return words


def has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
