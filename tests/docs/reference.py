"""Generate the reference pages: commands from click, the Python API from docstrings.

python -m tests.docs.reference      # writes docs/reference/commands.md and python.md
"""

import ast
import dataclasses
import html
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_type_hints

import click

import bench
import zoo
from bench.results.rows import Row
from cli import main

FOLDER = Path(__file__).parents[2] / "docs" / "reference"
_COMMANDS = """\
# Commands

Generated from the commands by `python -m tests.docs.reference`. `python cli.py COMMAND --help`
prints the same. The installed program is called `onnx-zoo`.

| exit code | meaning |
|---|---|
| 0 | success |
| 1 | the work failed, a cell failed, or a gate said no |
| 2 | wrong usage |
| 3 | a provider or runtime is unavailable; nothing was measured |
| 70 | a bug in this program; the message names a file with the traceback |
| 130 | interrupted; everything so far is kept |
"""
_PYTHON = """\
# Python API

Generated from docstrings by `python -m tests.docs.reference`. Errors that a caller may expect are a
`zoo.ZooError`; its message says what happened and what to do.
"""


def commands_page() -> str:
    """Every command: what it does, its usage, its options."""
    parts = [_COMMANDS]
    for name, command in sorted(main.commands.items()):
        context = click.Context(command, info_name=f"python cli.py {name}")
        usage = " ".join(command.collect_usage_pieces(context))
        parts += [f"## {name}\n", f"    python cli.py {name} {usage}\n", _paragraphs(command.help)]
        parts.append(_options(command, context))
    return "\n".join(parts)


def _paragraphs(text: str | None) -> str:
    """A docstring as markdown: what is neither code nor in backticks has no tags."""
    lines = inspect.cleandoc(text or "").splitlines()
    return "\n".join(line if line.startswith("    ") else _tagless(line) for line in lines) + "\n"


def _tagless(line: str) -> str:
    parts = line.split("`")
    return "`".join(part if at % 2 else part.replace("<", "&lt;") for at, part in enumerate(parts))


def _options(command: click.Command, context: click.Context) -> str:
    rows = ["| option | meaning |", "|---|---|"]
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            names, about = (" ".join(part.split()) for part in record)
            rows.append(f"| {_code(names)} | {_plain(about)} |")
    return "\n".join(rows) + "\n"


def _plain(text: str) -> str:
    """Text in a table, as GitHub and mkdocs both show it."""
    return html.escape(text, quote=False).replace("|", "&#124;")


def _code(text: str) -> str:
    safe = _plain(text)
    return f"`{text}`" if safe == text else f"<code>{safe}</code>"


def python_page() -> str:
    """What `zoo` and `bench` offer, with the fields of what goes in and comes out."""
    parts = [_PYTHON]
    for module in (zoo, bench):
        parts += [f"## {module.__name__}\n", _paragraphs(module.__doc__)]
        offered = [(name, getattr(module, name)) for name in module.__all__]
        parts += [_entry(f"{module.__name__}.{name}", thing) for name, thing in offered]
        for returned in _returned([thing for _, thing in offered]):
            parts.append(_entry(returned.__name__, returned))
    return "\n".join(parts)


def _returned(offered: list[Any]) -> list[type]:
    """Dataclasses of this project that the functions give back, which the module does not offer."""
    found = {}
    for function in filter(inspect.isfunction, offered):
        for kind in _kinds(_hints(function).get("return")):
            if dataclasses.is_dataclass(kind) and kind not in offered:
                found[kind.__name__] = kind
    return [found[name] for name in sorted(found)]


def _hints(function: Any) -> dict[str, Any]:
    import pandas

    return get_type_hints(function, localns={"pandas": pandas})


def _kinds(hint: Any) -> Iterator[type]:
    if isinstance(hint, type):
        yield hint
    for part in getattr(hint, "__args__", ()):
        yield from _kinds(part)


def _entry(title: str, thing: Any) -> str:
    lines = [f"### {title}\n"]
    if inspect.isfunction(thing):
        lines += [textwrap.indent(_signature(title, thing), "    ") + "\n"]
    if isinstance(thing, dict):
        lines.append("Values by name: " + ", ".join(f"`{name}`" for name in thing) + ".\n")
        return "\n".join(lines)
    lines.append(_paragraphs(thing.__doc__))
    if thing is Row:
        lines.append("Its fields are the [columns of a results file](results.md).\n")
    elif dataclasses.is_dataclass(thing):
        lines += [_fields(thing), *_methods(thing)]
    return "\n".join(lines)


def _signature(title: str, function: Any) -> str:
    """As the source says it, so that every Python prints the same."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(node, ast.FunctionDef)
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults))
    words = [_argument(*pair) for pair in zip(plain, [*defaults, *given.defaults], strict=True)]
    if given.vararg:
        words.append(f"*{ast.unparse(given.vararg)}")
    elif given.kwonlyargs:
        words.append("*")
    words += [_argument(*pair) for pair in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    returned = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
    inside = "".join(f"\n    {word}," for word in words)
    return f"{title}({inside}\n){returned}" if words else f"{title}(){returned}"


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _fields(kind: type) -> str:
    """The fields with the comment beside each."""
    source = textwrap.dedent(inspect.getsource(kind))
    lines = source.splitlines()
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef)
    rows = ["| field | type | default | meaning |", "|---|---|---|---|"]
    for part in node.body:
        if not (isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)):
            continue
        assert part.end_lineno is not None
        about = lines[part.end_lineno - 1][part.end_col_offset :].strip().removeprefix("#").strip()
        default = _code(ast.unparse(part.value)) if part.value else ""
        kind_of_it = _code(ast.unparse(part.annotation))
        rows.append(f"| `{part.target.id}` | {kind_of_it} | {default} | {_plain(about)} |")
    return "\n".join(rows) + "\n"


def _methods(kind: Any) -> list[str]:
    """What else it offers, with the first line about each."""
    rows = ["| method or property | meaning |", "|---|---|"]
    offered = {name: thing for name, thing in vars(kind).items() if not name.startswith("_")}
    functions = {name: function for name in offered if (function := _function(offered[name]))}
    for name in sorted(functions, key=lambda name: functions[name].__code__.co_firstlineno):
        function, is_property = functions[name], isinstance(offered[name], property)
        shown = name if is_property else f"{name}({_given(function)})"
        about = inspect.cleandoc(function.__doc__ or "").partition("\n")[0]
        rows.append(f"| `{shown}` | {_plain(about)} |")
    return ["\n".join(rows) + "\n"] if len(rows) > 2 else []


def _function(thing: Any) -> Any:
    """What computes a method or a property; None for anything else."""
    found = thing.fget if isinstance(thing, property) else getattr(thing, "__func__", thing)
    return found if inspect.isfunction(found) else None


def _given(function: Any) -> str:
    names = inspect.signature(function).parameters
    return ", ".join(name for name in names if name not in ("self", "cls"))


PAGES = {"commands.md": commands_page, "python.md": python_page}


if __name__ == "__main__":
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
