"""The limits of `compare`, and which rows breach them."""

import math
from dataclasses import dataclass

from bench.regression.accuracy import AccuracyFinding
from bench.regression.findings import Breach, Plain, RowFinding, change_text, ratio_text
from bench.regression.speed import SpeedFinding, what_changed
from bench.results.rows import OK, SKIPPED, Row
from bench.results.wording import Names, megabytes
from bench.scenarios.registry import USUAL
from zoo.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """How much worse a new results file may be."""

    max_slowdown: float = 0.05  # share of the time of a call
    max_accuracy_drop: float = 0.3  # in points
    max_growth: float | None = None  # share of the file's size; None for any
    margin: float = 0.02  # differences of time up to this share are called the same

    def __post_init__(self) -> None:
        for name in ("max_slowdown", "max_accuracy_drop", "max_growth", "margin"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                option = f"--{name.replace('_', '-')}"
                raise UsageError(f"{option} is {value:g}; it must be 0 or more.")

    def __str__(self) -> str:
        size = "" if self.max_growth is None else f", {_percent(self.max_growth)} larger"
        return (
            f"{_percent(self.max_slowdown)} slower, {self.max_accuracy_drop:g} points of accuracy "
            f"lost{size}; up to {_percent(self.margin)} counts as the same"
        )


@dataclass(frozen=True)
class Pair:
    """A cell that both files have."""

    base: Row
    new: Row

    @property
    def measured(self) -> bool:
        """Whether it was measured in both."""
        return self.base.status == OK == self.new.status


def _size(base: Row, new: Row, limits: Limits) -> Plain | None:
    if not base.file_bytes or new.file_bytes is None:
        return None
    growth = new.file_bytes / base.file_bytes - 1
    beyond = limits.max_growth is not None and growth > limits.max_growth
    size = megabytes(new.file_bytes)
    text = f"{size} ({100 * growth:+.1f}%)" if new.file_bytes != base.file_bytes else size
    return Plain(text, "breach" if beyond else "held")


def _placement(base: Row, new: Row) -> Plain | None:
    if new.elsewhere and not base.elsewhere:
        return Plain(f"runs elsewhere: {new.elsewhere}", "breach")
    if base.placed_share is None:
        return None
    if new.placed_share is None:
        return Plain("unknown in new", "inconclusive")
    text = _percent(new.placed_share)
    if new.placed_share >= base.placed_share:
        return Plain(text, "held")
    text = f"{_percent(base.placed_share)} -> {text}"
    # Fewer nodes in all, as after a fusion, make the same few elsewhere a larger share.
    fewer = _elsewhere(base) is not None and _elsewhere(base) == _elsewhere(new)
    return Plain(text, "held" if fewer else "breach")


def _elsewhere(row: Row) -> int | None:
    if row.nodes is None or row.placed_share is None:
        return None
    return round(row.nodes * (1 - row.placed_share))


def finding(
    pair: Pair,
    speed: SpeedFinding | None,
    accuracy: AccuracyFinding | None,
    names: Names,
    limits: Limits,
) -> RowFinding:
    """A row's finding with its breaches, after Holm."""
    base, new = pair.base, pair.new
    size = _size(base, new, limits) if pair.measured else None
    placement = _placement(base, new) if pair.measured else None
    what, arm = name_of(new, names), names.arm(new)
    breaches = []
    if base.status == OK and new.status not in (OK, SKIPPED):
        breaches.append(Breach("lost", what, f"{new.status}: {new.reason}"))
    if speed and speed.outcome == "breach":
        breaches.append(Breach("slower", what, f"x{ratio_text(speed)}, {speed.text}"))
    if accuracy and accuracy.outcome == "breach":
        text = f"{change_text(accuracy)}, {accuracy.text}"
        breaches.append(Breach("accuracy", arm, text))
    if placement and placement.outcome == "breach":
        breaches.append(Breach("placement", arm, placement.text))
    if size and size.outcome == "breach":
        breaches.append(Breach("size", _file(new, names), size.text))
    return RowFinding(
        key=new.key,
        what=what,
        changed=what_changed(base, new) if pair.measured else "",
        note=_note(pair),
        speed=speed,
        accuracy=accuracy,
        size=size,
        placement=placement,
        breaches=tuple(breaches),
    )


def _note(pair: Pair) -> str:
    """Why there is nothing to compare, if so."""
    states = [
        f"{row.status} in {name}{f': {row.reason}' if row.reason else ''}"
        for name, row in (("base", pair.base), ("new", pair.new))
        if row.status != OK
    ]
    return "; ".join(states)


def name_of(row: Row, names: Names) -> str:
    """A whole cell, in words."""
    scenario = "" if row.scenario in ("", USUAL) else f", {row.scenario}"
    return f"{names.cell(row)}{scenario}"


def _file(row: Row, names: Names) -> str:
    precision = "" if row.precision == "file" else f" {row.precision}"
    return f"{names.subject(row)}{precision}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g}%"
