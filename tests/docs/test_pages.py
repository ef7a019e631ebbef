"""Pages of docs/ and the root: no broken link, none outside the site's index. Needs no mkdocs."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *DOCS.rglob("*.ipynb")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    """The markdown of a page, or of a notebook; without its code."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return re.sub(r"^(```|~~~).*?^\1|^ {4,}[^\n]*$|`[^`\n]*`", "", text, flags=re.S | re.M)


def anchors(page: Path) -> set[str]:
    """Of the headings, as GitHub and mkdocs make them."""
    found = re.findall(r"^#+ +(.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(text_of(page)):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{link} leads nowhere"
        if DOCS in page.parents:
            assert target.is_relative_to(DOCS), f"{link} leaves docs/, so the site cannot follow it"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


def test_every_page_stands_in_the_index_of_the_site_once() -> None:
    _, _, index = (ROOT / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")
    listed = re.findall(r"([\w./-]+\.(?:md|ipynb))$", index, re.M)
    pages = [page.relative_to(DOCS).as_posix() for page in PAGES if DOCS in page.parents]
    assert sorted(listed) == sorted(pages)


def test_the_first_page_leads_to_all_but_decisions() -> None:
    linked = {(DOCS / link).resolve() for link in LINK.findall(text_of(DOCS / "index.md"))}
    pages = {page for page in PAGES if DOCS in page.parents and page.parent.name != "decisions"}
    assert pages - linked == {DOCS / "index.md"}


def test_figures_are_small_and_used() -> None:
    figures = set((DOCS / "images").iterdir())
    used = {
        (page.parent / link).resolve() for page in PAGES for link in LINK.findall(text_of(page))
    }
    assert figures <= used
    assert max(figure.stat().st_size for figure in figures) < 150_000
