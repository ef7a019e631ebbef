"""Escape text that comes from a file, with one function for each medium.

Class names, file names, metadata and a runtime's messages about them are untrusted: nothing in them
may control a terminal or become markup. HTML and SVG have `zoo.drawing.markup.render`, PNG
`zoo.drawing.plots.drawable`. CSV and JSON files are data: their content is quoted, not changed.
"""

_MARKDOWN = {letter: f"\\{letter}" for letter in "\\`*_[]|~#"} | {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "@": "&#64;",  # file names must not notify GitHub users
    "$": "&#36;",  # nor are they formulas
}


def printable(text: str) -> str:
    """For a terminal, on one line: control and direction characters are made visible."""
    if text.isprintable():  # at once: a page holds images of thousands of letters
        return text
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def printable_lines(text: str) -> str:
    """For a terminal; line breaks are kept."""
    return "\n".join(map(printable, text.split("\n")))


def visible(text: str) -> str:
    """For a page: like `printable`, but white space of any kind becomes a space."""
    if text.isprintable():
        return text
    return printable("".join(" " if letter.isspace() else letter for letter in text))


def markdown(text: str) -> str:
    """For markdown, on one line: all markup is escaped."""
    return "".join(_MARKDOWN.get(letter, letter) for letter in visible(text))
