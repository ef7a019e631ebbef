"""The page in a real browser: no errors, sorting works, nothing overflows a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.report import report
from bench.results.results_file import write_csv
from bench.results.rows import Row
from tests.browser import OVERFLOWING

if TYPE_CHECKING:
    from playwright.sync_api import Page

P50 = "#cell-table tbody tr > :nth-child(5)"


@pytest.fixture
def open_page(
    look_at: "Callable[..., Page]", results: Path, suite: Path, make_exports: Callable[..., Path]
) -> "Callable[..., Page]":
    """Open the report, or another page, at a width and in a colour scheme."""
    file = report([results, suite], exports=make_exports(), budget_ms=1).html

    def opened(width: int = 1280, scheme: str = "light", path: Path = file, **more: bool) -> "Page":
        return look_at(path, width, scheme, **more)

    return opened


def shown(page: "Page", selector: str) -> list[str]:
    return [text.split("\n")[0] for text in page.locator(selector).all_inner_texts()]


def test_a_click_sorts_and_another_one_turns_it_round(open_page: "Callable[..., Page]") -> None:
    page = open_page()
    head = page.get_by_role("columnheader", name="p50, ms")
    head.get_by_role("button").click()
    rising = shown(page, P50)
    known = [float(text) for text in rising if text[0].isdigit()]
    assert len(known) == 16
    assert known == sorted(known)
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").click()
    falling = [float(text) for text in shown(page, P50)[: len(known)]]
    assert falling == known[::-1]
    assert head.get_attribute("aria-sort") == "descending"


def test_rows_without_a_figure_are_last_either_way(open_page: "Callable[..., Page]") -> None:
    page = open_page()
    for _ in range(2):
        page.get_by_role("button", name="p50, ms").click()
        assert shown(page, P50)[-3:] == ["\N{EN DASH}"] * 3


def test_the_keyboard_sorts_too(open_page: "Callable[..., Page]") -> None:
    page = open_page()
    button = page.get_by_role("button", name="model", exact=True).first
    button.focus()
    page.keyboard.press("Enter")
    names = shown(page, "#cell-table tbody th:visible")
    assert names == sorted(names)
    assert page.locator("#cell-table [aria-sort]").count() == 1


def test_every_column_is_shown_on_demand(open_page: "Callable[..., Page]") -> None:
    page = open_page(script=False)
    hidden = page.locator("#cell-table thead th.more").first
    assert not hidden.is_visible()
    page.get_by_label("every column").check()
    assert hidden.is_visible()


def test_skipped_cells_are_shown_on_demand(open_page: "Callable[..., Page]") -> None:
    page = open_page(script=False)
    rows = page.locator("#cell-table tr.skipped")
    assert rows.count() == 1
    assert not rows.first.is_visible()
    assert page.locator("#cell-table tr.absent:visible").count() == 2
    page.get_by_label("1 skipped cell").check()
    assert rows.first.is_visible()


def test_a_batch_is_chosen_without_a_script(open_page: "Callable[..., Page]") -> None:
    page = open_page(script=False)
    page.get_by_label("64", exact=True).check()
    assert set(shown(page, "#cell-table tbody tr:visible > :nth-child(4)")) == {"64"}
    assert page.locator("#accuracy figure:visible").count() == 1
    page.get_by_label("all", exact=True).check()
    assert page.locator("#accuracy figure:visible").count() == 2


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_but_tables_is_wider_than_the_screen(
    open_page: "Callable[..., Page]", width: int
) -> None:
    page = open_page(width)
    page.get_by_label("every column").check()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(OVERFLOWING) == []
    assert page.evaluate("document.querySelector('#cell-table').parentNode.scrollWidth") > width


def test_words_on_a_phone_are_large_enough_to_read(open_page: "Callable[..., Page]") -> None:
    page = open_page(360)
    scales = page.evaluate(
        "[...document.querySelectorAll('figure svg')].filter(one => one.clientWidth)"
        ".map(one => one.clientWidth / one.viewBox.baseVal.width)"
    )
    assert min(scales) > 0.9


def test_both_colour_schemes_have_enough_contrast(open_page: "Callable[..., Page]") -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page = open_page(360, scheme)
        ground = page.evaluate(_COLOUR, ["body", "backgroundColor"])
        grounds.append(ground)
        assert _contrast(page.evaluate(_COLOUR, ["body", "color"]), ground) > 7
        for text in (".lead", "svg .tick", "td small", "nav a", ".warn", ".badge.failed"):
            what = "fill" if text.startswith("svg") else "color"
            assert _contrast(page.evaluate(_COLOUR, [text, what]), ground) > 4.5, text
        for slot in range(8):
            colour = page.evaluate(_SLOT, slot)
            assert _contrast(colour, ground) >= 3, slot
    assert _luminance(grounds[0]) > 0.9
    assert _luminance(grounds[1]) < 0.1


_COLOUR = """([selector, property]) =>
  getComputedStyle(document.querySelector(selector))[property].match(/\\d+/g).map(Number)"""
_SLOT = """slot => {
  const probe = document.body.appendChild(document.createElement('i'));
  probe.style.color = `var(--c${slot})`;
  const colour = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
  probe.remove();
  return colour;
}"""


def _luminance(colour: list[int]) -> float:
    """Relative luminance as WCAG has it."""
    parts = [part / 255 for part in colour[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: list[int], other: list[int]) -> float:
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def test_a_hostile_name_runs_nothing_and_fits_a_phone(
    open_page: "Callable[..., Page]", make_row: Callable[..., Row], tmp_path: Path
) -> None:
    name = "<script>console.log('run')</script>" + "very-long-name" * 12
    path = tmp_path / "hostile.csv"
    reasons = {"status": "failed", "reason": name}
    write_csv(
        path, [make_row(subject=name, model=name), make_row(subject=name, model=name, **reasons)]
    )
    page = open_page(360, path=report([path], exports=tmp_path / "none").html)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert name in page.locator("#answers").inner_text()
