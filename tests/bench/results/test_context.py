"""What a row means in the light of the others."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bench.results.context import related
from bench.results.rows import Row
from tests.factories import asked, cell

REFERENCE = {"reference": "onnxruntime cpu fp32", "precision": "int8"}


def beside(row: Row, *others: Row) -> Row:
    """The row in the light of the others."""
    return related([*others, row])[-1]


@pytest.mark.parametrize(
    ("parts", "warning"),
    [
        ({"floor_share": 0.25}, "25% of p50 is the harness's own cost"),
        ({"floor_share": 0.1}, None),
        ({"floor_share": 0.101}, "10% of p50 is the harness's own cost"),
        ({"disturbed": 12}, "other processes interfered with 12 of 20 timing blocks"),
        ({"disturbed": 0}, None),
        ({"steady": False}, "had not settled when the warm-up ended"),
        ({"steady": True}, None),
        ({"wrong_answers": 2}, "2 timed calls gave different logits"),
        ({"wrong_answers": 0}, None),
        ({"unpaired": "it hung"}, "it could not be paired with the reference: it hung"),
        (
            {"answers_vary": "it depends on its batch (much)", "accuracy_batch": 4},
            "it depends on its batch (much), so its accuracy is that of batch 4",
        ),
        (
            {
                **{"accuracy_source": "measured", "accuracy_reason": "the card says 5"},
                **{"correct": 1234, "images": 2000},
            },
            "1,234 of 2,000 images are correct here, the card says 5",
        ),
        (
            {"class_order": "by name"},
            "the file lists the same classes in another order, so its answers are matched by name",
        ),
        (
            {"classes": 10, "accuracy": 0.12, "accuracy_low": 0.09, "accuracy_high": 0.15},
            "its accuracy is no better than guessing one of 10 classes",
        ),
        ({"classes": 10, "accuracy": 0.14, "accuracy_low": 0.11, "accuracy_high": 0.17}, None),
    ],
)
def test_what_to_know_before_believing_a_row(parts: dict[str, Any], warning: str | None) -> None:
    found = beside(cell(**parts)).warnings
    assert found is None if warning is None else warning in str(found)
    assert beside(cell(n=None, **parts)).warnings is None  # it was not timed


def test_warnings_are_made_anew_and_add_up() -> None:
    odd = {"wrong_answers": 1, "disturbed": 3, "floor_share": 0.5}
    found = beside(cell(warnings="an old one", **odd))
    assert len(str(found.warnings).split("; ")) == 3
    assert beside(found) == found


class TestAgreement:
    """The ratio of the turns beside that of the two arms by themselves."""

    def found(self, solo: float, paired: float, error: float = 0.005, **reference: Any) -> Row:
        other = replace(cell(1.0), **reference)
        bounds = {"ratio_low": paired * 0.999, "ratio_high": paired * 1.001}
        return beside(cell(solo, error, ratio=paired, **bounds, **REFERENCE), other)

    def test_they_agree(self) -> None:
        found = self.found(1.1, 1.1)
        assert found.ratio_agrees is True
        assert found.warnings is None

    @pytest.mark.parametrize("solo", [1.5, 0.8])
    def test_they_disagree(self, solo: float) -> None:
        found = self.found(solo, 1.1)
        assert found.ratio_agrees is False
        assert f"p50 ratio of {solo:.3f}" in str(found.warnings)

    def test_a_little_apart_is_no_warning(self) -> None:
        assert self.found(1.14, 1.1).ratio_agrees is True
        assert self.found(1.06, 1.1).ratio_agrees is True
        assert self.found(1.15, 1.1).ratio_agrees is False
        assert self.found(1.05, 1.1).ratio_agrees is False

    @pytest.mark.parametrize(
        "bounds",
        [
            {"p50_low_ms": None, "p50_high_ms": None},
            {"p50_low_ms": -3.0, "p50_high_ms": 9.0},
            {"p50_low_ms": 0.0, "p50_high_ms": 9.0},
        ],
    )
    def test_a_reference_of_which_little_is_known_contradicts_nothing(
        self, bounds: dict[str, Any]
    ) -> None:
        assert self.found(1.1, 1.1, **bounds).ratio_agrees is True
        assert self.found(1.5, 1.1, **bounds).ratio_agrees is True

    def test_nor_does_an_arm_without_an_interval(self) -> None:
        assert self.found(1.5, 1.1, error=np.nan).ratio_agrees is True
        row = cell(1.5, ratio=1.1, **REFERENCE)
        assert beside(row, cell(1.0)).ratio_agrees is True

    @pytest.mark.parametrize(
        "parts",
        [{"p50": None}, {"batch": 2}, {"threads": 2}, {"subject": "other"}, {"boundary": "device"}],
    )
    def test_without_a_reference_nothing_is_said(self, parts: dict[str, Any]) -> None:
        row = cell(1.5, ratio=1.1, ratio_low=1.0, ratio_high=1.2, **REFERENCE)
        found = beside(row, cell(**parts))
        assert (found.ratio_agrees, found.warnings) == (None, None)

    def test_on_a_gpu_the_reference_is_found_there_at_the_same_boundary(self) -> None:
        """It has a reference itself, the CPU's, at batch 1."""
        on_gpu: dict[str, Any] = {"provider": "cuda", "boundary": "device"}
        reference = cell(1.0, ratio=0.5, reference="onnxruntime cpu fp32", **on_gpu)
        met = {"ratio": 1.5, "ratio_low": 1.49, "ratio_high": 1.51}
        row = cell(1.1, precision="fp16", reference="onnxruntime cuda fp32", **met, **on_gpu)
        assert beside(row, reference).ratio_agrees is False
        for other in ({"boundary": "host"}, {"cuda_graph": True}, {"tf32": True}):
            assert beside(row, replace(reference, **other)).ratio_agrees is None
        in_an_old_file = replace(row, reference="onnxruntime cpu fp32")
        assert beside(in_an_old_file, cell(1.0)).ratio_agrees is False


