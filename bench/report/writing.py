"""`report`: turn results files into an HTML page, markdown and a CSV summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report.content import ReportContent, gather
from bench.report.inputs import read_inputs
from bench.report.markdown import draw_markdown
from bench.report.page import draw_page
from bench.results.summary import Summary
from zoo.errors import UsageError
from zoo.files import write_text
from zoo.marks import refuse_others
from zoo.specs.catalog import EVERY, Kind
from zoo.tables import table_text

# The columns of the results that are used most often in other tables.
KEPT = (
    *("subject", "precision", "runtime", "provider", "boundary", "threads", "batch", "scenario"),
    *("status", "reason", "dataset", "parameters", "macs", "opset", "file_precision"),
    *("file_bytes", "n"),
    *("p50_ms", "p50_low_ms", "p50_high_ms", "p90_ms", "p99_ms", "images_per_second"),
    *("reference", "ratio", "ratio_low", "ratio_high", "verdict"),
    *("cold_ms", "load_ms", "first_ms", "new_shape_ms", "peak_rss_mib", "vram_mib"),
    *("accuracy", "accuracy_low", "accuracy_high", "accuracy_source", "warnings", "cell"),
)
FLAGS = ("pareto", "best_accuracy", "fastest")
_ENDINGS = (".html", ".md", ".csv", ".json")


@dataclass(frozen=True)
class Report:
    """What was written."""

    html: Path
    markdown: Path
    csv: Path
    summary: Summary
    left_out: list[str]  # what could not be shown, and why


def report(
    paths: Sequence[Path],
    out: Path | None = None,
    *,
    exports: Path | None = None,
    kind: Kind = EVERY,
    budget_ms: float | None = None,
    budget_mb: float | None = None,
) -> Report:
    """Write <out>.html, <out>.md and <out>.summary.csv; by default beside the first file.

    paths: results of `bench`, or files of pytest-benchmark (JSON); exports: where to find the
    measured artifacts, for their training curves and confusion matrices; kind: only rows of such
    models. Files that a report did not write are not replaced.
    """
    inputs = read_inputs(paths).only(kind)
    stem = _stem(out or paths[0])
    page, text, table = (
        stem.with_name(stem.name + ending) for ending in (".html", ".md", ".summary.csv")
    )
    for path in paths:
        if path.absolute() in (page.absolute(), text.absolute(), table.absolute()):
            raise UsageError(
                f"the report would replace {path}, one of its own inputs. Name another file with "
                "--out."
            )
    refuse_others([page, text], "name another --out")
    refuse_others([table], "name another --out", ("subject", *FLAGS))
    content = gather(inputs, exports, budget_ms, budget_mb)
    write_text(table, _summary_csv(content))
    write_text(text, draw_markdown(content))
    write_text(page, draw_page(content, page.parent))
    return Report(page, text, table, content.summary, content.left_out)


def _stem(path: Path) -> Path:
    """`results.csv` and `results.html` -> `results`; dots inside a name stay."""
    return path.with_suffix("") if path.suffix in _ENDINGS else path


def _summary_csv(content: ReportContent) -> str:
    several = len(set(content.sources.values())) > 1
    lines = []
    for row in content.rows:
        marks = content.summary.won(row)
        lines.append(
            [
                *([content.sources[id(row)]] if several else []),
                *(getattr(row, name) for name in KEPT),
                *(flag.replace("_", " ") in marks for flag in FLAGS),
            ]
        )
    return table_text([*(["source"] if several else []), *KEPT, *FLAGS], lines)
