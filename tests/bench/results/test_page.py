"""docs/results.md says what the columns say."""

from pathlib import Path

from bench.results.page import groups, page
from bench.results.rows import COLUMNS

PAGE = Path(__file__).parents[3] / "docs" / "results.md"


def test_the_page_is_the_one_that_the_columns_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "make it anew: python -m bench.results.page > docs/results.md"
    )


def test_every_column_stands_in_one_group_in_its_order() -> None:
    assert [name for _, names in groups() for name in names] == list(COLUMNS)
    assert all(heading for heading, _ in groups())
    assert "| `p50_ms` | number | median time of a call |" in page().splitlines()
