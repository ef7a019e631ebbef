"""Comparisons of A and B in words: which is faster, and do they give the same answers?"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from bench.results.accuracy import doubts
from bench.results.rows import OK, USUAL, Row
from bench.results.wording import count, figures, joined, ratio_figures
from bench.stats.stats import TAIL, relative_half_width

_FILE = "file"  # the precision of a third-party file
_APART = 0.05  # what many a script would report as a change


def names_of(row: Row) -> tuple[str, str]:
    """The shortest names that distinguish A and B."""
    subjects = [row.reference_subject or row.subject, row.subject]
    precisions = [row.reference_precision or "", row.precision]
    runtimes = [row.reference_runtime or "", row.runtime]
    short = [
        PurePath(subject).name if precision == _FILE else subject
        for subject, precision in zip(subjects, precisions, strict=True)
    ]
    if short[0] == short[1] and subjects[0] != subjects[1]:
        short = subjects
    names = []
    for subject, precision, runtime in zip(short, precisions, runtimes, strict=True):
        parts = [subject] if precision == _FILE else [subject, precision]
        parts += [f"in {runtime}"] if runtimes[0] != runtimes[1] else []
        names.append(" ".join(parts))
    a, b = names
    return (a, b) if a != b else (f"{a} (A)", f"{b} (B)")


@dataclass(frozen=True)
class Comparisons:
    """One comparison, or a series of the same; at least one row."""

    rows: tuple[Row, ...]

    @property
    def row(self) -> Row:
        """The most informative row: the last measured one with an accuracy."""
        known = [row for row in self.rows if row.status == OK and row.agreement is not None]
        fine = [row for row in self.rows if row.status == OK]
        return (known or fine or list(self.rows))[-1]

    @property
    def measured(self) -> list[Row]:
        """The comparisons that were measured."""
        return [row for row in self.rows if row.status == OK and row.ratio is not None]

    def answer(self) -> str:
        """Which is faster, in a sentence."""
        if len(self.measured) < len(self.rows):
            failed = next(row for row in self.rows if row not in self.measured)
            of = f" in {len(self.rows) - len(self.measured)} of {len(self.rows)} comparisons"
            return f"no answer: {failed.reason}{of if len(self.rows) > 1 else ''}"
        if len(self.rows) == 1:
            return _answer(self.rows[0])
        return _answer_of_many(self.rows)

    def lines(self) -> list[str]:
        """The remaining facts, one line each."""
        return [
            *(_spread(self.measured) if len(self.measured) > 1 else ()),
            *_about_answers(self.row),
            *(f"warning: {told}" for told in doubts(self.row)),
        ]


def series_of(rows: Iterable[Row]) -> list[Comparisons]:
    """The comparisons among rows, grouped by question."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        if row.is_comparison:
            reference = (row.reference_subject, row.reference_precision, row.reference_runtime)
            found.setdefault((*row.key[:-1], *reference, row.machine, row.way), []).append(row)
    return [Comparisons(tuple(some)) for some in found.values()]


def _answer(row: Row) -> str:
    a, b = names_of(row)
    assert row.ratio is not None
    low, high, margin = row.ratio_low, row.ratio_high, _percent(row.margin or 0)
    if row.way == USUAL:
        return (
            f"{b} takes {ratio_figures(row.ratio)} times as long as {a}, by their medians; "
            "--way usual gives no interval, so this is not conclusive"
        )
    if low is None or high is None:
        return f"undecided: {b} takes {ratio_figures(row.ratio)} times as long as {a}, no interval"
    if row.verdict == "faster":
        return f"{b} is {_times(1 / row.ratio)} faster than {a} ({_span(1 / high, 1 / low)})"
    if row.verdict == "slower":
        return f"{b} is {_times(row.ratio)} slower than {a} ({_span(low, high)})"
    ends = f"{ratio_figures(low)} to {ratio_figures(high)}"
    if row.verdict == "same":
        return (
            f"{b} and {a} take the same time (ratio {ratio_figures(row.ratio)}, {ends}; within the "
            f"margin of {margin})"
        )
    return (
        f"undecided: {b} takes {ratio_figures(row.ratio)} times as long as {a} ({ends}; the margin "
        f"is {margin}); raise --seconds or --instances for a narrower interval"
    )


