"""The page: whole in itself, well-formed, and nothing in it is taken for markup."""

import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.report import report
from bench.results.results_file import write_csv
from bench.results.rows import COLUMNS, Row
from tests.bench.pair.comparisons import compared

SECTIONS = (
    *("answers", "cells", "accuracy", "throughput", "ratios", "operators", "cold", "sizes"),
    *("suites", "curves", "confusions", "warnings", "environment", "guide"),
)
VOID = {"meta", "input", "br", "col"}


class Outline(HTMLParser):
    """What opens and closes, the ids, the links, and the words outside of style and script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), name
            if name == "id":
                self.ids.append(value or "")
            if name in ("href", "src"):
                self.links.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture
def page(results: Path, suite: Path, make_exports: Callable[..., Path]) -> str:
    return report([results, suite], exports=make_exports(), budget_mb=5).html.read_text()


def outline_of(tmp_path: Path, rows: list[Row], exports: Path | None = None) -> Outline:
    path = tmp_path / "made.csv"
    write_csv(path, rows)
    done = report([path], exports=exports or tmp_path / "none")
    found = Outline(done.html.read_text())
    assert found.open == []
    return found


def test_it_is_well_formed_and_has_every_section(page: str) -> None:
    outline = Outline(page)
    assert outline.open == []
    assert set(SECTIONS) <= set(outline.ids)
    assert len(outline.ids) == len(set(outline.ids))


def test_it_fetches_nothing(page: str) -> None:
    outline = Outline(page)
    assert all(link.startswith("#") and link[1:] in outline.ids for link in outline.links)
    assert not re.search(r"url\(|@import|https?:|<link|<img|<iframe|fetch\(|XMLHttp", page)
    assert outline.tags.count("script") == outline.tags.count("style") == 1


def test_every_column_is_in_the_table(page: str) -> None:
    heads = re.findall(r'<th scope="col"[^>]*><button[^>]*>([^<]+)</button>', page)
    assert set(COLUMNS) <= set(heads)


def test_failed_and_skipped_rows_are_shown_with_their_reason(page: str) -> None:
    text = Outline(page).text
    assert "failed dense int8" not in text
    for reason in ("the process was killed (signal 9)", "torch runs the fp32 weights, not int8"):
        assert text.count(reason) >= 2  # in the table and in the list
    assert "2 cells failed, 1 cell skipped, 2 kinds of warning" in text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"><u onload='x'>", "a&lt;b", "]]>"]
)
def test_nothing_from_a_file_becomes_markup(
    tmp_path: Path, sweep_rows: list[Row], name: str
) -> None:
    texts = (
        "subject",
        "model",
        "dataset",
        "reason",
        "warnings",
        "withheld",
        "machine",
        "runtime_version",
    )

    def outline(text: str) -> Outline:
        """Of a page on which all that a file may say is this text."""
        return outline_of(
            tmp_path,
            [
                replace(row, **{column: text for column in texts if getattr(row, column)})
                for row in sweep_rows
            ],
        )

    found = outline(name)
    usual = outline("plain").tags
    assert "u" not in usual
    assert set(found.tags) == set(usual)
    assert found.tags.count("script") == usual.count("script") == 1
    assert name in found.text


def test_class_names_of_an_artifact_are_text(page: str) -> None:
    assert "<b>dog</b>" not in page
    assert "&lt;b&gt;dog&lt;/b&gt;" in page


def test_letters_that_steer_a_display_are_shown_as_such(
    tmp_path: Path, make_row: Callable[..., Row]
) -> None:
    outline = outline_of(tmp_path, [make_row(subject="a\u202egnp.onnx", precision="file")])
    assert "\u202e" not in outline.text
    assert "a\N{REPLACEMENT CHARACTER}gnp.onnx" in outline.text


def test_charts_without_figures_are_left_out(tmp_path: Path, make_row: Callable[..., Row]) -> None:
    bare = Row("net.onnx", "file", "onnxruntime", "cpu", "host", 1, 1, "latency", p50_ms=2.0)
    outline = outline_of(tmp_path, [bare])
    assert set(outline.ids) & set(SECTIONS) == {"answers", "cells", "warnings", "guide"}
    assert "best accuracy" not in outline.text
    assert "nothing was profiled" in outline.text


def test_a_row_alone_is_not_said_to_win(tmp_path: Path, make_row: Callable[..., Row]) -> None:
    path = tmp_path / "one.csv"
    write_csv(path, [make_row(), make_row(batch=64, p50_ms=9.0)])
    made = report([path], exports=tmp_path / "none", budget_ms=1)
    page, text = made.html.read_text(), made.markdown.read_text()
    assert "under 1 ms a call (p50): yes" in text.replace("\\", "")
    assert "under 1 ms a call (p50): no" in text.replace("\\", "")
    for told in (page, text):
        assert "87.91%" in told
        for word in ("best under", "fastest:", "Pareto set (", "1 of 1", "in the Pareto set"):
            assert word not in told
    for mark in ('class="badge"', 'class="pareto"', "label strong", "<dt>fastest", "<dt>best"):
        assert mark not in page


def test_one_row_is_enough_for_a_scatter(tmp_path: Path, make_row: Callable[..., Row]) -> None:
    assert "accuracy" in outline_of(tmp_path, [make_row()]).ids
    row = make_row(accuracy=1.0, accuracy_low=None, accuracy_high=None, p50_low_ms=None)
    assert "accuracy" in outline_of(tmp_path, [row]).ids


def test_the_line_of_a_scatter_is_spoken_of_as_it_is(
    tmp_path: Path, make_row: Callable[..., Row]
) -> None:
    def lead(*rows: Row) -> str:
        path = tmp_path / "results.csv"
        write_csv(path, rows)
        return report([path], exports=tmp_path / "none").html.read_text()

    one, slow = make_row(), make_row(subject="mlp-cifar10", model="mlp", accuracy=0.6, p50_ms=1.0)
    better = make_row(subject="dense-cifar10", model="dense", accuracy=0.95, p50_ms=2.0)
    assert "The line" not in lead(one)
    assert "The line begins at the only row of the Pareto set:" in lead(one, slow)
    assert "The line joins the Pareto set:" in lead(one, better)


def test_an_interval_below_0_of_an_older_file_is_not_shown(
    tmp_path: Path, make_row: Callable[..., Row]
) -> None:
    row = make_row(p50_ms=261.0, p50_low_ms=-485.9, p50_high_ms=1007.9)
    text = outline_of(tmp_path, [row, make_row(precision="int8")]).text
    assert "261" in text
    assert not re.search(r"-48\d[\d.]* to", text)


def test_many_rows_are_drawn_in_reasonable_size(
    tmp_path: Path, make_row: Callable[..., Row]
) -> None:
    rows = [
        make_row(subject=f"net-{model}", model=None, batch=batch, p50_ms=0.1 * model + batch)
        for model in range(1, 41)
        for batch in (1, 2, 4, 8)
    ]
    assert len(outline_of(tmp_path, rows).tags) < 60_000


def test_colours_and_batches_are_chosen_without_the_script(page: str) -> None:
    assert "prefers-color-scheme: dark" in page
    assert 'body:has(#batch-64:checked) [data-batch]:not([data-batch="64"])' in page
    assert "body:has(#every-column:checked) .more" in page


def test_where_the_accuracy_comes_from_is_said(
    tmp_path: Path, make_row: Callable[..., Row]
) -> None:
    reason = "preset quick: not measured"
    told = outline_of(tmp_path, [make_row(accuracy_source="card", accuracy_reason=reason)]).text
    assert f"from the artifact's card, not measured here: {reason} (cnn fp32, batch 1)" in told
    none = {"accuracy": None, "accuracy_low": None, "accuracy_high": None}
    told = outline_of(tmp_path, [make_row(**none, accuracy_reason="no test set")]).text
    assert "no accuracy: no test set" in told


def test_frameworks_are_told_apart_where_there_are_several(
    tmp_path: Path, make_row: Callable[..., Row]
) -> None:
    rows = [make_row(framework="pytorch"), make_row(subject="mlp-numpy-cifar10", framework="numpy")]
    told = outline_of(tmp_path, rows).text
    assert "framework precision batch" in told.replace(" \u2195", "")
    assert "pytorch" in told
    assert "framework precision batch" not in outline_of(tmp_path, rows[:1] * 2).text


def test_comparisons_are_answered_and_drawn(tmp_path: Path) -> None:
    rows = [compared(repeat=at, ratio=1 + at / 1000) for at in (1, 2)]
    write_csv(tmp_path / "pairs.csv", rows)
    made = report([tmp_path / "pairs.csv"])
    text = made.html.read_text()
    said = "cnn-digits int8 and cnn-digits fp32 take the same time in both comparisons"
    assert said in text
    assert said in made.markdown.read_text()
    assert "cnn-digits int8 against cnn-digits fp32" in text
    assert "cnn int8 comparison 2" in text
    outline = Outline(text)
    assert outline.open == []
    assert "ratios" in outline.ids
    assert "No cell was measured" not in text
