"""The wording of rows and their figures, shared by the terminal, markdown and the page."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from bench.results.rows import Row

_DIGITS = range(3, 7)  # digits of a figure with an interval: a narrow one takes more


@dataclass(frozen=True)
class Names:
    """Short names for rows, without what all of them share."""

    subjects: dict[str, str] = field(default_factory=dict)  # what each is called
    varying: frozenset[str] = frozenset()  # the columns besides that differ
    # By id(row), the file that it comes from; empty if that is the same for all.
    sources: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], sources: Mapping[int, str] | None = None) -> "Names":
        """Names that distinguish these rows. sources: their files, by id(row)."""
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
        """Names for only these rows, without what they share."""
        return replace(self, varying=Names.of(rows).varying)

    def subject(self, row: Row) -> str:
        """What was measured: the model if that is unambiguous, else the id or file."""
        return self.subjects.get(row.subject, row.subject)

    def variant(self, row: Row) -> str:
        """Precision, and what else it ran on if that differs."""
        parts = [] if row.precision == "file" else [row.precision]
        parts += [
            getattr(row, name)
            for name in ("runtime", "provider", "boundary")
            if name in self.varying
        ]
        return " ".join([*parts, *_graph(row), *self._source(row)])

    def label(self, row: Row, *, subject: bool = True) -> str:
        """A short name of the arm, which omits onnxruntime on the CPU."""
        parts = [self.subject(row)] if subject else []
        parts += [row.precision] if row.precision != "file" else []
        parts += [row.runtime] if row.runtime != "onnxruntime" and "runtime" in self.varying else []
        parts += [row.provider] if row.provider != "cpu" and "provider" in self.varying else []
        parts += [row.boundary] if row.boundary != "host" and "boundary" in self.varying else []
        return " ".join([*parts, *_graph(row), *_number(row), *self._source(row)])

    def arm(self, row: Row) -> str:
        """Everything that identifies a row except batch and threads."""
        return " ".join(part for part in (self.subject(row), self.variant(row)) if part)

    def _source(self, row: Row) -> list[str]:
        return [f"[{self.sources[id(row)]}]"] if id(row) in self.sources else []

    def threads(self, row: Row) -> str:
        """The threads; empty if all rows have the same number."""
        return count(row.threads, "thread") if "threads" in self.varying else ""

    def cell(self, row: Row) -> str:
        """The whole row."""
        parts = (self.arm(row), f"batch {row.batch}", self.threads(row), *_number(row))
        return joined(filter(None, parts))


def _graph(row: Row) -> list[str]:
    return ["CUDA graph"] if row.cuda_graph else []


def _number(row: Row) -> list[str]:
    """The number of a comparison in its series."""
    return [f"comparison {row.repeat}"] if row.repeat else []


def _short(row: Row) -> str:
    if row.precision == "file":
        return PurePath(row.subject).name or row.subject
    return row.model or row.subject


def count(number: int, what: str) -> str:
    """`1 thread`, `2 threads`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def joined(words: Iterable[str]) -> str:
    """Join items for a human reader."""
    return ", ".join(words)


def figures(value: float, digits: int = 3) -> str:
    """A number with so many significant digits: 0.0123, 1.20, 1,230."""
    if value == 0:
        return "0"
    text = f"{value:#.{digits}g}"
    if "e+" in text:
        return f"{float(text):,.0f}"
    return text.rstrip(".")


def in_figures(value: float, interval: tuple[float, float] | None) -> tuple[str, str]:
    """A number, and its interval or "", with three digits, or as many as distinguish the ends."""
    return _told(value, interval, figures, _DIGITS)


def _told(
    value: float,
    interval: tuple[float, float] | None,
    words: Callable[[float, int], str],
    digits: Iterable[int],
) -> tuple[str, str]:
    """Use the fewest digits at which the ends of the interval differ."""
    fewest, *more = digits
    if interval is None:
        return words(value, fewest), ""
    low, high = interval
    enough = fewest
    for count in (fewest, *more):
        enough = count
        if words(low, count) != words(high, count):
            break
    return words(value, enough), f"{words(low, enough)} to {words(high, enough)}"


def p50_text(row: Row) -> str:
    """The median call with its interval, in ms; empty if it was not measured."""
    if row.p50_ms is None:
        return ""
    value, ends = in_figures(row.p50_ms, row.p50_interval)
    return f"{value} ms ({ends})" if ends else f"{value} ms"


def accuracy_text(row: Row) -> str:
    """The accuracy with its interval, in percent; empty if unknown."""
    if row.accuracy is None:
        return ""
    if row.accuracy_low is None or row.accuracy_high is None:
        return f"{row.accuracy:.2%}"
    return f"{row.accuracy:.2%} ({row.accuracy_low:.2%} to {row.accuracy_high:.2%})"


def ratio_text(row: Row) -> str:
    """The ratio to the reference arm with its interval; empty if there was no pair."""
    if row.ratio is None:
        return ""
    value, ends = ratio_in_figures(row)
    return f"{value} ({ends})" if ends else value


def ratio_in_figures(row: Row) -> tuple[str, str]:
    """The ratio and its interval or "", to a thousandth, or as fine as needed for the ends."""
    known = row.ratio_low is not None and row.ratio_high is not None
    interval = (row.ratio_low or 0.0, row.ratio_high or 0.0) if known else None
    return _told(row.ratio or 0.0, interval, ratio_figures, _DIGITS)


def ratio_figures(ratio: float, places: int = 3) -> str:
    """A ratio to a thousandth, because most are near 1."""
    return f"{ratio:.{places}f}" if ratio < 10 else figures(ratio, places)


def times_slower(ratio: float) -> str:
    """`2.0x`, and `1.07x` if a tenth would be too coarse."""
    return f"{figures(ratio, 2 if ratio >= 2 else 3)}x"


def megabytes(bytes_: float) -> str:
    """A size in MB of 10^6 bytes."""
    return f"{figures(bytes_ / 1e6, 2 if bytes_ < 1e7 else 3)} MB"
