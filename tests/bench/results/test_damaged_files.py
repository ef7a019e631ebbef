"""Whatever stands in a file of results, it is an answer or an error for the user, no traceback."""

from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bench.measuring.samples import Block, Samples, Start
from bench.pair.answer import markdown, sides, to_json
from bench.pair.series import judged
from bench.regression.compare_results import compare_results
from bench.regression.matching import predictions_of
from bench.report.content import gather
from bench.report.inputs import read_inputs, read_suite
from bench.report.insides import confusions, latents
from bench.report.markdown import draw_markdown
from bench.report.models import Training
from bench.report.page import draw_page
from bench.results.comparisons import series_of
from bench.results.journal import Journal
from bench.results.predictions import write_predictions
from bench.results.results_file import csv_text, read_csv
from tests.bench.pair.comparisons import compared
from tests.damage import damaged, damaged_csv, many, only_zoo_errors
from tests.factories import record
from zoo.drawing.confusion import Confusion
from zoo.drawing.projection import Projection
from zoo.ort.given import Given, read_sidecar

KEPT = Path(__file__).parents[3] / "docs" / "results" / "2026-11-21-cpu.csv"
RESULTS = read_csv(KEPT)[:2]
SAMPLES = Samples(
    blocks=[Block([1, 2, 3], 7, "others", {"steal_share": 0.5, "clock_mhz": None})],
    floor_ns=[1, 2],
    turns=[[[1, 2, 3, 4]]],
    starts=[Start(3, 2, 1)],
)
LINE = asdict(record(SAMPLES))
OLDER = {"cell": "c1", "row": asdict(RESULTS[0]) | {"schema": 1}, "samples": asdict(SAMPLES)}
SUITE = {
    "machine_info": {"cpu": {"brand_raw": "x", "count": 2}},
    "benchmarks": [
        {"name": "a[b]", "params": {"b": 1}, "stats": {"rounds": 3, "median": 0.1, "iqr": 0.01}}
    ]
    * 2,
}
OPERATORS = "cell,operator,calls,total_us,share\n" + "".join(
    f"{row.cell},{kind},3,12.5,0.5\n" for row in RESULTS[:2] for kind in ("Conv", "Gemm")
)


def report_of(path: Path) -> None:
    """All that `report` does, without the files that it writes."""
    content = gather(read_inputs([path]), path.parent / "exports")
    assert draw_page(content)
    assert draw_markdown(content)


@many
@given(damaged_csv(csv_text(RESULTS)))
def test_results(tmp_path: Path, content: bytes) -> None:
    path, base = tmp_path / "results.csv", tmp_path / "base.csv"
    base.write_text(csv_text(RESULTS))
    if only_zoo_errors(path, content, partial(read_csv, path)):
        only_zoo_errors(path, content, partial(report_of, path))
        for pair in ((base, path), (path, base)):
            found = partial(compare_results, *pair, any_machine=True)
            only_zoo_errors(path, content, lambda found=found: found().markdown())


@many
@given(damaged(LINE) | damaged(OLDER))
def test_a_journal(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.samples.jsonl"
    csv_path = tmp_path / "results.csv"
    only_zoo_errors(path, text + "\n", lambda: Journal(csv_path).resume())
    csv_path.unlink(missing_ok=True)


@many
@given(damaged(asdict(Given((0.5,), (0.25,), "cifar10"))))
def test_a_sidecar(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.onnx.json"
    only_zoo_errors(path, text, lambda: read_sidecar(tmp_path / "model.onnx"))


def answers_of(path: Path) -> None:
    """All that `compare` says of a series, and a report of it."""
    for one in series_of(judged(row, 0.02) for row in read_csv(path)):
        rows = list(one.rows)
        assert all((one.answer(), to_json(rows), sides(rows), markdown(rows)))
    report_of(path)


@many
@given(damaged_csv(csv_text([compared(), compared(repeat=2, agreement=0.9, mcnemar_p=0.5)])))
def test_comparisons(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pairs.csv"
    only_zoo_errors(path, content, lambda: answers_of(path))


@many
@given(damaged(SUITE))
def test_a_file_of_pytest_benchmark(tmp_path: Path, text: str) -> None:
    path = tmp_path / "suite.json"
    if only_zoo_errors(path, text, lambda: read_suite(path)):
        report_of(path)


@many
@given(damaged_csv(OPERATORS))
def test_times_by_operator(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "results.csv"
    path.write_text(csv_text(RESULTS))
    only_zoo_errors(tmp_path / "results.operators.csv", content, lambda: report_of(path))


@many
@given(damaged({"machine": {"cpu": "x", "flags": ["a", 1]}, "versions": [{"a": None}]}))
def test_an_environment(tmp_path: Path, text: str) -> None:
    path = tmp_path / "results.csv"
    path.write_text(csv_text(RESULTS[:1]))
    only_zoo_errors(tmp_path / "results.environment.json", text, lambda: report_of(path))


@many
@given(damaged_csv("true,a,b\na,9,1\nb,2,8\n"), damaged_csv("class,one,two\na,1,2\nb,3,4.5\n"))
def test_what_an_artifact_keeps_of_its_training(matrix: bytes, places: bytes) -> None:
    """Both are read where a damaged one is left out of the report, and said to be."""
    confusion = projection = None
    with suppress(ValueError):
        confusion = Confusion.from_csv(matrix)
    with suppress(ValueError):
        projection = Projection.from_csv(places, ("a", "b"))
    training = [Training("mlp-digits", [], confusion, projection)]
    confusions(training, Path())
    latents(training)


@many
@given(st.data())
def test_predictions(tmp_path: Path, data: st.DataObject) -> None:
    path, kept = tmp_path / "results.csv", tmp_path / "results.predictions.npz"
    write_predictions(path, {"a|fp32": np.arange(40), "b": np.arange(3)})
    content = bytearray(kept.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 4 * len(content)))
    only_zoo_errors(kept, bytes(content[:cut]), lambda: predictions_of(path))
