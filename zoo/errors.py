"""Errors that a user can act on: each has a plain message and an exit code."""

import difflib
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

SCRIPT = "onnx-zoo"  # as pyproject.toml installs it
_MEANT = {"gpu": "cuda", "nvidia": "cuda"}  # what people call it; its letters are like others'


class ZooError(Exception):
    """The work failed. The message names the cause and the fix; the command line exits with 1."""

    exit_code = 1


class UsageError(ZooError):
    """The request itself is wrong (a name, a flag, a combination); exits 2."""

    exit_code = 2


class UnavailableError(ZooError):
    """A requested device, provider or runtime is unavailable here; exits 3."""

    exit_code = 3


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """An error for an unknown name, with the nearest known ones."""
    names = sorted(known)
    near = difflib.get_close_matches(name.lower(), names, n=3, cutoff=0.5)
    if _MEANT.get(name.lower()) in names:
        near = [_MEANT[name.lower()]]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"Known: {', '.join(names)}."
    return UsageError(f"there is no {kind} '{name}'. {hint}")


def program() -> str:
    """The program as it was called: the installed script, or this checkout's cli.py."""
    called = Path(sys.argv[0]).stem
    return called if called == SCRIPT else "python cli.py"


def command(*words: object) -> str:
    """A command that a message proposes, quoted so that it can be pasted."""
    return f"{program()} {shlex.join(str(word) for word in words)}"


def missing_file(path: Path, command: str) -> UsageError:
    """An error for a missing file: suggests similar names, else the command that makes it."""
    try:
        beside = [one.stem for one in path.parent.iterdir() if one.suffix == path.suffix]
    except OSError:
        beside = []
    near = difflib.get_close_matches(path.stem, beside, n=3, cutoff=0.6)
    meant = " or ".join(str(path.with_name(stem + path.suffix)) for stem in near)
    hint = f"Did you mean {meant}?" if near else f"Make it with: {command}"
    return UsageError(f"there is no file {path}. {hint}")
