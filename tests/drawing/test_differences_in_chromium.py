"""The page of a diff in a real browser: no errors, links by keyboard, nothing overflows a phone."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.actions.test_show import NASTY
from zoo.drawing.differences import ChangedImage, Diff, Effect, LayerDifference, LoneLayer
from zoo.drawing.differences_page import draw_differences
from zoo.intervals import Accuracy, Lost

if TYPE_CHECKING:
    from playwright.sync_api import Page


def made(layers: int, *, name: str = "Conv", examples: int = 3) -> Diff:
    right = np.array([True, False])
    shared = tuple(
        LayerDifference(
            *(f"{name}_{at}", f"{name}_{at}", "convolution", "Conv", (8, 4, 4), "name", name),
            *(0.1 * at, 0.1, float("inf") if at == 2 else 0.2, 1.0),
        )
        for at in range(layers)
    )
    changed = tuple(ChangedImage(at, name, name, name, "dog") for at in range(examples))
    accuracy = Accuracy.of(right)
    effect = Effect(2, examples, changed, accuracy, accuracy, Lost.of(right, right))
    alone = (LoneLayer("A", name, "pooling", (8,), name),)
    return Diff(name, "B", name, 0.25, "as told", shared, alone, effect, Path("x.html"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_bars_lead_to_rows_by_keyboard(
    width: int, scheme: str, look_at: "Callable[..., Page]", tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    images = [np.full((8, 8, 3), 90, np.uint8)] * 3
    path.write_text(draw_differences(made(6), images))
    page = look_at(path, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#layer-4"
    assert page.locator("tr:target td.name").inner_text().startswith("Conv_3")
    assert "above the bound" in page.locator("tr:target").inner_text()


def test_a_hostile_name_runs_nothing_and_fits_a_phone(
    look_at: "Callable[..., Page]", tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    name = f"{NASTY}<script>console.log('run')</script>" + "very-long-name" * 12
    images = [np.zeros((300, 500, 1), np.uint8)] * 3
    path.write_text(draw_differences(made(3, name=name), images))
    page = look_at(path, 360)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.locator("script").count() == 0


def test_pages_of_large_networks_stay_small() -> None:
    noise = [np.random.default_rng(0).integers(0, 256, (1000, 1000, 3), dtype=np.uint8)] * 20
    page = draw_differences(made(1500, name="n" * 200, examples=20), noise)
    assert len(page) < 5_000_000
