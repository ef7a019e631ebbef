"""`bench.read`: a results file as a pandas DataFrame."""

from pathlib import Path
from typing import TYPE_CHECKING, get_args, get_type_hints

from bench.results.results_file import read_csv
from bench.results.rows import COLUMNS, Row

if TYPE_CHECKING:
    import pandas

# pandas' own types that know an empty cell; a number that is none is NaN.
_TYPES = {str: "string", bool: "boolean", int: "Int64", float: "float64"}


def read(path: Path | str) -> "pandas.DataFrame":
    """The rows of a results file of any schema, with the columns of docs/reference/results.md.

    Texts, booleans and integers have pandas' nullable types (an empty cell is `<NA>`); other
    numbers are floats, NaN if empty. `frame.attrs["columns"]` describes each column.
    """
    import pandas

    kinds = {name: (get_args(kind) or (kind,))[0] for name, kind in get_type_hints(Row).items()}
    cells = ([getattr(row, name) for name in COLUMNS] for row in read_csv(Path(path)))
    frame = pandas.DataFrame(list(cells), columns=list(COLUMNS), dtype=object)
    frame = frame.astype({name: _TYPES[kinds[name]] for name in COLUMNS})
    frame.attrs["columns"] = dict(COLUMNS)
    return frame
