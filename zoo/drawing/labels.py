"""Place labels beside points so that none covers another label or a point."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.drawing.svg import FONT, text_width

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class PointLabel:
    """The label of a point, at its position.

    It is anchored at the end next to the point, because the true width of the text is unknown.
    """

    words: str
    x: float  # of the anchor
    y: float  # of the baseline
    anchor: str  # start, middle or end, as SVG has it
    point: tuple[float, float]
    far: bool  # a thin line should lead to the point
    wide: float  # pixels, on the generous side

    @property
    def box(self) -> Box:
        """What they cover."""
        left = self.x - {"start": 0.0, "middle": self.wide / 2, "end": self.wide}[self.anchor]
        return (left, self.y - FONT * 0.8, left + self.wide, self.y + FONT * 0.25)


def place(
    points: Sequence[tuple[float, float]], words: Sequence[str], room: Box, strong: int = 0
) -> list[PointLabel | None]:
    """A position for each point's label, None if there is no room left; the first choose first.

    strong: how many of the first labels are bold.
    """
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    placed: list[PointLabel | None] = []
    for index, (point, label) in enumerate(zip(points, words, strict=False)):
        wide = text_width(label) * (1.1 if index < strong else 1)
        choices = [one for one in _around(point, label, wide) if _inside(one.box, room)]
        free = (c for c in choices if not any(_overlap(c.box, other) for other in taken))
        chosen = next(free, None)
        if chosen:
            taken.append(chosen.box)
        placed.append(chosen)
    return placed


def _around(point: tuple[float, float], words: str, wide: float) -> list[PointLabel]:
    """Beside the point, then above and below, then further and further away."""
    x, y = point
    near = [("start", 9, 4), ("end", -9, 4), ("middle", 0, -10), ("middle", 0, 19)]
    near += [("start", 6, -7), ("start", 6, 16), ("end", -6, -7), ("end", -6, 16)]
    near += [("end", 8, -10), ("end", 8, 19), ("start", -8, -10), ("start", -8, 19)]
    away = [
        (anchor, dx, 4 + sign * step)
        for step in (24, 36, 48, 62, 76)
        for anchor, dx in (("start", 8), ("end", -8), ("middle", 0), ("start", 30), ("end", -30))
        for sign in (-1, 1)
    ]
    return [
        PointLabel(words, x + dx, y + dy, anchor, point, far, wide)
        for far, offsets in ((False, near), (True, away))
        for anchor, dx, dy in offsets
    ]


def _inside(box: Box, room: Box) -> bool:
    return box[0] >= room[0] and box[1] >= room[1] and box[2] <= room[2] and box[3] <= room[3]


def _overlap(one: Box, other: Box) -> bool:
    apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    return not apart


def spread(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move heights just far enough apart for `gap`, within low and high if they fit."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    moved = list(heights)
    floor = low
    for index in order:
        moved[index] = max(heights[index], floor)
        floor = moved[index] + gap
    ceiling = high
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - gap
    return moved
