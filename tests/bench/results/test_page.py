"""docs/reference/results.md says what the columns say."""

from dataclasses import fields
from pathlib import Path

from bench.results.page import page
from bench.results.rows import COLUMNS, GROUPS

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "results.md"


def test_the_page_is_the_one_that_the_columns_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "make it anew: python -m bench.results.page > docs/reference/results.md"
    )


def test_every_column_stands_in_one_group_in_its_order() -> None:
    names = [part.name for group in GROUPS for part in fields(group)]
    assert names == list(COLUMNS)
    told = page().splitlines()
    assert [line for line in told if line.startswith("## ")] == [
        f"## {str(group.__doc__).removesuffix('.')}" for group in GROUPS
    ]
    assert "| `p50_ms` | number | median time of a call |" in told
