"""Read and write tables as CSV."""

import csv
import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import chain
from types import NoneType
from typing import Any, TextIO, get_args


def table_text(headings: Iterable[str], lines: Iterable[Iterable[object]]) -> str:
    """A table as CSV text; None is an empty cell, booleans are True or False."""
    text = io.StringIO()
    write_table(text, headings, lines)
    return text.getvalue()


def records_text(kind: Any, records: Iterable[object]) -> str:
    """A table with a column for each field of the dataclass `kind`, and a line per instance."""
    names = [part.name for part in fields(kind)]
    return table_text(names, ([getattr(one, name) for name in names] for one in records))


def write_table(out: TextIO, headings: Iterable[str], lines: Iterable[Iterable[object]]) -> None:
    """Write the same to `out`, each line as soon as it is available."""
    plain = csv.writer(out, lineterminator="\n")
    quoting = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    for line in chain([headings], lines):
        values = list(line)
        # The csv module leaves a carriage return unquoted where lines do not end in one.
        bare = any(isinstance(value, str) and "\r" in value for value in values)
        (quoting if bare else plain).writerow(values)


def read_table(source: Iterable[str]) -> tuple[list[str], Iterator[list[str]]]:
    """The headings, and the lines below them, each read when it is asked for.

    source: a file opened with its line ends as they are, or lines of text. Each line must have a
    value for each heading; `ValueError` names one that has not, or says why this is not CSV. Empty
    lines are skipped.
    """
    lines = _lines(source)
    return next(lines, []), lines


def read_records(source: Iterable[str]) -> Iterator[dict[str, str]]:
    """The lines below the headings, each by heading."""
    headings, lines = read_table(source)
    for line in lines:
        yield dict(zip(headings, line, strict=True))


def _lines(source: Iterable[str]) -> Iterator[list[str]]:
    reader = csv.reader(source, strict=True)
    columns = 0
    try:
        for line in filter(None, reader):
            columns = columns or len(line)
            if len(line) != columns:
                raise ValueError(
                    f"line {reader.line_num} has {len(line)} values for {columns} headings"
                )
            yield line
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} is not CSV: {error}") from error


def read_cell(kind: Any, text: str) -> Any:
    """A cell of a CSV as str, bool, int, float, or one of them | None; an empty cell is None."""
    kinds = get_args(kind) or (kind,)
    if not text and NoneType in kinds:
        return None
    (kind,) = (one for one in kinds if one is not NoneType)
    if kind is bool:
        if text not in ("True", "False"):
            raise ValueError(f"is '{text}', not True or False")
        return text == "True"
    if kind is int and text.removeprefix("-").isdecimal():
        return int(text)  # whole: a float has 15 digits
    if kind in (int, float):
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or (kind is int and number % 1):
            raise ValueError(f"is '{text}', not a {'whole ' if kind is int else ''}number")
        return kind(number)
    return text
