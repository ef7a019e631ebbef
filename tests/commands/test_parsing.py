"""Values of options: what they mean, and which of them are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click
import pytest
from click.testing import Result
from hypothesis import example, given
from hypothesis import strategies as st

from zoo.commands.parameters import NumbersType, PositiveType, ShareType, SizeType

Call = Callable[..., Result]
TRAIN = ("train", "mlp", "--data", "digits", "--epochs", "1")
Value = TypeVar("Value")


def converted(kind: click.ParamType[Value], text: str) -> Value | None:
    """What the option makes of the text; None where it refuses it, which must name the text."""
    try:
        return kind.convert(text, None, None)
    except click.BadParameter as refused:
        return None if text in refused.message else pytest.fail(f"{text} is not named")


class TestParsing:
    @pytest.mark.parametrize(
        ("text", "size"), [("28", (28, 28)), ("28x40", (28, 40)), ("16X24", (16, 24))]
    )
    def test_sizes(self, text: str, size: tuple[int, int]) -> None:
        assert SizeType().convert(text, None, None) == size

    @pytest.mark.parametrize(
        ("text", "share"), [("5000", 5000), ("10%", 0.1), ("0", 0), ("0.5%", 0.005), ("1", 1)]
    )
    def test_shares(self, text: str, share: float) -> None:
        assert ShareType().convert(text, None, None) == pytest.approx(share)

    @pytest.mark.parametrize(
        ("text", "numbers"), [(".485,.456, 0.4", (0.485, 0.456, 0.4)), ("-1", (-1.0,))]
    )
    def test_numbers(self, text: str, numbers: tuple[float, ...]) -> None:
        assert NumbersType().convert(text, None, None) == numbers

    @pytest.mark.parametrize("text", ["", "1,", "a", "1;2"])
    def test_what_is_no_list_of_numbers_is_refused(self, text: str) -> None:
        assert converted(NumbersType(), text) is None

    @given(st.text("0123456789-+. ²enaif_", max_size=8))
    @example("nan")
    @example("inf")
    @example("1e999")
    @example("0")
    @example("-1")
    def test_a_positive_number_is_one_or_refused(self, text: str) -> None:
        number = converted(PositiveType(), text)
        assert number is None or 0 < number < float("inf")

    def test_positive_numbers(self) -> None:
        assert [converted(PositiveType(), text) for text in ("2.5", "1e3")] == [2.5, 1000]

    @given(st.text("0123456789xX-+. ²٣e_", max_size=8))
    @example("²8")
    @example("٣")
    @example("28x")
    @example("0x28")
    def test_a_size_is_two_positive_numbers_or_refused(self, text: str) -> None:
        size = converted(SizeType(), text)
        assert size is None or all(side > 0 for side in size)

    @given(st.text("0123456789%-+. ²enaif_", max_size=8))
    @example("nan%")
    @example("inf")
    @example("-0")
    @example("100%")
    def test_a_share_is_below_1_or_a_whole_count_or_refused(self, text: str) -> None:
        share = converted(ShareType(), text)
        assert share is None or (0 <= share < 1 if "%" in text else share == int(share) >= 0)

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--size", "big"],
            ["--size", "28x28x3"],
            ["--size", "0"],
            ["--validate", "some"],
            ["--validate", "100%"],
            ["--validate", "2.5"],
            ["--validate", "-1"],
            ["--seed", "-1"],
            ["--seed", "one"],
        ],
        ids=" ".join,
    )
    def test_a_value_that_makes_no_sense_is_exit_2_and_named(
        self, call: Call, arguments: list[str]
    ) -> None:
        error = call(*TRAIN, *arguments, code=2).stderr
        assert arguments[0] in error
        assert arguments[1] in error

    @pytest.mark.parametrize(
        "arguments",
        [
            ["--epochs", "0"],
            ["--epochs", "nan"],
            ["--epochs", "inf"],
            ["--lr", "0"],
            ["--lr", "nan"],
            ["--batch", "1"],
            ["--sub-batches", "0"],
            ["--sub-batches", "100000"],
            ["--validate", "5000"],
            ["--resume", "--overwrite"],
        ],
        ids=" ".join,
    )
    def test_a_training_that_cannot_be_is_exit_2_and_leaves_nothing(
        self, call: Call, in_folder: Path, arguments: list[str]
    ) -> None:
        assert arguments[0] in call(*TRAIN, *arguments, code=2).stderr
        assert list(in_folder.iterdir()) == []
