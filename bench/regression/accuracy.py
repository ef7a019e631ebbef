"""Compare the accuracy of a cell that was measured in two sweeps.

Both classified the same images, so only images count that one gets right and the other wrong. If
these are unknown, two bounds remain: the images that changed class or, without predictions, the
shares as if the images were different, which detects far less.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.regression.speed import Outcome
from bench.results.rows import Row
from bench.results.wording import count
from bench.stats.stats import TAIL, mcnemar

Predictions = Mapping[str, NDArray[np.int64]]

CARD = "card"
LABELS = "labels|"  # and the dataset: the key of the true classes among the predictions
_NORMAL = NormalDist()
_Z = _NORMAL.inv_cdf(1 - TAIL)
_HALF = 0.5  # continuity: counts move in whole images


@dataclass(frozen=True)
class AccuracyFinding:
    """The accuracy of base and new, and what was lost."""

    # By images that one gets right and the other wrong, by a bound on their number, by the
    # two shares alone, by shares that a card tells, or unknown.
    how: Literal["images", "classes", "shares", "card", "none"]
    text: str
    base: float | None  # share of the images
    new: float | None
    drop: float | None = None  # in points; above 0 new is worse
    low: float | None = None
    high: float | None = None
    lost: int | None = None  # images that only base has right
    gained: int | None = None  # images that only new has right
    mcnemar_p: float | None = None  # exact, two-sided, that both are right equally often
    outcome: Outcome = "inconclusive"
    p: float | None = None  # one-sided, against "no more than is allowed was lost"
    p_adjusted: float | None = None  # after Holm, over all tests of the comparison


def judge_accuracy(
    base: Row,
    new: Row,
    base_predictions: Predictions,
    new_predictions: Predictions,
    *,
    allowed: float,
) -> AccuracyFinding | None:
    """The finding about accuracy, before Holm; None if base has none. allowed: in points."""
    if base.accuracy is None:
        return None
    if new.accuracy is None:
        reason = f": {new.accuracy_reason}" if new.accuracy_reason else ""
        return AccuracyFinding("none", f"new has no accuracy{reason}", base.accuracy, None)
    if base.dataset != new.dataset:
        text = f"measured on different data: {base.dataset} and {new.dataset}"
        return AccuracyFinding("none", text, base.accuracy, new.accuracy)
    if CARD in (base.accuracy_source, new.accuracy_source):
        return _by_card(base, new, allowed)
    pair = _by_images(base, new, base_predictions, new_predictions)
    if pair is not None:
        lost, gained, images, how = pair
        return _paired(base, new, lost, gained, images, how, allowed)
    return _unchanged(base, new, "shares") or _by_shares(base, new, allowed)


def _unchanged(base: Row, new: Row, how: Literal["shares", "card"]) -> AccuracyFinding | None:
    """The same file with the same accuracy has lost nothing."""
    shares = _shares(base, new)
    if base.sha256 is None or base.sha256 != new.sha256 or shares[0] != shares[1]:
        return None
    text = (
        "the same file, accuracy from its card"
        if how == "card"
        else "the same file, the same accuracy"
    )
    return AccuracyFinding(how, text, *shares, 0.0, outcome="held")


def _by_card(base: Row, new: Row, allowed: float) -> AccuracyFinding:
    """Judge from cards, which say how many images are correct, but not which."""
    unchanged = _unchanged(base, new, "card")
    if unchanged is not None:
        return unchanged
    found = _by_shares(base, new, allowed)
    counts = "" if found.p is not None else ", without counts"
    return replace(
        found, how="card", text=f"shares only, because the card keeps no predictions{counts}"
    )


def _by_images(
    base: Row, new: Row, base_predictions: Predictions, new_predictions: Predictions
) -> tuple[int, int, int, Literal["images", "classes"]] | None:
    """Images lost, gained and in all, and whether the first two are exact or a bound."""
    before, after = base_predictions.get(base.predictions), new_predictions.get(new.predictions)
    if before is None or after is None or len(before) != len(after) or not len(before):
        return None
    if (base.images, new.images) != (len(before), len(after)):
        return None
    key = f"{LABELS}{base.dataset}"
    known = [kept[key] for kept in (base_predictions, new_predictions) if key in kept]
    if len(known) == 2 and not np.array_equal(known[0], known[1]):
        return None  # not the same images
    if known and len(known[0]) == len(before):
        right_before, right_after = before == known[0], after == known[0]
        if (right_before.sum(), right_after.sum()) == (base.correct, new.correct):
            lost = int(np.count_nonzero(right_before & ~right_after))
            gained = int(np.count_nonzero(right_after & ~right_before))
            return lost, gained, len(before), "images"
        return None  # not the predictions that the rows are of
    if base.correct is None or new.correct is None:
        return None
    others, net = int(np.count_nonzero(before != after)), base.correct - new.correct
    if abs(net) > others:
        return None
    return (others + net) // 2, (others - net) // 2, len(before), "classes"


def _paired(
    base: Row,
    new: Row,
    lost: int,
    gained: int,
    images: int,
    how: Literal["images", "classes"],
    allowed: float,
) -> AccuracyFinding:
    low, high = paired_interval(lost, gained, images)
    found = AccuracyFinding(how, "", *_shares(base, new), 100 * (lost - gained) / images)
    found = replace(
        found,
        low=100 * low,
        high=100 * high,
        outcome="held" if not lost or 100 * high <= allowed else "inconclusive",
        p=_NORMAL.cdf(-_score(lost, gained, images, allowed / 100)),
    )
    if how == "classes":
        text = (
            f"{count(lost + gained, 'image')} of {images:,} with a different class, labels not kept"
        )
        return replace(found, text=text)
    text = f"{count(lost, 'image')} lost, {gained} gained of {images:,}"
    p = mcnemar(lost, gained)
    return replace(found, text=text, lost=lost, gained=gained, mcnemar_p=p)


def _score(lost: int, gained: int, images: int, drop: float) -> float:
    """Tango's score statistic (1998) for "the accuracy fell by `drop`", a share; high: by more.

    It has a continuity correction, because at 0.3 points the allowed loss is a handful of images:
    in simulations of 360 and 10,000 images it then keeps its level.
    """
    if drop < 0:
        return -_score(gained, lost, images, -drop)
    a = 2 * images
    b = (a - lost + gained) * drop - lost - gained
    c = -gained * drop * (1 - drop)
    only_gained = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)  # its share, were it so
    variance = images * (2 * only_gained + drop * (1 - drop))
    distance = lost - gained - images * drop
    distance = math.copysign(max(abs(distance) - _HALF, 0.0), distance)
    return distance / math.sqrt(variance) if variance > 0 else 0.0


def paired_interval(lost: int, gained: int, images: int) -> tuple[float, float]:
    """The 95% interval of the net share of images lost: the drops that `_score` accepts.

    lost, gained: images that only one and only the other gets right.
    """
    middle = (lost - gained) / images
    return (
        _edge(lambda drop: _score(lost, gained, images, drop) > _Z, -1.0, middle),
        _edge(lambda drop: _score(lost, gained, images, drop) >= -_Z, middle, 1.0),
    )


def _edge(inside: Callable[[float], bool], low: float, high: float) -> float:
    """The point between `low` and `high` where `inside` becomes false."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if inside(middle) else (low, middle)
    return (low + high) / 2


def _by_shares(base: Row, new: Row, allowed: float) -> AccuracyFinding:
    """Agresti and Caffo (2000): one more right and one more wrong in each, then the plain test."""
    shares = _shares(base, new)
    text = "shares only, because predictions were not kept or are of other images"
    found = AccuracyFinding("shares", text, *shares, 100 * (shares[0] - shares[1]))
    if base.correct is None or new.correct is None or not base.images or not new.images:
        return replace(found, text=f"{text}, without counts")
    middle, variance = 0.0, 0.0
    for sign, correct, images in ((1, base.correct, base.images), (-1, new.correct, new.images)):
        share = (correct + 1) / (images + 2)
        middle += sign * share
        variance += share * (1 - share) / (images + 2)
    error = math.sqrt(variance)
    low, high = middle - _Z * error, middle + _Z * error
    return replace(
        found,
        low=100 * low,
        high=100 * high,
        outcome="held" if 100 * high <= allowed else "inconclusive",
        p=_NORMAL.cdf((allowed / 100 - middle) / error),
    )


def _shares(base: Row, new: Row) -> tuple[float, float]:
    assert base.accuracy is not None
    assert new.accuracy is not None
    return base.accuracy, new.accuracy
