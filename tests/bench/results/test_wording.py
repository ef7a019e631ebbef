"""Numbers and names as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.rows import Row
from bench.results.wording import (
    Names,
    figures,
    joined,
    megabytes,
    p50_text,
    ratio_figures,
    ratio_text,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0287123, "0.0287"),
        (1, "1.00"),
        (12.345, "12.3"),
        (123.4, "123"),
        (999.6, "1,000"),
        (71_525, "71,500"),
        (-2.5, "-2.50"),
    ],
)
def test_figures_have_three_digits_and_no_exponent(value: float, text: str) -> None:
    assert figures(value) == text


@given(st.floats(1e-4, 1e9))
def test_figures_are_within_half_a_percent(value: float) -> None:
    assert float(figures(value).replace(",", "")) == pytest.approx(value, rel=0.005)


def test_ratios_and_sizes() -> None:
    assert megabytes(9_443_000) == "9.4 MB"
    assert (ratio_figures(1.0042), ratio_figures(31.3)) == ("1.004", "31.3")
    assert joined(["a", "b"]) == "a, b"


def test_names_leave_out_what_all_rows_share() -> None:
    one = Row("cnn-digits", "fp32", "onnxruntime", "cpu", "host", 1, 1, model="cnn")
    assert Names.of([one]).cell(one) == "cnn fp32, batch 1"
    other = Row("cnn-digits", "fp32", "torch", "cpu", "host", 2, 1, model="cnn")
    names = Names.of([one, other])
    assert names.cell(one) == "cnn fp32 onnxruntime, batch 1, 1 thread"
    assert names.cell(other) == "cnn fp32 torch, batch 1, 2 threads"
    assert (names.label(one), names.label(other)) == ("cnn fp32", "cnn fp32 torch")


def test_two_subjects_of_one_model_keep_their_ids() -> None:
    rows = [Row(f"cnn-{data}", "fp32", model="cnn") for data in ("digits", "cifar10")]
    assert [Names.of(rows).subject(row) for row in rows] == ["cnn-digits", "cnn-cifar10"]


def test_a_third_party_file_is_called_by_its_name() -> None:
    row = Row("some/where/net.onnx", "file")
    assert Names.of([row]).arm(row) == "net.onnx"


def test_rows_of_two_files_say_which() -> None:
    rows = [Row("cnn-digits", "fp32", model="cnn") for _ in range(2)]
    names = Names.of(rows, {id(rows[0]): "a.csv", id(rows[1]): "b.csv"})
    assert [names.arm(row) for row in rows] == ["cnn fp32 [a.csv]", "cnn fp32 [b.csv]"]
    assert Names.of(rows, dict.fromkeys(map(id, rows), "a.csv")).arm(rows[0]) == "cnn fp32"


def test_a_p50_is_told_with_its_interval_where_that_is_one_of_times() -> None:
    assert p50_text(Row()) == ""
    assert p50_text(Row(p50_ms=261.0)) == "261 ms"
    assert p50_text(Row(p50_ms=261.0, p50_low_ms=200.0, p50_high_ms=341.0)) == (
        "261 ms (200 to 341)"
    )
    older = Row(p50_ms=261.0, p50_low_ms=-485.9, p50_high_ms=1007.9)
    assert p50_text(older) == "261 ms"


@pytest.mark.parametrize(
    ("interval", "told"),
    [
        ((0.0641, 0.0649), "0.0645 ms (0.0641 to 0.0649)"),
        ((0.06452, 0.06454), "0.06453 ms (0.06452 to 0.06454)"),
        ((0.0645301, 0.0645312), "0.064531 ms (0.064530 to 0.064531)"),
        ((0.06453, 0.06453), "0.0645300 ms (0.0645300 to 0.0645300)"),  # of equal calls
    ],
)
def test_an_interval_has_digits_enough_to_tell_its_ends_apart(
    interval: tuple[float, float], told: str
) -> None:
    value = 0.06453 if interval[1] < 0.0645312 else 0.0645307
    value = 0.0645 if interval[0] == 0.0641 else value
    assert p50_text(Row(p50_ms=value, p50_low_ms=interval[0], p50_high_ms=interval[1])) == told


def test_so_has_a_ratio() -> None:
    row = Row(ratio=1.00023, ratio_low=1.00021, ratio_high=1.00026)
    assert ratio_text(row) == "1.0002 (1.0002 to 1.0003)"
    assert ratio_text(Row(ratio=0.5, ratio_low=0.49, ratio_high=0.51)) == "0.500 (0.490 to 0.510)"
    assert ratio_text(Row(ratio=0.5)) == "0.500"
    assert ratio_text(Row()) == ""
