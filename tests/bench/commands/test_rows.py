"""What the table of a sweep says of a row."""

import sys
import threading
from dataclasses import replace

import pytest

from bench.commands.console import RowPrinter
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
        printer.say("measuring")
        printer.add(ROW)
        assert threading.active_count() == before
