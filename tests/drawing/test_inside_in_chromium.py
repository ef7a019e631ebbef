"""The page of `show` in a real browser: no errors, no overflow, a graph that leads to layers."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from zoo.drawing.inside import Step, View
from zoo.drawing.inside_page import draw_inside

if TYPE_CHECKING:
    from playwright.sync_api import Page

RANDOM = np.random.default_rng(0)


def steps(blocks: int) -> list[Step]:
    """Residual blocks, with names as long as those of other people's files."""
    made: list[Step] = []
    before = ""

    def add(name: str, operator: str, kind: str, takes: tuple[str, ...], share: float) -> str:
        values = RANDOM.normal(size=(4, 8, 8)).astype(np.float32)
        made.append(
            Step(name, kind, operator, 9, values, takes=takes, share=share, dead=0.25, bytes=36)
        )
        return name

    before = add("features.0/stem.with.a.long.name/Conv", "Conv", "convolution", (), 0.2)
    for at in range(blocks):
        first = add(f"features.{at}/conv1/Conv", "Conv", "convolution", (before,), 0.05)
        second = add(f"features.{at}/conv2/Conv", "Conv", "convolution", (first,), 0.0)
        before = add(f"features.{at}/Add", "Add", "sum", (second, before), 0.01)
    return made


def view(title: str, *, image: bool = True) -> View:
    pixels = RANDOM.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return View(
        title=title,
        origin="test image 3 of made: cat" if image else "",
        image=pixels if image else None,
        truth="cat" if image else "",
        guesses=[("cat", 0.75), ("a dog of a breed with a long name", 0.25)] if image else [],
        steps=steps(10),
        left_out=0,
        filters=RANDOM.integers(0, 256, (20, 5, 5, 3), dtype=np.uint8),
        filters_of="features.0/stem.with.a.long.name/Conv",
        filters_count=20,
        saliency=RANDOM.normal(size=(8, 8)).astype(np.float32) if image else None,
        classes=("cat", "dog"),
        channels=4,
        timed="Shares of the time of one image.",
        looked="in the first 256 test images of made",
    )


PAGES = {
    "an image": [view("one.onnx")],
    "no image": [view("one.onnx", image=False)],
    "two models": [view("one.onnx"), view("a-model-with-a-longer-name.onnx")],
}


@pytest.fixture
def open_page(look_at: "Callable[..., Page]", tmp_path: Path) -> "Callable[..., Page]":
    """Open a page at a width and in a colour scheme."""

    def opened(name: str, width: int = 1400, scheme: str = "light") -> "Page":
        file = tmp_path / "page.html"
        file.write_text(draw_inside(PAGES[name]))
        return look_at(file, width, scheme)

    return opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows(
    name: str, width: int, scheme: str, open_page: "Callable[..., Page]"
) -> None:
    page = open_page(name, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for fold in page.locator("details").all():
        fold.locator("summary").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("[...document.images].every(image => image.alt)")


def test_a_click_or_enter_on_a_node_opens_its_layer(open_page: "Callable[..., Page]") -> None:
    page = open_page("an image", 390)
    fold = page.locator("details").first
    fold.locator("summary").focus()
    page.keyboard.press("Enter")
    node = fold.locator("a").nth(2)
    assert node.is_visible()
    node.focus()
    page.keyboard.press("Enter")
    layer = page.locator(":target")
    assert layer.locator("h3").inner_text() == "features.0/Add"
    box = layer.bounding_box()
    assert box is not None
    assert -1 <= box["y"] < 800
    page.locator(".flow > svg a").first.click()
    assert page.locator(":target h3").inner_text() == "features.0/stem.with.a.long.name/Conv"


def test_without_an_image_a_node_leads_to_its_row(open_page: "Callable[..., Page]") -> None:
    page = open_page("no image")
    page.locator(".flow > svg a").first.click()
    assert page.locator("tr:target th").inner_text() == "features.0/stem.with.a.long.name/Conv"


def test_the_text_of_nodes_can_be_read(open_page: "Callable[..., Page]") -> None:
    """At least 4.5 to 1 against the fullest colour that lies behind it."""
    for scheme in ("light", "dark"):
        page = open_page("an image", 1400, scheme)
        ratio = page.evaluate(
            """() => {
              const canvas = document.createElement('canvas')
                .getContext('2d', {willReadFrequently: true});
              const light = colour => {
                canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
                const part = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map(v => {
                  v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
                return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2];
              };
              const node = document.querySelector('.flow > svg a');
              const two = ['rect', 'text'].map(
                name => light(getComputedStyle(node.querySelector(name)).fill));
              return (Math.max(...two) + 0.05) / (Math.min(...two) + 0.05);
            }"""
        )
        assert ratio >= 4.5, scheme
