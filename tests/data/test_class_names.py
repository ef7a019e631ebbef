"""Whether two lists name the same classes, and where each class of the one stands in the other."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.data.class_names import columns_by_name, is_in_order, other_classes, parse_names

NAMES = st.lists(st.text(string.ascii_lowercase, min_size=1), min_size=1, unique=True)


class TestOrder:
    @given(NAMES.flatmap(lambda names: st.tuples(st.just(names), st.permutations(names))))
    def test_each_class_is_found_where_it_stands(self, both: tuple[list[str], list[str]]) -> None:
        wanted, named = both
        columns = columns_by_name(named, wanted)
        assert columns is not None
        assert [named[column] for column in columns] == wanted
        assert is_in_order(columns) == (named == wanted)

    @pytest.mark.parametrize(
        ("named", "wanted"),
        [
            (["aquarium_fish", "T-shirt/top"], ["Aquarium fish", "t-shirt/top"]),
            (["Sea-Lion", "dog "], ["sea lion", "dog"]),
            (["maillot", "maillot"], ["maillot", "maillot"]),  # as ImageNet names two of its own
            (["a-b", "ab"], ["a-b", "ab"]),
        ],
    )
    def test_spelling_makes_no_difference(self, named: list[str], wanted: list[str]) -> None:
        assert columns_by_name(named, wanted) == (0, 1)

    def test_what_spelling_alone_tells_apart_is_told_apart(self) -> None:
        assert columns_by_name(["ab", "a-b"], ["a-b", "ab"]) == (1, 0)

    @pytest.mark.parametrize(
        ("named", "wanted"),
        [
            (["airplane", "cat"], ["aeroplane", "cat"]),
            (["cat"], ["cat", "dog"]),
            (["cat", "dog", "cat"], ["dog", "cat", "cat"]),  # which of the two is meant?
            (["AB", "a b"], ["a b", "a_b"]),
        ],
    )
    def test_other_classes_have_no_order(self, named: list[str], wanted: list[str]) -> None:
        assert columns_by_name(named, wanted) is None

    def test_they_are_told_in_few_words(self) -> None:
        told = other_classes(["x" * 99, "b", "c", "d"], ["0", "1"], "digits")
        assert told.endswith("..., b, c and 1 more) than those of digits (0, 1)")
        assert len(told) < 110


class TestParsing:
    def test_a_list_of_names(self) -> None:
        assert parse_names('["a", "b"]') == ("a", "b")

    @given(st.text() | st.recursive(st.floats() | st.text(), st.lists).map(json.dumps))
    def test_anything_else_is_none(self, text: str) -> None:
        found = parse_names(text)
        assert found is None or all(isinstance(name, str) for name in found)
