"""A confusion matrix: what each true class is taken for."""

from bench.report.markup import Markup, tag
from bench.report.models import Confusion
from bench.report.svg import drawing, hover, shortened, text, text_width

WIDTH = 328
MOST_NAMED, MOST_COUNTED = 25, 10


def draw_confusion(confusion: Confusion) -> Markup:
    """Rows are true classes. Shade is the share of the row; counts where there is room for them."""
    classes = confusion.classes
    named = len(classes) <= MOST_NAMED
    left = min(86.0, max(map(text_width, classes), default=0.0) + 8) if named else 16.0
    side = (WIDTH - left) / max(len(classes), 1)
    head = left if named else 16.0
    cells = [
        _cell(confusion, true, predicted, left + side * predicted, head + side * true, side)
        for true in range(len(classes))
        for predicted in range(len(classes))
    ]
    names = []
    if named:
        for index, name in enumerate(classes):
            middle = side * (index + 0.5)
            short = shortened(name, left - 6)
            names.append(text(left - 5, head + middle + 4, short, "tick", "end"))
            names.append(_upright(left + middle + 4, head - 5, short))
    return drawing(
        WIDTH,
        head + side * len(classes) + 4,
        f"Confusion matrix of {len(classes)} classes",
        *names,
        *cells,
    )


def _cell(
    confusion: Confusion, true: int, predicted: int, x: float, y: float, side: float
) -> Markup:
    counts, classes = confusion.counts[true], confusion.classes
    count = counts[predicted]
    share = count / max(sum(counts), 1)
    box = tag(
        "rect",
        x=x,
        y=y,
        width=max(side - 1, 0.5),
        height=max(side - 1, 0.5),
        class_="heat" if count else "cold",
        # The square root shows confusions of a few percent beside a diagonal near all.
        fill_opacity=f"{0.05 + 0.95 * share**0.5:.2f}" if count else None,
    )
    words = f"{classes[true]} taken for {classes[predicted]}: {count:,} ({share:.1%})"
    if true == predicted:
        words = f"{classes[true]}: {count:,} right ({share:.1%})"
    number = Markup("")
    if count and len(classes) <= MOST_COUNTED:
        class_ = "count over" if share > 0.25 else "count"
        number = text(x + side / 2, y + side / 2 + 3.5, str(count), class_, "middle")
    return tag("g", hover([words]), box, number)


def _upright(x: float, y: float, words: str) -> Markup:
    return tag("text", words, class_="tick", transform=f"translate({x:.1f} {y:.1f}) rotate(-90)")
