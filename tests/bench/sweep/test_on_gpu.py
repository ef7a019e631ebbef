"""A sweep on a GPU, which is pretended: what is held against what, and in which processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.turns import Plan, Turns
from bench.results.recompute import recompute
from bench.results.rows import OK
from bench.runtimes import Order
from bench.sweep import arms
from zoo.errors import ZooError

Sweep = Callable[..., Any]
ON_GPU = {"runtimes": ("faulty_sweep:OnGpu",), "providers": ("cuda",), "batches": (1, 2, 4)}
Paired = list[tuple[Order, Order, list[int]]]


@pytest.fixture
def paired(monkeypatch: pytest.MonkeyPatch) -> Paired:
    """Who took turns with whom, and at which batch sizes; batches of two lack memory."""
    found: Paired = []

    def take(a: Order, b: Order, batches: Any, plan: Plan) -> list[Turns]:
        sizes = [size for _, size in batches]
        found.append((a, b, sizes))
        if 2 in sizes and plan.instances > 2:
            raise ZooError("CUDA failure 2: out of memory")
        times = [[[1000, 2000, 2000, 1000]] * 8 for _ in range(plan.instances)]
        return [Turns(instances=times) for _ in sizes]

    monkeypatch.setattr(arms, "take_turns_at_each", take)
    return found


def test_all_batch_sizes_of_an_arm_share_the_processes_of_their_pairs(
    sweep_of: Sweep, tiny_onnx: Any, paired: Paired
) -> None:
    found = sweep_of(tiny_onnx(), **ON_GPU)
    assert [sizes for _, _, sizes in paired] == [[1, 2, 4]] * 2
    assert [(row.boundary, row.batch) for row in found.rows] == [
        (boundary, batch) for boundary in ("host", "device") for batch in (1, 2, 4)
    ]
    for a, b, _ in paired:
        assert (a.runtime, a.provider, a.boundary) == ("onnxruntime", "cuda", b.boundary)
    for row in found.rows:
        assert (row.status, row.reference, row.ratio) == (OK, "onnxruntime cuda file", 2.0)
        assert row.seconds is not None
    assert recompute(found.out).differing == ()
    assert sweep_of(tiny_onnx(), resume=True, **ON_GPU).rows == found.rows
    assert len(paired) == 2


def test_on_the_cpu_each_batch_size_has_separate_processes(
    sweep_of: Sweep, tiny_onnx: Any, paired: Paired
) -> None:
    found = sweep_of(tiny_onnx(), **ON_GPU | {"providers": ("cpu",)})
    assert [sizes for _, _, sizes in paired] == [[1], [2], [4]]
    assert {row.reference for row in found.rows} == {"onnxruntime cpu file"}


def test_a_batch_size_that_cannot_be_paired_takes_none_of_the_others_with_it(
    sweep_of: Sweep, tiny_onnx: Any, paired: Paired, tiny_preset: Any
) -> None:
    preset = tiny_preset.__class__(**vars(tiny_preset) | {"pair_on_gpu": Plan(3, 0.05)})
    found = sweep_of(tiny_onnx(), preset=preset, boundaries=("host",), **ON_GPU)
    assert [sizes for _, _, sizes in paired] == [[1, 2, 4], [1], [2], [4]]
    assert [row.ratio for row in found.rows] == [2.0, None, 2.0]
    assert "CUDA failure 2" in str(found.row(batch=2).warnings)
    assert [row.instances for row in found.rows] == [3, None, 3]


def test_a_reference_that_cannot_start_is_said_in_every_row(
    sweep_of: Sweep, tiny_onnx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise ZooError("no GPU is left")

    monkeypatch.setattr(arms, "take_turns_at_each", refuse)
    found = sweep_of(tiny_onnx(), **ON_GPU)
    assert {row.status for row in found.rows} == {OK}
    assert all("could not be paired" in str(row.warnings) for row in found.rows)


@pytest.mark.cuda
class TestOnOne:
    """On a GPU that is none of the pretended ones."""

    def test_each_arm_meets_onnxruntime_there_and_that_one_the_cpu(
        self, sweep_of: Sweep, mlp_exports: Path
    ) -> None:
        found = sweep_of(
            "mlp",
            exports=mlp_exports,
            runtimes=("onnxruntime", "torch"),
            providers=("cuda",),
            batches=(1, 4),
        )
        told = {
            (row.precision, row.runtime, row.boundary, row.batch): row.reference
            for row in found.rows
            if row.status == OK
        }
        here = "onnxruntime cuda fp32"
        for boundary in ("host", "device"):
            assert told["fp32", "onnxruntime", boundary, 1] == "onnxruntime cpu fp32"
            assert told["fp32", "onnxruntime", boundary, 4] is None
            for batch in (1, 4):
                assert told["int8", "onnxruntime", boundary, batch] == here
                assert told["fp32", "torch", boundary, batch] == here
        paired = [row for row in found.rows if row.reference]
        assert all(row.ratio and not row.unpaired for row in paired)
        assert not any(row.wrong_answers for row in paired)
        assert recompute(found.out).differing == ()

    @pytest.mark.parametrize("options", [{"tf32": True}, {"cuda_graph": True}], ids=str)
    def test_tf32_and_a_graph_meet_the_arm_without(
        self, sweep_of: Sweep, mlp_exports: Path, options: dict[str, bool]
    ) -> None:
        (row,) = sweep_of(
            "mlp",
            exports=mlp_exports,
            precisions=("fp32",),
            runtimes=("onnxruntime",),
            providers=("cuda",),
            boundaries=("device",),
            **options,
        ).rows
        assert (row.status, row.reference) == (OK, "onnxruntime cuda fp32")
        assert row.ratio is not None
        assert row.tf32 is options.get("tf32", False)
