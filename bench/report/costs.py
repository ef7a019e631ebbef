"""Charts of costs besides the time of a call: start-up, file size, memory."""

from collections import defaultdict
from collections.abc import Sequence

from bench.report.lanes import Lane, bar, dots, draw_lanes
from bench.report.looks import Looks
from bench.report.sections import Section, figure, figures_in_grid
from bench.results.context import BREAK_EVEN
from bench.results.rows import Row
from bench.results.summary import Summary
from bench.results.wording import Names, figures, megabytes
from zoo.drawing.markup import Markup, tag
from zoo.drawing.svg import symbol

Kind = tuple[str, str, str]  # a column, its mark, what it is called

_COLD: tuple[Kind, ...] = (
    ("cold_ms", "circle", "process start to first answer"),
    ("load_ms", "diamond", "of it, creating the session"),
    ("first_ms", "triangle", "of it, the first call"),
    ("new_shape_ms", "square", "first call at a new batch size, beyond p50"),
)


def cold_costs(rows: Sequence[Row], summary: Summary) -> Section | None:
    """Dots on a logarithmic scale, because the parts differ too much for bars from zero."""
    arms = defaultdict[tuple[str, str, str], list[Row]](list)
    for row in rows:
        if row.cold_ms:
            name = " ".join(filter(None, (summary.names.label(row), summary.names.threads(row))))
            arms[row.machine or "", row.dataset or "", name].append(row)
    if not arms:
        return None
    lanes = [_cold_lane(name, of_arm) for (_, _, name), of_arm in arms.items()]
    lanes.sort(key=lambda lane: lane.values[0])
    keys = [
        tag(
            "li",
            tag(
                *("svg", symbol(shape, 8, 8, f"mark {_cold_class(column)}")),
                width="16",
                height="16",
                aria_hidden="true",
            ),
            words,
        )
        for column, shape, words in _COLD
    ]
    legend = tag("ul", *keys, class_="legend")
    drawn = figure(
        "milliseconds, medians over starts",
        lambda width: draw_lanes(
            lanes, width, about="Cold costs by arm", axis="ms (log)", log=True
        ),
        legend=legend,
    )
    lead = (
        "The time from start to first answer. The scale is logarithmic: the parts "
        "differ by orders of magnitude."
    )
    return Section("cold", "Cold costs", lead, figures_in_grid([drawn]))


def _cold_lane(name: str, rows: Sequence[Row]) -> Lane:
    marks = [
        (shape, value, _cold_class(column))
        for column, shape, _ in _COLD
        for value in sorted({getattr(row, column) for row in rows} - {None, 0})
    ]
    break_even = [row for row in rows if row.break_even_calls is not None]
    about = [name, *(f"{words}: {_all_of(rows, column)}" for column, _, words in _COLD)]
    if break_even:
        calls = max(row.break_even_calls or 0 for row in break_even)
        other = break_even[0].break_even_runtime or BREAK_EVEN  # files of before name none
        about.append(f"cheaper than {other} after {calls:,} calls, start-up included")
    values = [value for _, value, _ in marks]
    return Lane(name, f"{figures(values[0])} ms", values, dots(marks), about)


def _cold_class(column: str) -> str:
    return "hollow ink" if column in ("load_ms", "new_shape_ms") else "solid ink"


def _all_of(rows: Sequence[Row], column: str) -> str:
    values = sorted({getattr(row, column) for row in rows} - {None})
    return ", ".join(f"{figures(value)} ms" for value in values) or "not measured"


def sizes(rows: Sequence[Row], summary: Summary, looks: Looks) -> Section | None:
    """Bars from zero: the file size, and the memory of the process."""
    files = {(row.subject, row.precision): row for row in rows if row.file_bytes}
    drawn = []
    if files:
        lanes = [
            Lane(
                " ".join((summary.names.subject(row), "" if precision == "file" else precision)),
                megabytes(row.file_bytes or 0),
                [(row.file_bytes or 0) / 1e6],
                bar((row.file_bytes or 0) / 1e6, looks.colour(row)),
            )
            for (_, precision), row in sorted(files.items())
        ]
        drawn.append(_bars("size of the ONNX file", lanes, "MB"))
    for column, title in (
        ("peak_rss_mib", "peak resident memory"),
        ("vram_mib", "memory on the GPU"),
    ):
        for answer in summary.answers:
            held = [row for row in answer.rows if getattr(row, column)]
            if held:
                names = looks.names.within(answer.rows)
                lanes = [_memory_lane(row, column, names, looks.colour(row)) for row in held]
                lanes.sort(key=lambda lane: lane.values[0])
                heading = f"{title}, {summary.heading(answer.question)}"
                drawn.append(_bars(heading, lanes, "MiB", answer.question.batch))
    if not drawn:
        return None
    lead = (
        "Memory is the peak of the whole process so far, the runtime's libraries included: "
        "a process measures its batch sizes one after the other."
    )
    return Section("sizes", "Memory and file size", lead, figures_in_grid(drawn))


def _memory_lane(row: Row, column: str, names: Names, colour: str) -> Lane:
    value = getattr(row, column)
    words = f"{figures(value)} MiB"
    return Lane(names.label(row), words, [value], bar(value, colour))


def _bars(title: str, lanes: Sequence[Lane], axis: str, batch: int | None = None) -> Markup:
    return figure(title, lambda width: draw_lanes(lanes, width, about=title, axis=axis), batch)
