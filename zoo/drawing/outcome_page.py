"""The HTML page of `test`: where a model is right and wrong, with images and no script."""

from collections.abc import Sequence

from zoo.drawing.confusion import SHADES, Cell
from zoo.drawing.curves import draw_panel, panels
from zoo.drawing.heatmap import draw_confusion
from zoo.drawing.markup import Markup, document, tag
from zoo.drawing.outcome import Group, Outcome, Shot, groups, shot_uri
from zoo.drawing.palette import BLUE
from zoo.drawing.series import Series, draw_series
from zoo.drawing.style import OUTCOME
from zoo.drawing.svg import symbol
from zoo.intervals import Accuracy
from zoo.runs.history import EpochRow
from zoo.scores import Calibration, ClassScore

MOST_CLASSES = 150  # whose matrix can be read
_WIDTH = 560  # of the matrix, in pixels
_WORST = 24
_CONFUSIONS = 12
_LONGEST_NAME = 60
_LEAST = 10  # images of a group whose accuracy is drawn


def draw_outcome(outcome: Outcome, beside: Sequence[str] = ()) -> str:
    """The whole file. beside: the names of files in its folder."""
    found = groups(outcome)
    title = f"Test of {outcome.id}"
    origin = f"{outcome.accuracy.images:,} test images of {outcome.data}, in fp32, without views"
    body = [
        tag("header", tag("h1", title), tag("p", origin)),
        tag(
            "main",
            _figures(outcome),
            _matrix(outcome, found),
            _confusions(outcome, found),
            _worst(outcome),
            _per_class(outcome),
            _calibration(outcome.calibration),
            _curves(outcome.history),
            _files(beside),
        ),
        tag("footer", "This page holds everything it shows and fetches nothing."),
    ]
    return document(title, OUTCOME, body)


def _figures(outcome: Outcome) -> Markup:
    """The answers that come first."""

    def share(accuracy: Accuracy) -> tuple[str, str]:
        return f"{accuracy.share:.2%}", f"95% interval {accuracy.low:.2%} to {accuracy.high:.2%}"

    wrong = outcome.accuracy.images - outcome.accuracy.correct
    facts = [("Accuracy", *share(outcome.accuracy))]
    if outcome.with_views:
        facts.append(("With test-time views", *share(outcome.with_views)))
    if outcome.top5:
        facts.append(("Top-5 accuracy", *share(outcome.top5)))
    facts.append(("Wrong", f"{wrong:,}", f"of {outcome.accuracy.images:,} images"))
    mean = float(outcome.confidences.mean()) if len(outcome.confidences) else 0.0
    facts.append(
        (
            "Calibration error",
            f"{100 * outcome.calibration.error:.1f} points",
            f"mean confidence {mean:.1%}",
        )
    )
    cards = [
        tag("div", tag("dt", term), tag("dd", tag("b", value), tag("small", note)), class_="card")
        for term, value, note in facts
    ]
    return tag("section", tag("dl", *cards, class_="cards"), id="figures")


def _matrix(outcome: Outcome, found: Sequence[Group]) -> Markup:
    """The confusion matrix, and beside it the images of the cell that was chosen."""
    links = {(one.cell.true, one.cell.predicted): f"#{_id(one.cell)}" for one in found}
    if len(outcome.classes) > MOST_CLASSES:
        drawn = tag("p", f"A matrix of {len(outcome.classes):,} classes is not drawn.")
    else:
        drawn = draw_confusion(outcome.confusion, _WIDTH, links)
    hint = tag("p", "Choose a cell to see its images.", class_="hint")
    lead = f"Rows are true classes, columns are predicted ones. {SHADES}"
    return tag(
        "section",
        tag("h2", "Confusion matrix"),
        tag("p", lead, class_="lead"),
        tag(
            "div",
            tag("figure", drawn),
            tag("div", hint, *(_group(one, outcome) for one in found), class_="cells"),
            class_="beside",
        ),
        id="confusion",
    )


def _group(one: Group, outcome: Outcome) -> Markup:
    cell, count = one.cell, len(one.shots)
    right = cell.true == cell.predicted
    true, predicted = _name(outcome, cell.true), _name(outcome, cell.predicted)
    title = f"{true}, recognised" if right else f"{true}, predicted as {predicted}"
    order = "least confident" if right else "most confident"
    images = "1 image" if cell.count == 1 else f"{cell.count:,} images"
    told = f"{images}, {cell.share:.1%} of the class"
    if count < cell.count:
        told += f"; the {count} {order} ones" if count > 1 else f"; the {order} one"
    return tag(
        "section",
        tag("h3", title),
        tag("p", f"{told}. ", tag("a", "Back to the matrix", href="#confusion")),
        tag("div", *map(_shot, one.shots), class_="shots"),
        id=_id(cell),
    )


def _shot(shot: Shot) -> Markup:
    caption = tag("figcaption", f"{shot.confidence:.0%}", tag("small", f"image {shot.index}"))
    image = tag("img", src=shot.uri, alt=f"test image {shot.index}", loading="lazy")
    return tag("figure", image, caption)


