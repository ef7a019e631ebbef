"""Mean and std: one number for all channels, and what is refused with what was meant."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.commands.parameters import NumbersType
from zoo.errors import UsageError
from zoo.ort.normalisation import per_channel

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NUMBERS = st.lists(st.floats(), min_size=1, max_size=4)


def refused(mean: tuple[float, ...], std: tuple[float, ...]) -> str:
    with pytest.raises(UsageError) as caught:
        per_channel(mean, std, 3, "strange.onnx")
    return str(caught.value)


class TestScale:
    @pytest.mark.parametrize(
        ("mean", "std", "meant"),
        [
            ((125, 123, 114), (63, 62, 67), "--mean .490,.482,.447 --std .247,.243,.263"),
            ((125, 123, 114), STD, "--mean .490,.482,.447 --std .229,.224,.225"),
            (MEAN, (58.4, 57.1, 57.4), "--mean .485,.456,.406 --std .229,.224,.225"),
            ((123.7, 116.8, 103.9), (1, 1, 1), "--std .00392,.00392,.00392"),
            ((127.5,), (127.5,), "--mean .500 --std .500"),
            ((0,), (255,), "--mean 0 --std 1.00"),
        ],
    )
    def test_what_is_of_0_to_255_is_refused_with_what_was_meant(
        self, mean: tuple[float, ...], std: tuple[float, ...], meant: str
    ) -> None:
        told = refused(mean, std)
        assert told.startswith("strange.onnx cannot have a ")
        assert meant in told

    def test_what_is_meant_is_taken(self) -> None:
        told = refused((125, 123, 114), (63, 62, 67))
        words = re.findall(r"--(?:mean|std) ([\d.,]*\d)", told.partition("Did you mean")[2])
        mean, std = (NumbersType().convert(word, None, None) for word in words)
        assert per_channel(mean, std, 3, "strange.onnx") == (mean, std)

    @pytest.mark.parametrize(
        ("mean", "std"), [((-0.5,), (0.5,)), ((0.5,), (0,)), ((0.5,), (-1,)), ((300,), (1,))]
    )
    def test_what_is_of_no_scale_is_refused(
        self, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        assert "Give them on the 0..1 scale" in refused(mean, std)

    def test_a_file_that_takes_0_to_255_has_a_small_std(self) -> None:
        assert per_channel((0,), (1 / 255,), 1, "strange.onnx") == ((0,), (1 / 255,))


class TestChannels:
    def test_one_number_is_for_all(self) -> None:
        assert per_channel((0.5,), STD, 3, "strange.onnx") == ((0.5,) * 3, STD)
        assert per_channel(MEAN, (0.2,), 3, "strange.onnx") == (MEAN, (0.2,) * 3)

    @pytest.mark.parametrize("mean", [(), (0.5, 0.5), (0.5,) * 4])
    def test_any_other_number_of_them_is_refused(self, mean: tuple[float, ...]) -> None:
        assert "has 3 channels, but --mean" in refused(mean, STD)


@given(NUMBERS, NUMBERS)
def test_whatever_is_given_is_refused_in_words_or_makes_sense(
    mean: list[float], std: list[float]
) -> None:
    try:
        found = per_channel(mean, std, 3, "strange.onnx")
    except UsageError:
        return
    assert [len(part) for part in found] == [3, 3]
    assert all(0 <= value <= 1 for value in found[0])
    assert all(0 < value <= 1 for value in found[1])
