"""Fit a table to a terminal: long texts get separate lines, and no figure is cut off."""

import shutil
from collections.abc import Mapping, Sequence
from textwrap import wrap

Rows = Sequence[Mapping[str, str]]  # at least one; the keys of the first are the headings

_GAP = "  "
_PROSE = 20  # letters: a last column with longer texts may stand below its row


def terminal_width() -> int:
    """Letters in a line."""
    return shutil.get_terminal_size().columns


def table_lines(rows: Rows, width: int) -> list[str]:
    """One line per row if that fits.

    Otherwise long texts of the last column go below their rows, or the first column goes above the
    rows that share it, or both; if that is not enough, each cell gets a line.
    """
    headings = _filled(rows)
    first, last = headings[0], headings[-1]
    forms = [headings]
    if any(len(row[last]) > _PROSE for row in rows):
        forms += [headings[:-1], headings[1:], headings[1:-1]]
    else:
        forms += [headings[1:]]
    for inline in forms:
        indent = "" if first in inline else _GAP
        if inline and len(indent) + _width(rows, inline) <= width:
            return _lines(rows, inline, indent, width)
    return [line for row in rows for line in _record(row, headings, width)]


def fits(rows: Rows, width: int) -> bool:
    """Whether each row has room on one line."""
    return _width(rows, _filled(rows)) <= width


def shortened(text: str, most: int) -> str:
    """Shorten a name to at most so many letters by leaving out its middle."""
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (most - 1 - head) :]}"


def wrapped(text: str, width: int, indent: str = "", more: str = _GAP) -> list[str]:
    """Wrap into lines of whole words. more: extra indentation of all lines but the first."""
    lines = wrap(
        text,
        max(width, len(indent) + len(more) + 1),
        initial_indent=indent,
        subsequent_indent=indent + more,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [""]


def _filled(rows: Rows) -> list[str]:
    """The headings of columns with any content, and always the first."""
    first, *others = rows[0]
    return [first, *(heading for heading in others if any(row[heading] for row in rows))]


def _widths(rows: Rows, headings: Sequence[str]) -> list[int]:
    from rich.cells import cell_len

    return [
        max(cell_len(text) for text in (heading, *(row[heading] for row in rows)))
        for heading in headings
    ]


def _width(rows: Rows, headings: Sequence[str]) -> int:
    return sum(_widths(rows, headings)) + len(_GAP) * (len(headings) - 1)


def _lines(rows: Rows, inline: Sequence[str], indent: str, width: int) -> list[str]:
    """inline: the columns that share a line; the first column goes above it, the last below."""
    first, last = (_filled(rows)[at] for at in (0, -1))
    widths = _widths(rows, inline)
    lines, above = [], ""
    for cells in ({heading: heading for heading in rows[0]}, *rows):
        if first not in inline and cells[first] != above:
            above = cells[first]
            lines.append(shortened(above, width))
        lines.append(indent + _line([cells[heading] for heading in inline], widths))
        if last not in inline and cells[last]:
            lines += wrapped(cells[last], width, 2 * _GAP, "")
    return lines


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    from rich.cells import cell_len

    padded = (
        text + " " * (width - cell_len(text)) for text, width in zip(cells, widths, strict=True)
    )
    return _GAP.join(padded).rstrip()


def _record(row: Mapping[str, str], headings: Sequence[str], width: int) -> list[str]:
    first, *others = headings
    lines = [shortened(row[first], width)]
    for heading in others:
        if row[heading]:
            lines += wrapped(f"{heading}: {row[heading]}", width, _GAP)
    return lines
