"""A table of what the measured files contain, one row per file."""

from collections.abc import Iterable, Sequence

from bench.report.sections import Section, sortable_table
from bench.results.rows import Row
from bench.results.wording import Names, megabytes

FILE_HEADINGS = (
    *("model", "precision", "computes in", "opset"),
    *("parameters", "multiply-adds", "file"),
)
_NUMBERS = ("opset", "parameters", "multiply-adds", "file")


def files_of(rows: Iterable[Row]) -> list[Row]:
    """A row for each file about which something is known."""
    files = {(row.subject, row.precision): row for row in rows}
    return [row for _, row in sorted(files.items()) if any(_facts(row))]


def _facts(row: Row) -> tuple[object, ...]:
    return (row.file_precision, row.opset, row.parameters, row.macs, row.file_bytes)


def file_cells(row: Row, names: Names) -> tuple[str, ...]:
    """The cells of a file, by `FILE_HEADINGS`; empty if unknown."""
    return (
        names.subject(row),
        "" if row.precision == "file" else row.precision,
        row.file_precision or "",
        *("" if value is None else f"{value:,}" for value in (row.opset, row.parameters, row.macs)),
        "" if row.file_bytes is None else megabytes(row.file_bytes),
    )


def draw_files(rows: Sequence[Row], names: Names) -> Section | None:
    """A sortable table."""
    found = files_of(rows)
    if not found:
        return None
    lead = (
        "Counted in the ONNX graphs. Parameters are all weights, trained or not. Multiply-adds are "
        "those of convolutions and matrix products for one image. For an artifact, both are those "
        "of its fp32 file. Computes in: the number formats of those products, the most used first."
    )
    body = sortable_table(FILE_HEADINGS, _NUMBERS, (_line(row, names) for row in found))
    return Section("files", "Models", lead, body)


def _line(row: Row, names: Names) -> list[tuple[str, object]]:
    exact = (names.subject(row), row.precision, *_facts(row))
    shown = file_cells(row, names)
    return [
        (words, "" if value is None else value) for words, value in zip(shown, exact, strict=True)
    ]
