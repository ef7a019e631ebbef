"""Pages in a real browser: fixtures that skip where there is none. `look_at` opens a file.

A test fails where its page logs or fetches anything.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NAMES = ("chromium", "chromium-browser", "google-chrome")
# Whatever ends right of the page or begins left of it, unless it scrolls in a box of its own.
OVERFLOWING = """
[...document.querySelectorAll('body *')].filter(one => {
  if (one.closest('.scroll')) return false;
  const box = one.getBoundingClientRect();
  return box.width && (box.right > document.documentElement.clientWidth + 1 || box.left < -1);
}).map(one => one.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Chromium, started once for a file of tests."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"there is no {' or '.join(NAMES)} on this machine")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@pytest.fixture
def look_at(browser: "Browser") -> "Iterator[Callable[..., Page]]":
    """Open a file at a width and in a colour scheme."""
    said: list[str] = []
    pages: list[Page] = []

    def opened(
        path: Path, width: int = 1280, scheme: str = "light", *, script: bool = True
    ) -> "Page":
        page = browser.new_page(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=script,
        )
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith("data:") else said.append(asked.url),
        )
        page.goto(path.as_uri())
        said.remove(path.as_uri())
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []
