"""Scales, ticks and the places of labels."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.drawing.labels import place, spread
from zoo.drawing.svg import logarithmic, shortened, straight, text_width

positive = st.floats(1e-6, 1e9)


@given(st.lists(positive, min_size=1, max_size=9), st.booleans())
def test_scales_keep_order_and_stay_inside(values: list[float], log: bool) -> None:
    scale = (logarithmic if log else straight)(values, 10, 200)
    pixels = [scale(value) for value in sorted(values)]
    assert all(before <= after for before, after in pairwise(pixels))
    assert all(10 <= pixel <= 200.001 for pixel in pixels)


@given(st.lists(positive, min_size=1, max_size=9), st.booleans(), st.integers(3, 8))
def test_ticks_are_few_rising_and_on_the_scale(values: list[float], log: bool, most: int) -> None:
    scale = (logarithmic if log else straight)(values, 0, 100)
    ticks = scale.ticks(most)
    assert 1 <= len(ticks) <= most + 2
    assert all(before < after for before, after in pairwise(ticks))
    near = 1e-9 * max(abs(scale.low), abs(scale.high))
    assert all(scale.low - near <= tick <= scale.high + near for tick in ticks)


def test_ticks_are_round() -> None:
    assert straight([0, 97], 0, 1, zero=True).ticks(5) == [0, 20, 40, 60, 80]
    assert logarithmic([0.09, 11], 0, 1).ticks(7) == pytest.approx(
        [0.1, 0.2, 0.5, 1, 2, 5, 10][::1]
    )


def test_bars_of_nothing_have_a_scale() -> None:
    assert straight([0, 0], 0, 100, zero=True)(0) == 0


@given(st.lists(st.tuples(st.floats(20, 300), st.floats(20, 200)), max_size=14))
def test_labels_lie_on_no_other_label_and_on_no_point(points: list[tuple[float, float]]) -> None:
    words = [f"model {number} int8" for number in range(len(points))]
    placed = [label for label in place(points, words, (0, 0, 320, 220)) if label]
    boxes = [label.box for label in placed]

    def apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
        across = one[2] <= other[0] or other[2] <= one[0]
        return across or one[3] <= other[1] or other[3] <= one[1]

    assert all(apart(a, b) for index, a in enumerate(boxes) for b in boxes[:index])
    assert all(apart(box, (x - 4, y - 4, x + 4, y + 4)) for box in boxes for x, y in points)
    assert all(box[0] >= 0 and box[2] <= 320 for box in boxes)


@given(st.lists(st.floats(0, 100), max_size=7))
def test_names_at_line_ends_are_moved_apart_in_their_order(heights: list[float]) -> None:
    moved = spread(heights, 14, 0, 100)
    rising = [moved[index] for index in sorted(range(len(heights)), key=lambda i: heights[i])]
    assert all(after - before > 13.999 for before, after in pairwise(rising))
    assert all(-0.001 <= height <= 100.001 for height in moved)


@given(st.text(max_size=60), st.floats(30, 300))
@example("0000000000000M%", 111.0)  # its end is wider than what stands before
def test_long_names_are_shortened_to_their_room(words: str, width: float) -> None:
    short = shortened(words, width)
    assert text_width(short) <= max(width, text_width("WWWWW"))
    assert short == words or "\N{HORIZONTAL ELLIPSIS}" in short
