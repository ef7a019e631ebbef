"""What `compare` found, and how it is printed: as text, JSON or markdown."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from bench.regression.accuracy import AccuracyFinding
from bench.regression.speed import Outcome, SpeedFinding
from bench.results.wording import count, figures
from zoo.escaping import markdown as _escaped
from zoo.escaping import printable

BreachKind = Literal["slower", "accuracy", "placement", "size", "lost"]
Key = tuple[str, str, str, str, str, int, int, str, bool]
_FEW = 4  # rows that are named, not counted


@dataclass(frozen=True)
class Plain:
    """A figure without an interval: placement, size."""

    text: str
    outcome: Outcome


@dataclass(frozen=True)
class Breach:
    """Something that provably got worse than allowed."""

    kind: BreachKind
    what: str  # of which cell, arm or file
    text: str


@dataclass(frozen=True)
class RowFinding:
    """A cell that both files have. None: nothing to compare."""

    key: Key
    what: str  # the cell, in words
    changed: str  # what ran differently, such as `file`
    note: str  # why there is nothing to compare
    speed: SpeedFinding | None
    accuracy: AccuracyFinding | None
    size: Plain | None
    placement: Plain | None
    breaches: tuple[Breach, ...]

    @property
    def inconclusive(self) -> tuple[str, ...]:
        """The limits that are proven neither broken nor kept."""
        parts = {
            "time": self.speed,
            "accuracy": self.accuracy,
            "size": self.size,
            "placement": self.placement,
        }
        return tuple(
            name for name, part in parts.items() if part and part.outcome == "inconclusive"
        )

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.breaches:
            return f"BREACH: {', '.join(breach.kind for breach in self.breaches)}"
        words = []
        if self.speed:
            identical = " (same file and runtime)" if self.speed.how == "identical" else ""
            words.append(f"{self.speed.word}{identical}")
        words += [f"{name} undecided" for name in self.inconclusive if name != "time"]
        return "; ".join(words) or self.note or "as before"


@dataclass(frozen=True)
class Comparison:
    """The comparison of two results files."""

    base: str
    new: str
    limits: str  # what is allowed, in words
    rows: tuple[RowFinding, ...]
    added: tuple[str, ...]  # cells that only the new file has
    removed: tuple[str, ...]  # cells that only the base file has
    breaches: tuple[Breach, ...]  # each once, even if several rows show it
    notes: tuple[str, ...]  # notes on all rows
    strict: bool  # whether undecided rows count as failures
    proofs: tuple[str, ...] = ()  # how undecided rows can be decided

    @property
    def inconclusive(self) -> int:
        """The rows with a limit that is proven neither broken nor kept."""
        return sum(bool(row.inconclusive) for row in self.rows)

    @property
    def exit_code(self) -> int:
        """1 if something is proven worse than allowed or, if strict, is undecided."""
        return int(bool(self.breaches) or (self.strict and self.inconclusive > 0))

    @property
    def summary(self) -> str:
        """The comparison in one line."""
        breaches = f"{len(self.breaches)} proven breach{'es' if len(self.breaches) > 1 else ''}"
        parts = [
            breaches if self.breaches else "no proven breach",
            f"{count(len(self.rows), 'row')} compared",
            f"{self.inconclusive} inconclusive",
            f"{len(self.added)} added",
            f"{len(self.removed)} removed",
        ]
        return ", ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Everything, as JSON for a script."""
        found = asdict(self)
        for row, told in zip(self.rows, found["rows"], strict=True):
            told |= {"verdict": row.verdict, "inconclusive": row.inconclusive}
        own = {"summary": self.summary, "exit_code": self.exit_code}
        return own | found | {"inconclusive": self.inconclusive}

    def lines(self) -> list[str]:
        """The lines to print in a terminal."""
        table = [[row.verdict, row.what, *_cells(row)] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [f"{self.new} against {self.base}: {self.summary}", f"allowed: {self.limits}"]
        lines += self.notes
        lines += [f"BREACH {breach.kind}: {breach.what}: {breach.text}" for breach in self.breaches]
        for cells in table:
            padded = (f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True) if width)
            lines.append("  ".join(padded).rstrip())
        lines += [f"{which}: {text}" for which, text in _ways(self.rows)]
        lines += [f"to prove it: {text}" for text in self.proofs]
        lines += [f"added    {what}" for what in self.added]
        lines += [f"removed  {what}" for what in self.removed]
        return [printable(line) for line in lines]

    def markdown(self) -> str:
        """A comment on a pull request: the summary and the important points; the rest is folded."""
        telling = [row for row in self.rows if row.breaches or row.inconclusive]
        parts = [f"**Benchmark: {self.summary}**", f"Allowed: {_escaped(self.limits)}."]
        if self.breaches:
            parts.append(
                "\n".join(
                    f"- **{breach.kind}**: {_escaped(breach.what)}: {_escaped(breach.text)}"
                    for breach in self.breaches
                )
            )
        if telling:
            parts.append(_table(telling))
        if self.rows:
            parts.append(_folded(f"All rows ({len(self.rows)})", _table(self.rows)))
        parts += [f"To prove it: {_escaped(text)}" for text in self.proofs]
        how = [f"- {_escaped(note)}" for note in self.notes]
        how += [f"- {_escaped(which)}: {_escaped(text)}" for which, text in _ways(self.rows)]
        if how:
            parts.append(_folded("How it was compared", "\n".join(how)))
        for title, cells in (("Added", self.added), ("Removed", self.removed)):
            if cells:
                told = "\n".join(f"- {_escaped(what)}" for what in cells)
                parts.append(_folded(f"{title} ({len(cells)})", told))
        return "\n\n".join(parts) + "\n"


