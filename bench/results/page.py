"""Generate docs/reference/results.md from the descriptions of the columns.

python -m bench.results.page > docs/reference/results.md
"""

from dataclasses import fields
from types import NoneType
from typing import get_args, get_type_hints

from bench.results.rows import GROUPS, SCHEMA

_KINDS = {str: "text", bool: "truth", int: "whole number", float: "number"}

_INTRODUCTION = f"""\
# The columns of a results file

`python cli.py bench --out results.csv` writes one row per cell: one file in one runtime on one
provider, at one batch size and number of threads. This page is generated from the descriptions of
the columns in `bench/results/rows.py` (schema {SCHEMA}).
See also [How the numbers are measured](../explanation/measuring.md).
`python cli.py compare A B --out pairs.csv` writes the same columns, one row per comparison of B
with A.

    import bench
    rows = bench.read("results.csv")  # a pandas DataFrame
    print(rows[rows.status == "ok"].sort_values("p50_ms")[["subject", "precision", "p50_ms"]])

- An empty cell means "unknown" or "not applicable", never zero. In the DataFrame it is `<NA>`, or
  NaN in a column of fractional numbers.
- A name ends with its unit: `_ms` milliseconds, `_us` microseconds, `_mib` 2^20 bytes,
  `_bytes` bytes, `_mhz` megahertz. A `_share` is between 0 and 1. All times are for a whole call,
  not per image.
- `_low` and `_high` are the ends of a 95% interval.
- Rows of two files describe the same cell if `subject`, `precision`, `runtime`, `provider`,
  `boundary`, `cuda_graph`, `threads`, `batch`, `scenario` and `repeat` are equal. A file has one
  row per cell.

`python cli.py report --recompute results.csv` computes every row again from the raw samples, and
says whether they agree.

`bench` also writes these files, named after the CSV:

| file | contents |
|---|---|
| `results.samples.jsonl` | one line per cell: everything measured, with all raw times, \
from which its row is computed |
| `results.predictions.npz` | the class given to each test image, by `subject`, `precision`, \
`runtime` and `provider` joined by bars, and by batch size if `answers_vary`; also the true \
classes (`labels`) and the dataset |
| `results.environment.json` | the machine, its load, and the versions of installed packages |
| `results.operators.csv` | with `--profile`: microseconds per kind of operator in one call |
"""


def page() -> str:
    """The text of the page in docs/reference/."""
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
