"""The page of a test: its images are those of the cell, and it stays small, safe and readable."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.browser import OVERFLOWING
from zoo.drawing.confusion import Confusion, confusion_counts
from zoo.drawing.outcome import OF_A_CELL, Outcome, groups
from zoo.drawing.outcome_page import draw_outcome
from zoo.intervals import Accuracy
from zoo.runs.history import EpochRow
from zoo.scores import Calibration, among_top, class_scores

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = "<script>alert(1)</script>"


def outcome(classes: int = 3, images: int = 90, side: int = 8, seed: int = 0) -> Outcome:
    """Made-up answers, right in about two of three cases."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, images)
    logits = draw.normal(size=(images, classes)).astype(np.float32)
    logits[np.arange(images), labels] += 2 * (draw.random(images) < 0.6)
    beliefs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    predictions = beliefs.argmax(axis=1)
    counts = confusion_counts(labels, predictions, classes).tolist()
    names = (HOSTILE, *(f"class {number}" for number in range(1, classes)))
    return Outcome(
        id="cnn-toys",
        data="toys",
        classes=names,
        images=draw.integers(0, 256, (images, side, side, 3), dtype=np.uint8),
        labels=labels,
        probabilities=beliefs,
        confusion=Confusion.of(names, counts),
        accuracy=Accuracy.of(predictions == labels),
        with_views=None,
        top5=Accuracy.of(among_top(logits, labels, 5)) if classes > 5 else None,
        scores=class_scores(counts),
        calibration=Calibration.of(beliefs.max(axis=1), predictions == labels),
        history=[
            EpochRow(float(epoch), epoch, 0.1, 2.0 / epoch, 0.1 * epoch, None, None, 1.0, 10.0)
            for epoch in (1, 2, 3)
        ],
    )


def test_the_images_of_a_cell_are_its_own() -> None:
    one = outcome()
    found = groups(one)
    assert sum(group.cell.count for group in found) == 90
    for group in found:
        for shot in group.shots:
            assert one.labels[shot.index] == group.cell.true
            assert one.predictions[shot.index] == group.cell.predicted
        assert len(group.shots) == min(OF_A_CELL, group.cell.count)
        told = [shot.confidence for shot in group.shots]
        assert told == sorted(told, reverse=group.cell.true != group.cell.predicted)


def test_the_worst_mistakes_come_first() -> None:
    one = outcome()
    worst = one.mistakes()
    assert (one.predictions[worst] != one.labels[worst]).all()
    assert len(worst) == one.accuracy.images - one.accuracy.correct
    true = one.probabilities[worst, one.labels[worst]]
    assert (np.diff(true) >= 0).all()


@pytest.mark.parametrize(("classes", "images", "side"), [(100, 10_000, 32), (20, 4_000, 200)])
def test_it_stays_below_5_mb(classes: int, images: int, side: int) -> None:
    """Noise is the worst that can be compressed."""
    one = replace(outcome(classes, images, 1))
    pixels = np.random.default_rng(1).integers(0, 256, (64, side, side, 3), dtype=np.uint8)
    noise = np.broadcast_to(pixels[0], (images, side, side, 3))
    assert len(draw_outcome(replace(one, images=noise))) < 5_000_000


def test_names_are_escaped_and_long_ones_cut() -> None:
    one = outcome()
    names = (HOSTILE, "a" * 300, "b")
    page = draw_outcome(
        replace(one, classes=names, confusion=replace(one.confusion, classes=names))
    )
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "a" * 100 not in re.sub(r"<svg.*?</svg>", "", page, flags=re.S)


def test_all_right_and_no_history_leave_their_sections_out() -> None:
    one = outcome()
    sure = np.eye(3, dtype=np.float32)[one.labels]
    counts = confusion_counts(one.labels, one.labels, 3).tolist()
    right = replace(
        one, probabilities=sure, confusion=Confusion.of(one.classes, counts), history=[]
    )
    page = draw_outcome(right)
    assert 'id="mistakes"' not in page
    assert 'id="confusions"' not in page
    assert 'id="training"' not in page
    assert 'id="calibration"' in page


class TestInABrowser:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        path = tmp_path / "test.html"
        path.write_text(draw_outcome(outcome(6), ["confusion.png"]), encoding="utf-8")
        return path

    def test_a_click_on_a_cell_shows_its_images(
        self, look_at: "Callable[..., Page]", file: Path
    ) -> None:
        page = look_at(file, script=False)
        assert page.locator(".hint").is_visible()
        assert page.locator(".cells figure:visible").count() == 0
        cell = page.get_by_label(re.compile(r"^class 2 predicted as class 1: (\d+)"))
        count = int(re.findall(r": (\d+) ", str(cell.get_attribute("aria-label")))[0])
        cell.click()
        assert page.get_by_role("heading", name="class 2, predicted as class 1").is_visible()
        assert page.locator(".cells figure:visible").count() == min(count, OF_A_CELL)
        assert not page.locator(".hint").is_visible()

    def test_the_keyboard_does_too(self, look_at: "Callable[..., Page]", file: Path) -> None:
        page = look_at(file)
        page.get_by_label(re.compile(r"^class 3: \d+ right")).focus()
        page.keyboard.press("Enter")
        assert page.get_by_role("heading", name="class 3, recognised").is_visible()

    def test_images_are_loaded_and_have_words(
        self, look_at: "Callable[..., Page]", file: Path
    ) -> None:
        page = look_at(file)
        image = page.locator("#mistakes img").first
        image.scroll_into_view_if_needed()
        assert image.evaluate("one => one.decode().then(() => one.naturalWidth)") == 8
        assert page.locator("img:not([alt])").count() == 0

    @pytest.mark.parametrize("width", [320, 390, 1400])
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_nothing_is_wider_than_the_screen(
        self, look_at: "Callable[..., Page]", file: Path, width: int, scheme: str
    ) -> None:
        page = look_at(file, width, scheme)
        page.locator(".beside a").first.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(OVERFLOWING) == []
