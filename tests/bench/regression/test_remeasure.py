"""Rows of two sweeps are measured again where both files are still there, else not at all."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.environment import environment
from bench.measuring.turns import Plan, Turns
from bench.regression import remeasure
from bench.regression.remeasure import Remeasurer
from bench.results.rows import Row
from bench.runtimes import Order
from bench.subjects.subject import Subject, find_subjects
from bench.sweep import matrix
from bench.sweep.matrix import Preset
from tests.factories import asked
from zoo.errors import ZooError
from zoo.ort.given import Given
from zoo.ort.providers import load_onnxruntime

HERE = environment().machine
RUNTIME = f"onnxruntime {load_onnxruntime().__version__}"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch, tiny_preset: Preset) -> None:
    monkeypatch.setitem(matrix.PRESETS, "standard", tiny_preset)


def row_of(of: Subject, **parts: Any) -> Row:
    known = {"subject": of.name, "precision": of.precision, "sha256": of.sha256}
    return asked(**(known | {"batch": 2, "runtime_version": RUNTIME, "machine": HERE} | parts))


def test_published_files_are_found_by_their_hashes(mlp_exports: Path) -> None:
    fp32, int8 = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    found = again(row_of(fp32), row_of(int8, subject="another name", precision="fp32"))
    assert found is not None
    assert found.instances == 2
    assert found.low < found.ratio < found.high


def test_third_party_files_are_found_by_path_and_hash(
    tiny_onnx: Callable[..., Path], tmp_path: Path
) -> None:
    a, b = (
        find_subjects([str(tiny_onnx(f"{name}.onnx", classes=classes))], tmp_path)[0]
        for name, classes in (("a", 3), ("b", 4))
    )
    found = Remeasurer(tmp_path)(row_of(a), row_of(b))
    assert found is not None
    assert found.turns > 0


def test_a_file_that_has_changed_since_is_not_measured(
    tiny_onnx: Callable[..., Path], tmp_path: Path, started: list[str]
) -> None:
    (before,) = find_subjects([str(tiny_onnx())], tmp_path)
    (after,) = find_subjects([str(tiny_onnx(classes=4))], tmp_path)
    assert Remeasurer(tmp_path)(row_of(before), row_of(after)) is None
    assert started == []


def test_a_file_that_is_gone_is_not_measured(mlp_exports: Path, started: list[str]) -> None:
    (fp32, _) = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    assert again(row_of(fp32), row_of(fp32, sha256="0" * 64)) is None
    assert again(row_of(fp32, subject="gone.onnx", sha256="0" * 64), row_of(fp32)) is None
    assert again(row_of(fp32, sha256=None), row_of(fp32)) is None
    assert started == []


def test_a_runtime_that_is_not_installed_any_more_is_not_measured(mlp_exports: Path) -> None:
    """The runtime of now would run as both, and what an upgrade cost would never be seen."""
    fp32, int8 = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    old = row_of(fp32, runtime_version="onnxruntime 0.1")
    assert again(old, row_of(fp32)) is None  # the same file: nothing that differs can be had here
    for base, new in (
        (old, row_of(int8)),
        (row_of(int8), old),
        (row_of(int8, runtime_version=None), row_of(fp32)),
    ):
        with pytest.raises(ZooError, match=rf"measured with .*, but {RUNTIME} is installed"):
            again(base, new)


def test_what_would_be_the_same_thing_twice_is_not_measured(
    mlp_exports: Path, started: list[str]
) -> None:
    (fp32, _) = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    for parts in ({"nodes": 7}, {"conv_search": "HEURISTIC"}, {"placed_share": 0.5}):
        assert again(row_of(fp32), row_of(fp32, **parts)) is None
    assert started == []


@pytest.mark.parametrize("parts", [{"machine": "elsewhere"}, {"machine": None}])
def test_rows_of_another_machine_are_not_measured(
    mlp_exports: Path, started: list[str], parts: dict[str, Any]
) -> None:
    fp32, int8 = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    for base, new in ((row_of(fp32, **parts), row_of(int8)), (row_of(fp32), row_of(int8, **parts))):
        with pytest.raises(ZooError, match="not both measured on this machine"):
            again(base, new)
    assert started == []


def test_what_was_asked_is_asked_again(
    tiny_onnx: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Order, Order, Plan]] = []

    def take(a: Order, b: Order, images: Path, batch: int, plan: Plan) -> Turns:
        seen.append((a, b, plan))
        return Turns([[[1, 2, 2, 1]]] * 2)

    monkeypatch.setattr(remeasure, "take_turns", take)
    a, b = (
        find_subjects(
            [str(tiny_onnx(f"{name}.onnx", kind="float32-nchw", metadata={}, classes=classes))],
            tmp_path,
        )
        for name, classes in (("a", 3), ("b", 4))
    )
    given = Given((0.5,) * 3, (0.25,) * 3)
    again = Remeasurer(tmp_path, given=given, timeout=7.0)
    assert again(row_of(a[0]), row_of(b[0], elsewhere="Conv on the CPU")) is not None
    ((first, second, plan),) = seen
    told = replace(given, data=row_of(a[0]).dataset)
    assert (first.given, second.given, plan.timeout) == (told, told, 7.0)
    assert (first.allow_fallback, second.allow_fallback) == (False, True)
    order = remeasure._order(replace(row_of(a[0]), cuda_graph=True, boundary="device"), a[0])
    assert (order.cuda_graph, order.boundary) == (True, "device")


def test_where_nothing_is_published_there_is_nothing_to_measure(tmp_path: Path) -> None:
    nothing = Subject("cnn", "fp32", None, "0" * 64)
    assert Remeasurer(tmp_path)(row_of(nothing), row_of(nothing)) is None
