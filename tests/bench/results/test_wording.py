"""Numbers and names as a person reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.results.rows import Row
from bench.results.wording import Names, figures, joined, megabytes, p50_text, ratio_figures, span


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


def test_spans_and_sizes() -> None:
    assert span(0.99, 1.02) == "(0.990 to 1.02)"
    assert span(None, 1.0) == ""
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