def _confusions(outcome: Outcome, found: Sequence[Group]) -> Markup:
    """The cells off the diagonal with the most images."""
    wrong = [one.cell for one in found if one.cell.true != one.cell.predicted][:_CONFUSIONS]
    if not wrong:
        return Markup("")
    rows = [
        (
            tag("th", _name(outcome, cell.true), scope="row"),
            tag("td", _name(outcome, cell.predicted)),
            tag("td", tag("a", f"{cell.count:,}", href=f"#{_id(cell)}"), class_="number"),
            tag("td", f"{cell.share:.1%}", class_="number"),
        )
        for cell in wrong
    ]
    return tag(
        "section",
        tag("h2", "Most frequent confusions"),
        _table(("true class", "predicted as", "images", "of the class"), 2, rows),
        id="confusions",
    )


def _worst(outcome: Outcome) -> Markup:
    """The mistakes in which the true class got the least probability."""
    worst = outcome.mistakes()[:_WORST].tolist()
    if not worst:
        return Markup("")
    drawn = []
    for index in worst:
        true, predicted = int(outcome.labels[index]), int(outcome.predictions[index])
        told = f"image {index}; {outcome.probabilities[index, true]:.1%} for the true class"
        caption = tag(
            "figcaption",
            f"{_name(outcome, true)}, predicted as {_name(outcome, predicted)} "
            f"({outcome.confidences[index]:.0%})",
            tag("small", told),
        )
        uri = shot_uri(outcome.images[index])
        image = tag("img", src=uri, alt=f"test image {index}", loading="lazy")
        drawn.append(tag("figure", image, caption))
    return tag(
        "section",
        tag("h2", "Worst mistakes"),
        tag("p", "The true class got the least probability.", class_="lead"),
        tag("div", *drawn, class_="shots wide-shots"),
        id="mistakes",
    )


def _per_class(outcome: Outcome) -> Markup:
    rows = [_score_row(_name(outcome, at), score) for at, score in enumerate(outcome.scores)]
    lead = (
        "Recall is the accuracy of the class: the share of its images that were recognised. "
        "Precision is the share of its predictions that were right; F1 is their harmonic mean."
    )
    headings = ("class", "images", "predicted", "recall", "precision", "F1")
    return tag(
        "section",
        tag("h2", "Classes"),
        tag("p", lead, class_="lead"),
        _table(headings, 1, rows),
        id="classes",
    )


def _score_row(name: str, score: ClassScore) -> tuple[Markup, ...]:
    shares = [
        "none" if share is None else f"{share:.1%}"
        for share in (score.recall, score.precision, score.f1)
    ]
    cells = [f"{score.images:,}", f"{score.predictions:,}", *shares]
    return (
        tag("th", name, scope="row"),
        *(tag("td", words, class_="number") for words in cells),
    )


def _calibration(calibration: Calibration) -> Markup:
    """Accuracy over confidence."""
    points = [
        (100 * one.confidence, 100 * one.accuracy)
        for one in calibration.bins
        if one.images >= _LEAST
    ]
    if not points:
        return Markup("")
    gap = sum(one.images * (one.confidence - one.accuracy) for one in calibration.bins)
    tendency = "too confident" if gap > 0 else "not confident enough"

    def mark(x: float, y: float) -> Markup:
        return symbol("circle", x, y, f"mark solid s{BLUE}", 3.5)

    chart = draw_series(
        [
            Series("", [(0, 0), (100, 100)], "", quiet=True),
            Series("", points, f"s{BLUE}", mark=mark, unit="% right"),
        ],
        about="Accuracy of predictions over their confidence",
        x_label="confidence, %",
        y_label="accuracy, %",
    )
    lead = (
        "Predictions in groups of similar confidence. On the grey line, a confidence of 80% means "
        "being right in 80% of cases; below the line the model is too confident. The expected "
        f"calibration error (ECE), {100 * calibration.error:.1f} points, is the mean distance "
        f"from the line, weighted by images. Overall, this model is {tendency}. Groups of fewer "
        f"than {_LEAST} images are not drawn."
    )
    return tag(
        "section",
        tag("h2", "Calibration"),
        tag("p", lead, class_="lead"),
        tag("figure", chart),
        id="calibration",
    )


def _curves(history: Sequence[EpochRow]) -> Markup:
    if not history:
        return Markup("")
    drawn = [
        tag("figure", tag("figcaption", panel.title), draw_panel(panel))
        for panel in panels(history)
    ]
    lead = "Training figures are over the augmented images that the network saw."
    return tag(
        "section",
        tag("h2", "Training"),
        tag("p", lead, class_="lead"),
        tag("div", *drawn, class_="grid-of pairs"),
        id="training",
    )


def _files(names: Sequence[str]) -> Markup:
    if not names:
        return Markup("")
    items = [tag("li", tag("a", name, href=name)) for name in names]
    return tag(
        "section",
        tag("h2", "Beside this page"),
        tag("ul", *items),
        id="files",
    )


def _table(
    headings: Sequence[str], first_number: int, rows: Sequence[tuple[Markup, ...]]
) -> Markup:
    heads = [
        tag("th", name, scope="col", class_="number" if at >= first_number else None)
        for at, name in enumerate(headings)
    ]
    body = [tag("tr", *cells) for cells in rows]
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *body))
    return tag("div", table, class_="scroll", tabindex="0")


def _id(cell: Cell) -> str:
    return f"cell-{cell.true}-{cell.predicted}"


def _name(outcome: Outcome, label: int) -> str:
    """A class name, shortened if it is very long."""
    name = outcome.classes[label]
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