def _cells(row: RowFinding) -> list[str]:
    """Time, accuracy, size, placement; empty if there is nothing to compare."""
    plain = [part.text if part else "" for part in (row.size, row.placement)]
    return [_time(row.speed), _accuracy(row.accuracy), *plain]


def _time(speed: SpeedFinding | None) -> str:
    if speed is None or speed.ratio is None:
        return ""
    return f"x{ratio_text(speed)}, {'no interval' if speed.how == 'none' else speed.how}"


def ratio_text(speed: SpeedFinding) -> str:
    """New / base, with its interval: `1.21 (1.18 to 1.24)`."""
    if speed.ratio is None or speed.low is None or speed.high is None:
        return "" if speed.ratio is None else figures(speed.ratio)
    return f"{speed.ratio:.3f} ({speed.low:.3f} to {speed.high:.3f})"


def _accuracy(accuracy: AccuracyFinding | None) -> str:
    if accuracy is None or accuracy.drop is None:
        return ""
    return f"{change_text(accuracy)}, {accuracy.how}"


def change_text(accuracy: AccuracyFinding) -> str:
    """New - base, with its interval: `-0.40 points (-0.60 to -0.20)`; a loss is below 0."""
    if accuracy.drop is None:
        return ""
    text = f"{_signed(-accuracy.drop)} points"
    if accuracy.low is None or accuracy.high is None:
        return text
    return f"{text} ({_signed(-accuracy.high)} to {_signed(-accuracy.low)})"


def _signed(points: float) -> str:
    return f"{round(points, 2) + 0.0:+.2f}"  # + 0.0: no minus before nothing


def _ways(rows: Sequence[RowFinding]) -> list[tuple[str, str]]:
    """How rows were compared; what several share is said once."""
    told = defaultdict[tuple[str, str], list[str]](list)
    for row in rows:
        ways = [("changed in ", row.changed), ("", row.note)]
        ways += [("time of ", row.speed.text)] if row.speed else []
        ways += [("accuracy of ", row.accuracy.text)] if row.accuracy else []
        for way in ways:
            if way[1]:
                told[way].append(row.what)
    return [(f"{of}{_which(whats, len(rows))}", text) for (of, text), whats in told.items()]


def _which(whats: list[str], of: int) -> str:
    if len(whats) == of > 1:
        return f"all {of} rows"
    return "; ".join(whats) if len(whats) <= _FEW else f"{len(whats)} rows"


def _table(rows: Iterable[RowFinding]) -> str:
    heading = ("what", "verdict", "time, new / base", "accuracy", "size", "placement")
    lines = [heading, ("---",) * len(heading)]
    lines += [
        (_escaped(row.what), _escaped(row.verdict), *map(_escaped, _cells(row))) for row in rows
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"
