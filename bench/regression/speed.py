"""Compare the time of a cell that was measured in two sweeps.

Two results files come from different processes at different times. The ratio of their medians is as
uncertain as the two medians and, above all, as two sweeps of the same thing differ. If both files
contain identical computations (the same file on the same runtime), that spread is measured from
them; otherwise it is assumed. Measuring both again, in turns, is better: if that was done, nothing
else counts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.results.rows import Row
from bench.results.wording import count, figures, times_slower
from bench.stats.ratios import PairedRatio, Verdict, verdict
from bench.stats.stats import TAIL, t_quantile

Outcome = Literal["held", "breach", "inconclusive"]

ASSUMED_SPREAD = 0.05  # sd of log(time) between sweeps, where too few things show it
LEAST_TWINS = 3  # things measured in both sweeps, from which the spread is taken
_KNOWN = 1e6  # degrees of freedom of what is not estimated


@dataclass(frozen=True)
class Spread:
    """How much two sweeps of the same thing differ."""

    sd: float  # of the log-ratio
    df: float  # degrees of freedom
    twins: int  # the things that were measured in both sweeps

    @classmethod
    def of(cls, log_ratios: Sequence[float]) -> "Spread":
        """The spread of the log-ratios of unchanged rows.

        It is taken around zero and not around their mean, because zero is their true value: a
        machine that was slower on one day is part of the spread between sweeps.
        """
        seen = math.sqrt(sum(x * x for x in log_ratios) / max(len(log_ratios), 1))
        if len(log_ratios) < LEAST_TWINS:
            return cls(max(seen, ASSUMED_SPREAD), _KNOWN, len(log_ratios))
        return cls(seen, len(log_ratios), len(log_ratios))

    def __str__(self) -> str:
        share = f"{figures(self.sd * 100, 2)}%"
        if self.twins < LEAST_TWINS:
            return f"spread between sweeps taken as {share}: too few unchanged rows to measure it"
        return f"spread between sweeps {share}, from {self.twins} unchanged rows"


@dataclass(frozen=True)
class SpeedFinding:
    """The time of a call, new / base: above 1, new is slower."""

    # Measured again as a pair, from two sweeps, from two sweeps of the same file on the same
    # runtime, or unknown.
    how: Literal["paired", "sweeps", "identical", "none"]
    text: str
    base_ms: float | None
    new_ms: float | None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    verdict: Verdict = "inconclusive"  # by the margin
    outcome: Outcome = "inconclusive"  # by what is allowed
    beyond: bool = False  # whether the ratio is beyond what is allowed, proven or not
    word: str = ""  # outcome and verdict in a few words
    p: float | None = None  # one-sided: "slower by no more than is allowed"; None: nothing to prove
    p_adjusted: float | None = None  # after Holm, over all tests of the comparison


def same_thing(base: Row, new: Row) -> bool:
    """Whether the computation was identical: file, runtime version, settings and placement."""
    known = base.sha256 is not None and base.runtime_version is not None
    return known and _ran(base) == _ran(new)


def _ran(row: Row) -> tuple[object, ...]:
    return (
        *(row.sha256, row.runtime_version, row.nodes, row.placed_share, row.elsewhere),
        *(row.tf32, row.conv_search, row.computed_in, row.settings),
    )


def what_changed(base: Row, new: Row) -> str:
    """What ran differently, in words; empty if nothing did or it is unknown."""
    changes = ["file"] if base.sha256 != new.sha256 else []
    for name in ("runtime_version", "nodes", "tf32", "conv_search", "computed_in", "settings"):
        before, after = getattr(base, name), getattr(new, name)
        if before != after:
            changes.append(f"{name.replace('_', ' ')} {before} -> {after}")
    return ", ".join(changes)


def log_ratio(base: Row, new: Row) -> float | None:
    """The log-ratio of the medians; None if one is missing."""
    if base.p50_ms is None or new.p50_ms is None or min(base.p50_ms, new.p50_ms) <= 0:
        return None
    return math.log(new.p50_ms / base.p50_ms)


def sweeps_ratio(base: Row, new: Row, spread: Spread) -> PairedRatio | None:
    """The ratio of the medians of two sweeps; None if a median or its interval is missing."""
    mean, base_part, new_part = log_ratio(base, new), _error(base), _error(new)
    if mean is None or base_part is None or new_part is None:
        return None
    parts = [(spread.sd, spread.df), base_part, new_part]
    error = math.hypot(*(sd for sd, _ in parts))
    # Welch-Satterthwaite
    df = 1 / sum((sd / error) ** 4 / df for sd, df in parts) if error else _KNOWN
    half = t_quantile(1 - TAIL, df) * error
    low, high = _exp(mean - half), _exp(mean + half)
    return PairedRatio(_exp(mean), low, high, 1, (base.n or 0) + (new.n or 0), mean, error, df)


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))  # beyond, a float is too small


def _error(row: Row) -> tuple[float, float] | None:
    """The standard error of log(p50) and its degrees of freedom, from the interval over blocks."""
    if row.p50_interval is None:
        return None
    low, high = row.p50_interval
    df = _KNOWN if row.blocks is None else max(row.blocks - 1, 1)
    return math.log(high / low) / 2 / t_quantile(1 - TAIL, df), df


def judge_speed(
    base: Row,
    new: Row,
    measured_again: PairedRatio | None,
    spread: Spread,
    *,
    allowed: float,
    margin: float,
) -> SpeedFinding:
    """The finding about the time of a call, before Holm. allowed, margin: shares, 0.05 for 5%."""
    found = _found(base, new, measured_again, spread, allowed=allowed, margin=margin)
    found = replace(found, beyond=found.ratio is not None and found.ratio > 1 + allowed)
    if found.how != "paired" and base.machine != new.machine:
        return replace(found, word="not comparable: two machines")
    return replace(found, word=_word(found, allowed))


def _found(
    base: Row,
    new: Row,
    measured_again: PairedRatio | None,
    spread: Spread,
    *,
    allowed: float,
    margin: float,
) -> SpeedFinding:
    times = base.p50_ms, new.p50_ms
    if measured_again is not None:
        text = f"measured again in turns, {count(measured_again.instances, 'instance')}"
        return _judged(SpeedFinding("paired", text, *times), measured_again, allowed, margin)
    if base == new and base.p50_ms is not None:
        found = SpeedFinding("identical", "the same measurement in both files", *times)
        return replace(found, ratio=1.0, low=1.0, high=1.0, verdict="same", outcome="held")
    ratio = sweeps_ratio(base, new, spread)
    if ratio is None:
        lacking = [
            name
            for name, row in (("base", base), ("new", new))
            if (row.p50_ms or 0) <= 0 or _error(row) is None
        ]
        found = SpeedFinding("none", f"no p50 with an interval in {' and '.join(lacking)}", *times)
        log = log_ratio(base, new)
        return found if log is None else replace(found, ratio=_exp(log))
    one_machine = base.machine == new.machine
    sweeps = "two sweeps" if one_machine else "two machines, not measured again"
    if not same_thing(base, new):
        text = f"{sweeps}, {spread}" if one_machine else sweeps
        found = _judged(SpeedFinding("sweeps", text, *times), ratio, allowed, margin)
        return found if one_machine else _unproven(found, "inconclusive")
    found = SpeedFinding("identical", f"same file, same runtime, {sweeps}", *times)
    found = _judged(found, ratio, allowed, margin)
    if not one_machine:
        return _unproven(found, "held")
    # The same computation cannot have got slower. A slower machine is not a breach by the model.
    if ratio.ratio <= 1 + allowed:
        return replace(found, outcome="held", p=None)
    if ratio.low <= 1 + allowed:
        return replace(found, outcome="inconclusive", p=None)
    text = f"{found.text}; so the machine or its settings changed, not the model"
    return replace(found, text=text, outcome="inconclusive", p=None)


def _word(found: SpeedFinding, allowed: float) -> str:
    if found.verdict in ("same", "faster"):
        return found.verdict
    if found.ratio is None:
        return "time unknown"
    slower = f"{times_slower(found.ratio)} slower"
    if found.how == "identical" and (found.low or 0) > 1 + allowed:
        return f"{slower}, by the machine"
    if found.beyond:
        return f"{slower}, too noisy to prove"
    if found.high is not None and found.high <= 1 + allowed:
        return f"{found.verdict}, within the limit"
    return found.verdict if found.how == "identical" else f"{found.verdict}, limit undecided"


def _judged(found: SpeedFinding, ratio: PairedRatio, allowed: float, margin: float) -> SpeedFinding:
    known = math.isfinite(ratio.low) and math.isfinite(ratio.high)
    return replace(
        found,
        ratio=ratio.ratio,
        low=ratio.low if known else None,
        high=ratio.high if known else None,
        verdict=verdict(ratio, margin),
        outcome="held" if ratio.high <= 1 + allowed else "inconclusive",
        p=ratio.p_slower(allowed),
    )


def _unproven(found: SpeedFinding, outcome: Outcome) -> SpeedFinding:
    return replace(found, verdict="inconclusive", outcome=outcome, p=None)
