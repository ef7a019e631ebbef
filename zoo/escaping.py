"""Text that a file brought, made fit for where it is shown: one function a medium.

Class names, names of files, metadata and what a runtime says of them come from strangers: nothing
in them may steer a terminal or become markup. HTML and SVG have `zoo.drawing.markup.render`, PNG
`zoo.drawing.plots.drawable`. CSV and JSON files are data: what stands in them is quoted, and not
changed.
"""

_MARKDOWN = {letter: f"\\{letter}" for letter in "\\`*_[]|~#"} | {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": "&#64;",  # names of files notify nobody
    "$": "&#36;",  # nor are they formulas
}


def printable(text: str) -> str:
    """For a terminal, on one line: control characters, and those that turn the direction, show."""
    if text.isprintable():  # at once: a page holds images of thousands of letters
        return text
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def printable_lines(text: str) -> str:
    """For a terminal; its line breaks stay."""
    return "\n".join(map(printable, text.split("\n")))


def visible(text: str) -> str:
    """For a page: as `printable`, but white space of all kinds is a space."""
    if text.isprintable():
        return text
    return printable("".join(" " if letter.isspace() else letter for letter in text))


def markdown(text: str) -> str:
    """For markdown, on one line: nothing in it is markup."""
    return "".join(_MARKDOWN.get(letter, letter) for letter in visible(text))
