"""Every command and snippet of docs/how-to works, in the order of each page."""

from pathlib import Path

import pytest

from tests.docs.reading import PAGES, name_of, steps_of
from tests.docs.running import is_run, run_page

HOW_TO = [
    page
    for page in PAGES
    if page.parent.name == "how-to" and any(is_run(page, step) for step in steps_of(page))
]


@pytest.mark.parametrize("page", HOW_TO, ids=name_of)
def test_the_page_works_from_top_to_bottom(page: Path, page_folder: Path) -> None:
    run_page(page)
