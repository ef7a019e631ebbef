"""HTML and SVG as text; nothing that comes from a file can become a tag."""

import html
from collections.abc import Iterable

from zoo.escaping import visible
from zoo.marks import MARK


class Markup(str):
    """Text that is markup already; every other string is escaped on its way in."""

    __slots__ = ()


def render(*parts: str) -> Markup:
    """Join parts, escaping those that are not markup."""
    return Markup(
        "".join(part if isinstance(part, Markup) else html.escape(visible(part)) for part in parts)
    )


def tag(name: str, /, *parts: str, **attributes: str | float | bool | None) -> Markup:
    """An element. class_ is `class`, data_batch is `data-batch`; None and False are left out."""
    inner = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{render(_text(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{inner}>")
    return Markup(f"<{name}{inner}>{render(*parts)}</{name}>")


def lines(parts: Iterable[str]) -> Markup:
    """Parts on lines of their own."""
    return Markup("\n".join(render(part) for part in parts))


def document(title: str, style: str, body: Iterable[str]) -> str:
    """A whole page, in light and dark: title, style sheet and parts."""
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", name="generator", content=MARK),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(style)),
    ]
    page = tag("html", tag("head", lines(head)), tag("body", lines(body)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)


_VOID = {"meta", "input", "br", "col", "img"}
