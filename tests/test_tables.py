"""zoo/tables.py: every CSV of this project is written and read here."""

import ast
import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.tables import read_cell, read_records, read_table, records_text, table_text, write_table

ROOT = Path(__file__).parent.parent
# Any text that UTF-8 can hold; a line is empty of meaning where nothing stands in it.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
LINES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(TEXTS, min_size=width, max_size=width), min_size=1)
)


def parsed(text: str) -> tuple[list[str], list[list[str]]]:
    headings, lines = read_table(io.StringIO(text, newline=""))
    return headings, list(lines)


@given(LINES)
def test_what_is_written_is_read_again(lines: list[list[str]]) -> None:
    assert parsed(table_text(lines[0], lines[1:])) == (lines[0], lines[1:])


@given(LINES)
def test_any_other_program_reads_the_same(lines: list[list[str]]) -> None:
    text = table_text(lines[0], lines[1:])
    assert list(csv.reader(io.StringIO(text, newline=""))) == lines


def test_values_are_written_as_they_always_were() -> None:
    text = table_text(["a", "b", "c"], [[None, True, 0.1], ["x,y", 'say "no"', 2], ["\r", 1, ""]])
    assert text == 'a,b,c\n,True,0.1\n"x,y","say ""no""",2\n"\r","1",""\n'


@dataclass(frozen=True)
class Point:
    x: int
    name: str | None = None


def test_dataclasses_have_a_column_a_field() -> None:
    text = records_text(Point, [Point(1), Point(2, "b")])
    assert text == "x,name\n1,\n2,b\n"
    assert list(read_records(io.StringIO(text))) == [
        {"x": "1", "name": ""},
        {"x": "2", "name": "b"},
    ]
    assert records_text(Point, []) == "x,name\n"


def test_lines_are_written_as_soon_as_they_are_there() -> None:
    out, seen = io.StringIO(), []

    def lines():  # type: ignore[no-untyped-def]
        for number in (1, 2):
            seen.append(out.getvalue())
            yield [number]

    write_table(out, ["n"], lines())
    assert seen == ["n\n", "n\n1\n"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a,b\n1,2\n3\n", "line 3 has 1 values for 2 headings"),
        ("a,b\n1,2,3\n", "line 2 has 3 values for 2 headings"),
        ('a,b\n1,"2\n', "line 2 is not CSV: unexpected end of data"),
        ('a,b\n1,"2"3\n', "line 2 is not CSV"),
    ],
)
def test_damage_is_told_by_its_line(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parsed(text)


def test_nothing_and_empty_lines() -> None:
    assert parsed("") == ([], [])
    assert parsed("\na,b\n\n1,2\n") == (["a", "b"], [["1", "2"]])


def test_whole_numbers_as_pandas_writes_them_are_whole() -> None:
    assert read_cell(int | None, "3.0") == 3
    assert read_cell(int, "-9007199254740993") == -9007199254740993


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [(str, "", ""), (str | None, "", None), (float, "1e3", 1000.0), (bool | None, "True", True)],
)
def test_a_cell_is_read_as_its_kind(kind: object, text: str, value: object) -> None:
    assert read_cell(kind, text) == value


def test_no_other_module_reads_or_writes_csv() -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for folder in ("zoo", "bench")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import) and any(alias.name == "csv" for alias in node.names)
    }
    assert importing == {"zoo/tables.py"}
