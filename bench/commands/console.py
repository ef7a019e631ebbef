"""What the commands of the benchmark print."""

from collections.abc import Sequence
from typing import Any

from bench.pair.answer import headings, sides
from bench.report import Report
from bench.results.comparisons import Comparisons
from bench.results.rows import OK, Row
from bench.results.summary import Summary
from bench.results.wording import figures, joined, ratio_text
from bench.subjects.arm import Arm
from bench.sweep.matrix import Settings
from zoo.commands.console import print_table, say, say_wrapped
from zoo.progress import clock_text


def plan_facts(arms: Sequence[Arm], settings: Settings, seconds: float) -> dict[str, Any]:
    """The plan for a script. With batch "auto", batches are doubled while throughput grows."""
    return {
        "arms": [
            {
                "model": arm.subject.name,
                "precision": arm.subject.precision,
                "runtime": arm.runtime,
                "provider": arm.provider,
                "boundary": arm.boundary,
                "cuda_graph": arm.cuda_graph,
                "threads": arm.threads,
                "batches": list(settings.batches) or "auto",
                "skipped": arm.skipped,
            }
            for arm in arms
        ],
        "preset": settings.preset.name,
        "seconds": round(seconds, 1),
    }


def print_plan(arms: Sequence[Arm], settings: Settings, seconds: float) -> None:
    """The cells of a sweep, without measuring them."""
    print_table(
        {
            "model": arm.subject.name,
            "precision": arm.subject.precision,
            "runtime": arm.runtime,
            "provider": arm.provider,
            "boundary": f"{arm.boundary}, graph" if arm.cuda_graph else arm.boundary,
            "threads": str(arm.threads),
            "batch": ",".join(map(str, settings.batches)) or "auto",
            "skipped": arm.skipped or "",
        }
        for arm in arms
    )
    cells = sum(not arm.skipped for arm in arms) * len(settings.batches)
    say(f"{cells or 'some'} cells, about {clock_text(seconds)} (preset {settings.preset.name})")


def print_summary(summary: Summary) -> None:
    """The short answer of a sweep."""
    say("")
    say_wrapped(*summary.lines(), *summary.gaps())


def print_report(made: Report) -> None:
    """Where the report is, and what it lacks."""
    say_wrapped(*(f"not shown {reason}" for reason in made.left_out))
    for kind, path in (("page", made.html), ("markdown", made.markdown), ("summary", made.csv)):
        say(f"{kind:9} {path}")


def print_pair(row: Row) -> None:
    """One comparison of a series, as soon as it is measured."""
    told = f"{row.repeat or 0:>4}  time B / time A {ratio_text(row) or 'unknown'}"
    said = row.reason if row.status != OK else row.verdict or "no interval"
    p50s = [
        f"{name} {figures(value)} ms"
        for name, value in (("A", row.reference_p50_ms), ("B", row.p50_ms))
        if value is not None
    ]
    say(f"{told}  {said}" + (f", p50 of {joined(p50s)}" if p50s else ""))


def print_pair_answer(rows: Sequence[Row]) -> None:
    """First which is faster, then both sides, and whether their answers agree."""
    said = Comparisons(tuple(rows))
    say(said.answer(), "")
    head, lines = headings(rows), sides(rows)
    print_table(dict(zip(head, line, strict=True)) for line in lines)
    if told := said.lines():
        say("", *told)
