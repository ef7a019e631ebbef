"""A table on a terminal of any width: figures are whole, and names can be told apart."""

import re
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.actions.verify import Check
from zoo.commands import console
from zoo.commands.layout import fits, shortened, table_lines, wrapped

ROWS = [
    {
        "export": f"a-model-with-a-long-name-{number}",
        "fp32": "93.07%, 7,724 KiB",
        "fp16": "",
        "about": about,
    }
    for number, about in enumerate(("whitening, three groups of convolutions", "a head", ""))
]


def test_where_there_is_room_a_row_is_a_line() -> None:
    lines = table_lines(ROWS, 100)
    assert lines[0].split() == ["export", "fp32", "about"]  # and nothing stands in the other
    assert len(lines) == 4
    assert lines[1].endswith("93.07%, 7,724 KiB  whitening, three groups of convolutions")
    assert fits(ROWS, 100)
    assert not fits(ROWS, 80)


def test_long_texts_go_below_their_row() -> None:
    assert table_lines(ROWS, 60)[2:6] == [
        "a-model-with-a-long-name-0  93.07%, 7,724 KiB",
        "    whitening, three groups of convolutions",
        "a-model-with-a-long-name-1  93.07%, 7,724 KiB",
        "    a head",
    ]


def test_names_go_above_the_rows_that_share_them() -> None:
    row = {"model": "some/where/far/away.onnx", "batch": "1", "p50 ms": "12.34"}
    assert table_lines([row, row | {"batch": "64"}], 20) == [
        "model",
        "  batch  p50 ms",
        "some/wher…/away.onnx",
        "  1      12.34",
        "  64     12.34",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 100, 140])
def test_no_figure_is_cut_and_no_line_too_long(width: int) -> None:
    lines = table_lines(ROWS, width)
    assert all(len(line) <= width for line in lines)
    assert sum("93.07%, 7,724 KiB" in line for line in lines) == len(ROWS) or width < 25
    assert " ".join(lines).count("7,724") == len(ROWS)


@given(st.text(min_size=1), st.integers(3, 40))
def test_a_short_name_keeps_both_ends(text: str, most: int) -> None:
    short = shortened(text, most)
    assert len(short) == min(len(text), most)
    if len(text) > most:
        assert text.startswith(short.partition("…")[0])
        assert text.endswith(short.rpartition("…")[2])


@given(st.lists(st.text("ab", min_size=1, max_size=9), min_size=1), st.integers(20, 60))
def test_words_stay_whole(words: list[str], width: int) -> None:
    lines = wrapped(" ".join(words), width, "  ")
    assert all(len(line) <= width for line in lines)
    assert re.split(r"\s+", " ".join(lines).strip()) == words


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of 40 letters a line."""
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)


def test_on_a_terminal_lines_break_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch)
    console.say_wrapped("  best accuracy: mlp int8, 65.74% (64.80% to 66.66%)", "fine")
    assert capsys.readouterr().out.splitlines() == [
        "  best accuracy: mlp int8, 65.74%",
        "    (64.80% to 66.66%)",
        "fine",
    ]


CHECKS = [
    Check("some/where/far/away/from/here/model.onnx", name, "ok", "three words long, " * 2)
    for name in ("hash", "loads")
]


def test_on_a_terminal_a_path_stands_once_above_its_checks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on_terminal(monkeypatch)
    console.print_checks([replace(one, text=one.text.strip()) for one in CHECKS])
    assert capsys.readouterr().out.splitlines() == [
        "some/where/far/away/from/here/model.onnx",
        "ok       hash: three words long, three",
        "         words long,",
        "ok       loads: three words long, three",
        "         words long,",
    ]


def test_in_a_pipe_rows_are_lines_with_tabs_and_names_are_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.print_table(ROWS)
    console.print_checks(CHECKS)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "export\tfp32\tfp16\tabout"
    assert [line.split("\t") for line in lines[1:4]] == [list(row.values()) for row in ROWS]
    assert all(check.target in line for check, line in zip(CHECKS, lines[4:], strict=True))
