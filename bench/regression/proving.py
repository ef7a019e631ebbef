"""The commands that settle a slowdown that two results files leave undecided."""

import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from bench.regression.limits import Limits, Pair, name_of
from bench.regression.speed import SpeedFinding
from bench.results.rows import Row
from bench.results.wording import Names, count, times_slower
from bench.scenarios.registry import read_as, scenario_of
from bench.subjects.subject import THIRD_PARTY

Case = tuple[Pair, SpeedFinding]
Kind = Literal["same", "short", "machines", "paired", "versions", "files"]
_AGAIN, _OLD = "again.csv", "OLD.onnx"


def proofs(
    pairs: Sequence[Pair],
    speeds: Sequence[SpeedFinding | None],
    base: Path,
    limits: Limits,
    names: Names,
    *,
    remeasures: bool,
) -> list[str]:
    """A line for each reason why rows that look too slow are not proven to be.

    remeasures: whether rows were to be measured again in turns.
    """
    cases = defaultdict[Kind, list[Case]](list)
    for pair, speed in zip(pairs, speeds, strict=True):
        if speed and speed.beyond and speed.outcome == "inconclusive":
            cases[_kind(pair, speed)].append((pair, speed))
    return [_told(kind, some, base, limits, names, remeasures) for kind, some in cases.items()]


def _kind(pair: Pair, speed: SpeedFinding) -> Kind:
    if speed.how == "paired":
        return "paired"
    if pair.base.machine != pair.new.machine:
        return "machines"
    if speed.how == "none":
        return "short"
    if speed.how == "identical":
        return "same"
    return "versions" if pair.base.runtime_version != pair.new.runtime_version else "files"


def _told(
    kind: Kind, cases: list[Case], base: Path, limits: Limits, names: Names, remeasures: bool
) -> str:
    rows = [pair.new for pair, _ in cases]
    pair, speed = max(cases, key=lambda case: case[1].ratio or 0)
    what = f"{count(len(cases), 'row')} up to {times_slower(speed.ratio or 1)} slower"
    match kind:
        case "same":
            return (
                f"{what} with the same file and runtime, so the machine got slower or a sweep was "
                f"disturbed. Measure again: {_bench(rows)} && {_compare_again(base)}"
            )
        case "short":
            return (
                f"{what} without an interval of p50, because there were too few blocks. Measure "
                f"longer, base and new: {_bench(rows)} --preset thorough"
            )
        case "machines":
            return f"{what} on another machine. Measure base and new on one machine."
        case "paired":
            return (
                f"{what}, measured in turns. Measure longer, such as {name_of(pair.new, names)}: "
                f"{_turns(pair)} --seconds 60 --instances 20"
            )
        case "versions":
            return (
                f"{what} on another runtime version ({pair.base.runtime_version} -> "
                f"{pair.new.runtime_version}), which cannot be measured in turns. "
                f"{_edge(speed, limits)}"
            )
        case "files":
            if not remeasures:
                return (
                    f"{what}. Leave out --no-remeasure: where both files are at hand they are "
                    f"measured again, in turns. {_edge(speed, limits)}"
                )
            return (
                f"{what}, and the two files could not be measured again, in turns. "
                f"{_edge(speed, limits)} Where {_OLD} is the file of base (sha256 "
                f"{(pair.base.sha256 or 'unknown')[:12]}), for {name_of(pair.new, names)}: "
                f"{_turns(pair)}"
            )


def _edge(speed: SpeedFinding, limits: Limits) -> str:
    """The smallest slowdown that two sweeps can prove."""
    if not speed.ratio or not speed.low:
        return "Two sweeps as noisy as these cannot prove a difference."
    edge = (1 + limits.max_slowdown) * speed.ratio / speed.low
    return f"Two sweeps as noisy as these prove slowdowns of about {times_slower(edge)} or more."


def _bench(rows: Sequence[Row]) -> str:
    """The command that measures the cells of these rows."""
    words = ["python", "cli.py", "bench", *_several(row.subject for row in rows)]
    for option, values, usual in (
        ("--precision", [row.precision for row in rows if row.precision != THIRD_PARTY], None),
        ("--runtime", [row.runtime for row in rows], "onnxruntime"),
        ("--provider", [row.provider for row in rows], "cpu"),
        ("--boundary", [row.boundary for row in rows], "host"),
        ("--threads", [str(row.threads) for row in rows], None),
        ("--batch", _batches(rows), None),
        ("--scenario", _scenario(rows), None),
    ):
        found = _several(values)
        if found and found != [usual]:
            words += [option, ",".join(found)]
    return shlex.join([*words, "--out", _AGAIN])


def _batches(rows: Sequence[Row]) -> list[str]:
    if any(read_as(row.scenario).searches for row in rows):
        return ["auto"]
    return [str(row.batch) for row in rows]


def _scenario(rows: Sequence[Row]) -> list[str]:
    """Their scenario, unless the batch sizes imply it."""
    meant = scenario_of(None, () if _batches(rows) == ["auto"] else [row.batch for row in rows])
    names = _several(row.scenario for row in rows)
    return names if len(names) == 1 and names != [meant.name] else []


def _compare_again(base: Path) -> str:
    return shlex.join(["python", "cli.py", "compare", str(base), _AGAIN, "--subset"])


def _turns(pair: Pair) -> str:
    """The command that measures the two files of a cell in turns."""
    base, new = pair.base, pair.new
    words = ["python", "cli.py", "compare"]
    moved = base.precision == THIRD_PARTY and base.subject != new.subject
    words += [base.subject if moved else _OLD, new.subject]
    words += ["--precision", new.precision] if new.precision != THIRD_PARTY else []
    words += ["--runtime", new.runtime] if new.runtime != "onnxruntime" else []
    words += ["--provider", new.provider] if new.provider != "cpu" else []
    return shlex.join([*words, "--batch", str(new.batch), "--threads", str(new.threads)])


def _several(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