def _answer_of_many(rows: Sequence[Row]) -> str:
    a, b = names_of(rows[0])
    ratios = np.array([row.ratio for row in rows], float)
    middle, least, most = float(np.median(ratios)), float(ratios.min()), float(ratios.max())
    of = f"{len(rows)} comparisons"
    every = "both comparisons" if len(rows) == 2 else f"all {of}"
    verdicts = Counter(row.verdict for row in rows if row.verdict)
    if not verdicts:
        return (
            f"{b} takes {ratio_figures(middle)} times as long as {a} (median of {of}, range "
            f"{ratio_figures(least)} to {ratio_figures(most)}); without intervals this is "
            "not conclusive"
        )
    agreed = next(iter(verdicts)) if len(verdicts) == 1 else None
    if agreed == "faster":
        ends = f"{_times(1 / most)} to {_times(1 / least)}"
        return f"{b} is {_times(1 / middle)} faster than {a} in {every} (median; range {ends})"
    if agreed == "slower":
        ends = f"{_times(least)} to {_times(most)}"
        return f"{b} is {_times(middle)} slower than {a} in {every} (median; range {ends})"
    ends = f"median ratio {ratio_figures(middle)}, range {ratio_figures(least)} to "
    ends += f"{ratio_figures(most)}"
    if agreed == "same":
        return f"{b} and {a} take the same time in {every} ({ends})"
    told = joined(f"{verdict} in {number}" for verdict, number in verdicts.most_common())
    return f"undecided: {b} against {a} is {told} of {of} ({ends})"


def _spread(rows: Sequence[Row]) -> Iterator[str]:
    """How much the comparisons of a series differ."""
    intervals = [
        (row.ratio_low, row.ratio_high)
        for row in rows
        if row.ratio_low is not None and row.ratio_high is not None
    ]
    if intervals:
        half = float(np.median([relative_half_width(low, high) for low, high in intervals]))
        apart = sum(not low <= 1 <= high for low, high in intervals)
        yield (
            f"the ratio is uncertain by about {half:.2%} (median); "
            f"equal speed is ruled out in {apart} of {len(intervals)} comparisons"
        )
    ratios = np.array([row.ratio for row in rows], float)
    apart = int((np.abs(np.log(ratios)) > np.log1p(_APART)).sum())
    yield f"the ratio is more than {_APART:.0%} away from 1 in {apart} of {len(rows)} comparisons"


def _about_answers(row: Row) -> Iterator[str]:
    if row.shown_images is None:
        return
    if row.agreement is not None and row.images:
        yield _right(row)
        yield _alike(row.agreement, row.max_difference, row.images, "test images", row.answers_as)
    else:
        kind = "timed images"
        if row.same_answers:
            yield f"both give the same answers to the {count(row.shown_images, 'image')} timed"
        else:
            yield _alike(
                *(row.shown_agreement or 0.0, row.shown_difference, row.shown_images, kind),
                row.answers_as,
            )
        reason = row.accuracy_reason or "it was not measured"
        if row.accuracy is not None:
            yield f"accuracy is quoted from the cards: {reason}"
        else:
            yield f"speed only, no accuracy: {reason}"
    if row.classes_matched:
        yield row.classes_matched


def _right(row: Row) -> str:
    a, b = names_of(row)
    correct, before, images = row.correct or 0, row.reference_correct or 0, row.images or 1
    if correct == before:
        return f"both classify {correct:,} of {images:,} test images correctly"
    points, word = 100 * (before - correct) / images, "fewer" if correct < before else "more"
    chance = f"the difference is {'' if is_beyond_chance(row) else 'not '}beyond chance"
    return (
        f"{b} classifies {abs(points):.2f} points {word} test images correctly than {a} "
        f"({correct:,} and "
        f"{before:,} of {images:,}); {chance} (McNemar's exact test, p = {row.mcnemar_p:.2g})"
    )


def is_beyond_chance(row: Row) -> bool:
    """Whether the accuracies of A and B differ significantly, at 5%."""
    return row.mcnemar_p is not None and row.mcnemar_p < 2 * TAIL


def _alike(
    agreement: float, difference: float | None, images: int, what: str, kind: str | None
) -> str:
    same = round(agreement * images)
    whose = "all" if same == images else f"{same:,} of"
    share = "" if same == images else f" ({agreement:.2%})"
    apart = f"; their {kind or 'logits'} differ by up to {figures(difference or 0.0, 2)}"
    return f"both give the same class to {whose} {images:,} {what}{share}{apart}"


def _times(ratio: float) -> str:
    return f"{figures(ratio)}x"


def _span(low: float, high: float) -> str:
    return f"{_times(low)} to {_times(high)}, 95% interval"


def _percent(share: float) -> str:
    return f"{100 * share:g}%"
