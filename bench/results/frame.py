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
    """The rows of a results file of any schema, a column each as docs/results.md describes it.

    Text, truth and whole numbers are of pandas' types that know an empty cell (`<NA>`); numbers are
    floats, NaN where they are empty. `frame.attrs["columns"]` says of each column what it is.
    """
    import pandas

    rows = read_csv(Path(path))
    kinds = {name: (get_args(kind) or (kind,))[0] for name, kind in get_type_hints(Row).items()}
    frame = pandas.DataFrame(
        {
            name: pandas.array([getattr(row, name) for row in rows], dtype=_TYPES[kinds[name]])
            for name in COLUMNS
        }
    )
    frame.attrs["columns"] = dict(COLUMNS)
    return frame
