"""The confusion matrix as an SVG heat map."""

from collections.abc import Mapping, Sequence

from zoo.drawing.confusion import Cell, Confusion
from zoo.drawing.markup import Markup, tag
from zoo.drawing.svg import drawing, hover, shortened, text, text_width

WIDTH = 328
MOST_COUNTED = 10  # classes whose counts have room in their cells


def draw_confusion(
    confusion: Confusion,
    width: float = WIDTH,
    links: Mapping[tuple[int, int], str] | None = None,
) -> Markup:
    """Rows are true classes; counts are shown if there is room.

    links: the target of each cell (true, predicted).
    """
    classes, named = confusion.classes, confusion.is_named
    left = min(86.0, max(map(text_width, classes), default=0.0) + 8) if named else 16.0
    side = (width - left) / max(len(classes), 1)
    head = left if named else 16.0
    links = links or {}
    cells = []
    for cell in confusion.cells():
        x, y = left + side * cell.predicted, head + side * cell.true
        link = links.get((cell.true, cell.predicted))
        cells.append(_cell(cell, classes, x, y, side, link))
    names = []
    if named:
        for index, name in enumerate(classes):
            middle = side * (index + 0.5)
            short = shortened(name, left - 6)
            names.append(text(left - 5, head + middle + 4, short, "tick", "end"))
            names.append(_upright(left + middle + 4, head - 5, short))
    return drawing(
        width,
        head + side * len(classes) + 4,
        f"Confusion matrix of {len(classes)} classes",
        *names,
        *cells,
        role="group" if links else "img",
    )


def _cell(
    cell: Cell, classes: Sequence[str], x: float, y: float, side: float, link: str | None
) -> Markup:
    true, predicted, count = classes[cell.true], classes[cell.predicted], cell.count
    box = tag(
        "rect",
        x=x,
        y=y,
        width=max(side - 1, 0.5),
        height=max(side - 1, 0.5),
        class_="heat" if count else "cold",
        fill_opacity=f"{cell.shade:.2f}" if count else None,
    )
    words = f"{true} predicted as {predicted}: {count:,} ({cell.share:.1%})"
    if cell.true == cell.predicted:
        words = f"{true}: {count:,} right ({cell.share:.1%})"
    number = Markup("")
    if count and len(classes) <= MOST_COUNTED:
        class_ = "count over" if cell.is_dark else "count"
        number = text(x + side / 2, y + side / 2 + 3.5, str(count), class_, "middle")
    marks = (hover([words]), box, number)
    return tag("a", *marks, href=link, aria_label=words) if link else tag("g", *marks)


def _upright(x: float, y: float, words: str) -> Markup:
    return tag("text", words, class_="tick", transform=f"translate({x:.1f} {y:.1f}) rotate(-90)")
