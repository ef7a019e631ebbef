"""How rows and their numbers are said, in a terminal, in markdown and on a page alike."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from bench.results.rows import Row


@dataclass(frozen=True)
class Names:
    """Short names for rows: what all of them share is not repeated."""

    subjects: dict[str, str] = field(default_factory=dict)  # what each is called
    varying: frozenset[str] = frozenset()  # the columns besides that differ
    # By id(row), the file that it comes from; empty where that is the same for all.
    sources: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], sources: Mapping[int, str] | None = None) -> "Names":
        """The names by which these rows can be told apart. sources: their files, by id(row)."""
        seen = defaultdict[str, set[object]](set)
        shorts = defaultdict[str, set[str]](set)
        for row in rows:
            shorts[_short(row)].add(row.subject)
            for name in ("runtime", "provider", "boundary", "threads"):
                seen[name].add(getattr(row, name))
        subjects = {
            subject: short if len(same) == 1 else subject
            for short, same in shorts.items()
            for subject in same
        }
        varying = frozenset(name for name, values in seen.items() if len(values) > 1)
        files = dict(sources or {})
        return cls(subjects, varying, files if len(set(files.values())) > 1 else {})

    def within(self, rows: Iterable[Row]) -> "Names":
        """The same names where only these rows are shown: what they share is left out."""
        return replace(self, varying=Names.of(rows).varying)

    def subject(self, row: Row) -> str:
        """What was measured: the model where that is clear, else the id or file."""
        return self.subjects.get(row.subject, row.subject)

    def variant(self, row: Row) -> str:
        """Precision, and the rest of what it ran on where that differs."""
        parts = [] if row.precision == "file" else [row.precision]
        parts += [
            getattr(row, name)
            for name in ("runtime", "provider", "boundary")
            if name in self.varying
        ]
        return " ".join([*parts, *_graph(row), *self._source(row)])

    def label(self, row: Row, *, subject: bool = True) -> str:
        """The arm where room is scarce: onnxruntime on the CPU goes without saying."""
        parts = [self.subject(row)] if subject else []
        parts += [row.precision] if row.precision != "file" else []
        parts += [row.runtime] if row.runtime != "onnxruntime" and "runtime" in self.varying else []
        parts += [row.provider] if row.provider != "cpu" and "provider" in self.varying else []
        parts += [row.boundary] if row.boundary != "host" and "boundary" in self.varying else []
        return " ".join([*parts, *_graph(row), *self._source(row)])

    def arm(self, row: Row) -> str:
        """Everything of a row but its batch and threads."""
        return " ".join(part for part in (self.subject(row), self.variant(row)) if part)

    def _source(self, row: Row) -> list[str]:
        return [f"[{self.sources[id(row)]}]"] if id(row) in self.sources else []

    def threads(self, row: Row) -> str:
        """Empty where all rows have as many."""
        return count(row.threads, "thread") if "threads" in self.varying else ""

    def cell(self, row: Row) -> str:
        """The whole row."""
        return joined(filter(None, (self.arm(row), f"batch {row.batch}", self.threads(row))))


def _graph(row: Row) -> list[str]:
    return ["CUDA graph"] if row.cuda_graph else []


def _short(row: Row) -> str:
    if row.precision == "file":
        return PurePath(row.subject).name or row.subject
    return row.model or row.subject


def count(number: int, what: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def joined(words: Iterable[str]) -> str:
    """In a list that a person reads."""
    return ", ".join(words)


def figures(value: float, digits: int = 3) -> str:
    """A number to so many significant digits: 0.0123, 1.20, 1,230."""
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}"
    if "e+" in text:
        return f"{float(text):,.0f}"
    return text.rstrip(".")


def span(low: float | None, high: float | None, digits: int = 3) -> str:
    """An interval in brackets, empty where there is none."""
    if low is None or high is None:
        return ""
    return f"({figures(low, digits)} to {figures(high, digits)})"


def p50_text(row: Row) -> str:
    """The median call with its interval, in ms; empty where it was not measured."""
    if row.p50_ms is None:
        return ""
    return f"{figures(row.p50_ms)} ms {span(*(row.p50_interval or (None, None)))}".strip()


def accuracy_text(row: Row) -> str:
    """The accuracy with its interval, in percent; empty where it is not known."""
    if row.accuracy is None:
        return ""
    if row.accuracy_low is None or row.accuracy_high is None:
        return f"{row.accuracy:.2%}"
    return f"{row.accuracy:.2%} ({row.accuracy_low:.2%} to {row.accuracy_high:.2%})"


def ratio_text(row: Row) -> str:
    """Time against the reference arm with its interval; empty where there was no pair."""
    if row.ratio is None:
        return ""
    if row.ratio_low is None or row.ratio_high is None:
        return ratio_figures(row.ratio)
    low, high = ratio_figures(row.ratio_low), ratio_figures(row.ratio_high)
    return f"{ratio_figures(row.ratio)} ({low} to {high})"


def ratio_figures(ratio: float) -> str:
    """A ratio to a thousandth, for most are near 1."""
    return f"{ratio:.3f}" if ratio < 10 else figures(ratio)


def times_slower(ratio: float) -> str:
    """`2.0x`, and `1.07x` where a tenth would be too coarse."""
    return f"{figures(ratio, 2 if ratio >= 2 else 3)}x"


def megabytes(bytes_: float) -> str:
    """A size in MB of 10^6 bytes."""
    return f"{figures(bytes_ / 1e6, 2 if bytes_ < 1e7 else 3)} MB"
