"""What the table of a sweep says of a row."""

import sys
import threading
from dataclasses import replace

import pytest

from bench.commands.rows import RowPrinter, screen_lines
from bench.results.rows import FAILED, Row

ROW = Row(
    subject="cnn-digits",
    precision="int8",
    runtime="onnxruntime",
    provider="cpu",
    batch=8,
    p50_ms=0.12345,
    images_per_second=64_801.3,
    accuracy=0.9,
    accuracy_source="measured",
    ratio=0.5,
    ratio_low=0.49,
    ratio_high=0.51,
    verdict="faster",
)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (ROW, ["0.1235", "64,801", "90.00%", "0.500 (0.490 to 0.510) faster", ""]),
        (replace(ROW, ratio_low=None), ["0.1235", "64,801", "90.00%", "0.500, no interval", ""]),
        (
            replace(ROW, ratio=1.2, ratio_low=0.3, ratio_high=4.8, verdict="inconclusive"),
            ["0.1235", "64,801", "90.00%", "1.200 (0.300 to 4.800) inconclusive", ""],
        ),
        (replace(ROW, ratio=None), ["0.1235", "64,801", "90.00%", "", ""]),
        (
            replace(ROW, accuracy_source="card", warnings="hot"),
            ["0.1235", "64,801", "90.00%*", "0.500 (0.490 to 0.510) faster", "hot"],
        ),
        (Row(status=FAILED, reason="it\thung"), ["failed", "", "", "", "it\ufffdhung"]),
    ],
)
def test_a_row_is_a_line_with_a_field_a_column(
    row: Row, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with RowPrinter() as printer:
        printer.add(row)
        printer.add(row)
    heading, line, again = capsys.readouterr().out.splitlines()
    assert len(heading.split("\t")) == len(line.split("\t")) == 10
    assert line.split("\t")[5:] == told
    assert again == line


def test_nothing_is_drawn_while_a_cell_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that redraws four times a second would run on the measured cores."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    before = threading.active_count()
    with RowPrinter() as printer:
        printer.now("measuring")
        printer.add(ROW)
        assert threading.active_count() == before


LONG = "/home/somebody/models/from/elsewhere/resnet/model.onnx"
SLOW = "the times had not settled when the warm-up ended"


@pytest.fixture
def rows() -> list[Row]:
    """Of two subjects in two runtimes, one of which failed; a warning that comes twice."""
    far = replace(ROW, subject=LONG, precision="file", warnings=f"{SLOW}; hot")
    slow = replace(ROW, batch=64, p50_ms=1234.5678, warnings=SLOW)
    absent = Row(LONG, "file", "torch", "cpu", batch=1, status=FAILED, reason="it hung")
    return [ROW, slow, far, absent]


@pytest.mark.parametrize("width", [60, 80, 100, 140, 300])
def test_on_a_screen_of_any_width_figures_are_whole(rows: list[Row], width: int) -> None:
    lines = screen_lines(rows, width)
    assert all(len(line) <= width for line in lines)
    text = "\n".join(lines)
    for figure in ("0.1235", "1235", "90.00%", "failed"):
        assert figure in text
    assert text.count("0.500") == 3
    assert text.count(SLOW) == text.count("hot") == text.count("it hung") == 1
    assert text.count("all of them: cpu") == (width < 300)


def test_what_there_is_no_room_for_is_left_out_whole(rows: list[Row]) -> None:
    wide, narrow = (screen_lines(rows, width) for width in (300, 80))
    assert "images/s" in wide[0]
    assert "0.500 (0.490 to 0.510) faster" in wide[1]
    assert "images/s" not in "".join(narrow)
    assert "0.500 faster" in "".join(narrow)
    assert narrow.count(LONG) == 1  # above both of its rows


def test_names_are_shortened_in_the_middle_unless_that_makes_them_alike(rows: list[Row]) -> None:
    assert any("/home/somebody/…esnet/model.onnx" in line for line in screen_lines(rows, 130))
    twin = replace(rows[2], subject=LONG.replace("from", "form"))
    assert not any("…" in line for line in screen_lines([*rows, twin], 130))


def test_a_line_that_stays_is_not_what_is_being_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    with RowPrinter() as printer:
        assert printer.progress is not None
        printer.progress.say("cnn is cnn-cifar10 here")
        printer.progress.now("measuring")
        printer.add(ROW)
    shown = capsys.readouterr().out
    assert "cnn is cnn-cifar10 here" in shown
    assert "measuring" in shown
    assert "measuring" not in shown.rpartition("model")[2]