class TestBreakEven:
    @pytest.mark.parametrize(
        ("cold", "call", "calls"), [(100.0, 0.5, 0), (900.0, 0.5, 801), (900.0, 1.5, None)]
    )
    def test_when_an_arm_has_overtaken_torch(
        self, cold: float, call: float, calls: int | None
    ) -> None:
        torch = asked(runtime="torch", cold_ms=500.0, p50_ms=1.0)
        other = asked(cold_ms=cold, p50_ms=call)
        unknown = asked(cold_ms=None, p50_ms=1.0)
        elsewhere = asked(batch=64, cold_ms=1.0, p50_ms=1.0)
        found = related([torch, other, unknown, elsewhere])
        assert [one.break_even_calls for one in found] == [None, calls, None, None]

    def test_the_first_call_at_another_batch_size_is_paid_for_by_both(self) -> None:
        torch = asked(runtime="torch", cold_ms=500.0, p50_ms=1.0, new_shape_ms=100.0)
        other = asked(cold_ms=900.0, p50_ms=0.5, new_shape_ms=40.0)
        # (940 - 600) / 0.5, and one
        assert beside(other, torch).break_even_calls == 681

    def test_any_runtime_may_be_the_one_to_overtake(self) -> None:
        """Its row of the same precision counts, else its fp32 row."""
        parts = {"cold_ms": 100.0, "p50_ms": 1.0, "break_even_runtime": "openvino"}
        other = {"runtime": "openvino", "break_even_runtime": "openvino"}
        whole = asked(precision="fp32", cold_ms=500.0, p50_ms=2.0, **other)
        small = asked(precision="int8", cold_ms=900.0, p50_ms=0.5, **other)
        rows = [asked(precision=kind, **parts) for kind in ("fp32", "fp16", "int8")]
        found = related([whole, small, *rows])
        assert [row.break_even_calls for row in found] == [None, None, 0, 0, None]
        assert related([small, rows[0]])[1].break_even_calls is None
