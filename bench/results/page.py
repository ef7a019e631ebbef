"""docs/reference/results.md, made of the texts of the columns, so that page and files agree.

python -m bench.results.page > docs/reference/results.md
"""

from dataclasses import fields
from types import NoneType
from typing import get_args, get_type_hints

from bench.results.rows import GROUPS, SCHEMA

_KINDS = {str: "text", bool: "truth", int: "whole number", float: "number"}

_INTRODUCTION = f"""\
# The columns of a results file

`python cli.py bench --out results.csv` writes one row a cell: one file in one runtime on one
provider, at one batch size and number of threads. This page is made of the texts that stand beside
the columns in `bench/results/rows.py` (schema {SCHEMA}).
[How the numbers are measured](../explanation/measuring.md) is a page of its own.
`python cli.py compare A B --out pairs.csv` writes the same columns, one row a comparison of B with
A.

    import bench
    rows = bench.read("results.csv")  # a pandas DataFrame
    print(rows[rows.status == "ok"].sort_values("p50_ms")[["subject", "precision", "p50_ms"]])

- An empty cell means: not known, or there is no such thing here; it is never a zero. In the
  DataFrame it is `<NA>`, and NaN in a column of numbers that are not whole.
- Units stand at the end of a name: `_ms` milliseconds, `_us` microseconds, `_mib` 2^20 bytes,
  `_bytes` bytes, `_mhz` megahertz. A `_share` is between 0 and 1. All times are of a whole call,
  whatever its batch.
- `_low` and `_high` are the ends of a 95% interval.
- Rows of two files are of the same cell where `subject`, `precision`, `runtime`, `provider`,
  `boundary`, `cuda_graph`, `threads`, `batch`, `scenario` and `repeat` are equal. A file has one
  row of each.

`python cli.py report --recompute results.csv` makes every row again from the raw samples, and says
whether they agree.

Beside `results.csv` lie, with the same beginning of their names:

| file | what it holds |
|---|---|
| `results.samples.jsonl` | a line a cell: what was measured, raw times and all, \
of which its row is made |
| `results.predictions.npz` | the class given to each test image, by `subject`, `precision`, \
`runtime` and `provider` with bars between, and by batch size where `answers_vary`; the true ones \
as `labels` and the dataset |
| `results.environment.json` | the machine, its load, and the versions of what is installed |
| `results.operators.csv` | with `--profile`: microseconds of each kind of operator in one call |
"""


def page() -> str:
    """The page as it should stand in docs/reference/."""
    lines = [_INTRODUCTION]
    for group in GROUPS:
        kinds = get_type_hints(group)
        lines += [f"## {_heading(group)}", "", "| column | kind | what it is |", "|---|---|---|"]
        for part in fields(group):
            about = part.metadata["about"].replace("|", "\\|")
            lines.append(f"| `{part.name}` | {_kind(kinds[part.name])} | {about} |")
        lines.append("")
    return "\n".join(lines)


def _heading(group: type) -> str:
    return (group.__doc__ or "").removesuffix(".")


def _kind(hint: object) -> str:
    (kind,) = set(get_args(hint) or (hint,)) - {NoneType}
    return _KINDS[kind]


if __name__ == "__main__":
    print(page(), end="")
