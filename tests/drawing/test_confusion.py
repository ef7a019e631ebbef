"""Confusion matrices: the file that keeps one, and what is drawn of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.drawing.confusion import Confusion

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(st.lists(NAMES, min_size=1, max_size=5), st.data())
def test_it_is_read_as_it_was_written(names: list[str], data: st.DataObject) -> None:
    row = st.lists(st.integers(0, 10_000), min_size=len(names), max_size=len(names))
    counts = data.draw(st.lists(row, min_size=len(names), max_size=len(names)))
    matrix = Confusion.of(names, counts)
    assert Confusion.from_csv(matrix.to_csv().encode()) == matrix


def test_its_file_has_a_row_for_each_true_class() -> None:
    assert Confusion.of(["cat", "a,b"], [[9, 1], [0, 8]]).to_csv() == (
        'true,cat,"a,b"\ncat,9,1\n"a,b",0,8\n'
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "square"),
        (b"true\n", "square"),
        (b"true,a,b\na,1,2\n", "square"),
        (b"true,a\na,x\n", "invalid literal"),
        (b"true,a\na,1,2\n", "3 values for 2"),
        (b"true,a\na,-1\n", "a count that is out of range"),
        (b"\xff\xfe", "decode"),
    ],
)
def test_what_is_no_matrix_is_refused(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Confusion.from_csv(content)


def test_shades_are_of_the_shares_of_a_row_and_small_ones_show() -> None:
    cells = {(c.true, c.predicted): c for c in Confusion.of("ab", [[96, 4], [0, 0]]).cells()}
    assert [cell.share for cell in cells.values()] == [0.96, 0.04, 0.0, 0.0]
    assert cells[0, 1].shade == pytest.approx(0.05 + 0.95 * 0.2)
    assert 0.05 < cells[0, 1].shade < cells[0, 0].shade < 1
    assert cells[1, 0].shade == 0
    assert [cell.is_dark for cell in cells.values()] == [True, False, False, False]


@pytest.mark.parametrize(("classes", "named"), [(1, True), (25, True), (26, False)])
def test_few_classes_are_named(classes: int, named: bool) -> None:
    names = list(map(str, range(classes)))
    assert Confusion.of(names, [[0] * classes] * classes).is_named == named
