"""The answer of `compare A B`, with both sides, as text, markdown or JSON."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from bench.results.comparisons import Comparisons, is_beyond_chance, names_of
from bench.results.rows import OK, Row
from bench.results.wording import figures, megabytes
from zoo.escaping import markdown as escaped
from zoo.intervals import wilson

Line = tuple[str, str, str]  # what it is, A's, B's


def headings(rows: Sequence[Row]) -> Line:
    """The headings of the table of both sides."""
    a, b = names_of(rows[-1])
    return "", f"A: {a.removesuffix(' (A)')}", f"B: {b.removesuffix(' (B)')}"


def sides(rows: Sequence[Row]) -> list[Line]:
    """Both sides next to each other; a line that neither side has is left out."""
    a, b = _sides(Comparisons(tuple(rows)).row)
    shown: dict[str, Callable[[dict[str, Any]], str]] = {
        "median call (p50)": lambda one: _known(_ms, one["p50_ms"]),
        "file size": lambda one: _known(megabytes, one["file_bytes"]),
        "peak memory": lambda one: _known(_mib, one["peak_rss_mib"]),
        "parameters": lambda one: _known("{:,}".format, one["parameters"]),
        "multiply-adds": lambda one: _known("{:,}".format, one["macs"]),
        "runtime": lambda one: one["runtime_version"] or one["runtime"] or "",
        "computed in": lambda one: one["computed_in"] or "",
        "accuracy": _accuracy,
    }
    lines = [(name, show(a), show(b)) for name, show in shown.items()]
    return [line for line in lines if any(line[1:])]


def markdown(rows: Sequence[Row]) -> list[str]:
    """The same as markdown, for a comment."""
    said = Comparisons(tuple(rows))
    table = [headings(rows), *sides(rows)]
    lines = [f"| {' | '.join(map(escaped, line))} |" for line in table]
    return [
        f"**{escaped(said.answer())}**",
        "",
        lines[0],
        "|---|---|---|",
        *lines[1:],
        "",
        *(f"- {escaped(line)}" for line in said.lines()),
    ]


def to_json(rows: Sequence[Row]) -> dict[str, Any]:
    """The same as JSON values, described in docs/how-to/compare.md. Empty: null."""
    said = Comparisons(tuple(rows))
    row, a_and_b = said.row, _sides(said.row)
    ratio, low, high = _ratio(said)
    return {
        "answer": said.answer(),
        "notes": said.lines(),
        "verdict": _agreed(rows),
        "ratio": ratio,
        "ratio_low": low,
        "ratio_high": high,
        "speedup": 1 / ratio if ratio else None,
        "margin": row.margin,
        **dict(zip("ab", a_and_b, strict=True)),
        "answers": {
            "same": row.same_answers,
            "images": row.images if row.agreement is not None else row.shown_images,
            "agreement": row.shown_agreement if row.agreement is None else row.agreement,
            "largest_difference": (
                row.shown_difference if row.max_difference is None else row.max_difference
            ),
            "as": row.answers_as or "logits",
            "classes_matched": row.classes_matched,
        },
        "accuracy": _accuracies(row),
        "comparisons": [asdict(one) for one in rows],
    }


def _ratio(said: Comparisons) -> tuple[float | None, float | None, float | None]:
    """The ratio with its interval; for a series the median, which has none."""
    measured = said.measured
    if len(measured) == 1:
        return measured[0].ratio, measured[0].ratio_low, measured[0].ratio_high
    ratios = [row.ratio for row in measured if row.ratio is not None]
    return (statistics.median(ratios) if ratios else None), None, None


def _agreed(rows: Sequence[Row]) -> str | None:
    """The verdict of a whole series; inconclusive if its comparisons differ."""
    verdicts = {row.verdict if row.status == OK else None for row in rows}
    return verdicts.pop() if len(verdicts) == 1 else "inconclusive"


def _accuracies(row: Row) -> dict[str, Any]:
    known = row.agreement is not None and row.images
    lost = (row.reference_correct or 0) - (row.correct or 0)
    return {
        "source": row.accuracy_source,
        "dataset": row.dataset,
        "images": row.images,
        "points_lost": 100 * lost / row.images if known and row.images else None,
        "mcnemar_p": row.mcnemar_p,
        "beyond_chance": is_beyond_chance(row) if known else None,
        "reason": row.accuracy_reason,
    }


def _sides(row: Row) -> tuple[dict[str, Any], dict[str, Any]]:
    """A and B with the same names for the same things."""
    names = (
        *("subject", "precision", "runtime", "runtime_version", "computed_in", "sha256"),
        *("file_bytes", "parameters", "macs", "peak_rss_mib", "correct", "p50_ms"),
    )
    a, b = names_of(row)
    first = {"name": a} | {name: getattr(row, f"reference_{name}") for name in names}
    second = {"name": b} | {name: getattr(row, name) for name in names}
    for side in (first, second):
        low = high = share = None
        if side["correct"] is not None and row.images:
            share, (low, high) = side["correct"] / row.images, wilson(side["correct"], row.images)
        side |= {"accuracy": share, "accuracy_low": low, "accuracy_high": high}
        side["accuracy_source"] = row.accuracy_source if share is not None else None
    return first, second


def _known(show: Callable[[Any], str], value: float | None) -> str:
    return "" if value is None else show(value)


def _ms(value: float) -> str:
    return f"{figures(value)} ms"


def _mib(value: float) -> str:
    return f"{value:,.0f} MiB"


def _accuracy(side: dict[str, Any]) -> str:
    if side["accuracy"] is None:
        return ""
    ends = f"({side['accuracy_low']:.2%} to {side['accuracy_high']:.2%})"
    card = ", from its card" if side["accuracy_source"] == "card" else ""
    return f"{side['accuracy']:.2%} {ends}{card}"
