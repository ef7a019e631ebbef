"""A sweep over other runtimes than the reference, and over what they cannot do."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.turns import Plan
from bench.results.results_file import read_csv
from bench.results.rows import OK, SKIPPED
from bench.runtimes.openvino import OpenVinoBf16
from bench.stats.stats import calls_to_break_even
from bench.sweep.matrix import Preset

Sweep = Callable[..., Any]


class TestRuntimes:
    def test_torch_runs_the_same_network(
        self, sweep_of: Sweep, mlp_exports: Path, tiny_preset: Preset
    ) -> None:
        found = sweep_of(
            "mlp",
            exports=mlp_exports,
            precisions=("fp32",),
            runtimes=("onnxruntime", "torch"),
            batches=(4,),
            preset=replace(tiny_preset, pair=Plan(1, 0.05, 4)),
        )
        onnx, torch = found.row(runtime="onnxruntime"), found.row(runtime="torch")
        assert torch.status == OK
        assert torch.runtime_version.startswith("torch ")
        assert (torch.correct, torch.agreement) == (onnx.correct, 1)
        assert 0 < torch.max_difference < 1e-3
        assert torch.reference == "onnxruntime cpu fp32"
        assert torch.ratio > 0
        assert torch.ratio_low is torch.ratio_high is None  # from a single instance
        starts = [row.cold_ms + (row.new_shape_ms or 0) for row in (onnx, torch)]
        calls = calls_to_break_even(starts[0], onnx.p50_ms, starts[1], torch.p50_ms)
        assert (onnx.break_even_calls, torch.break_even_calls) == (calls, None)
        assert read_csv(found.out) == found.rows

    @pytest.mark.skipif(
        importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
    )
    def test_openvino_is_measured_like_any_other(
        self, sweep_of: Sweep, mlp_exports: Path, tiny_preset: Preset
    ) -> None:
        """And break-even is against the one that was named."""
        runtimes = ("onnxruntime", "openvino")
        if OpenVinoBf16.problem("cpu") is None:
            runtimes += ("openvino:bf16",)
        found = sweep_of(
            "mlp",
            exports=mlp_exports,
            runtimes=runtimes,
            batches=(4,),
            break_even="openvino",
            preset=replace(tiny_preset, pair=Plan(1, 0.05, 4)),
        )
        assert [row.reason for row in found.rows if row.status != OK] == []
        reference = found.row(runtime="onnxruntime", precision="fp32")
        assert reference.break_even_runtime == "openvino"
        for row in found.rows:
            if row.runtime.startswith("openvino"):
                assert row.runtime_version.startswith("openvino ")
                assert row.computed_in == {
                    ("openvino", "fp32"): "fp32",
                    ("openvino:bf16", "fp32"): "bf16",
                }.get((row.runtime, row.precision), "int8")
                assert "INFERENCE_NUM_THREADS=1" in row.settings
                assert row.placed_share == 1
                assert row.agreement > 0.98
                assert row.ratio > 0
        assert read_csv(found.out) == found.rows

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            ({"runtimes": ("torch",)}, "torch runs the fp32 weights, not int8"),
            (
                {"runtimes": ("onnxruntime",), "boundaries": ("device",)},
                "on the CPU all memory is the host's",
            ),
            (
                {"runtimes": ("onnxruntime",), "precisions": ("fp16",)},
                "mlp-digits has no fp16 file",
            ),
        ],
        ids=["torch", "device", "precision"],
    )
    def test_what_cannot_be_says_why_and_starts_nothing(
        self,
        sweep_of: Sweep,
        mlp_exports: Path,
        started: list[str],
        options: dict[str, Any],
        reason: str,
    ) -> None:
        found = sweep_of("mlp", **{"exports": mlp_exports, "precisions": ("int8",), **options})
        (row,) = found.rows
        assert (row.status, row.reason) == (SKIPPED, reason)
        assert row.n is row.p50_ms is row.accuracy is None
        assert started == []
        assert read_csv(found.out) == [row]
