"""A sweep that holds several files against one of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.results.recompute import recompute
from bench.results.rows import OK
from bench.subjects.subject import find_subjects
from bench.sweep.matrix import Cell, Settings, arms_of
from zoo.errors import UsageError

Sweep = Callable[..., Any]


def test_all_are_held_against_the_one_that_is_named(sweep_of: Sweep, tiny_onnx: Any) -> None:
    a, b, other = (
        tiny_onnx("a.onnx"),
        tiny_onnx("b.onnx"),
        tiny_onnx("c.onnx", size=(6, 6)),
    )
    found = sweep_of(a, b, other, runtimes=("onnxruntime",), reference=str(b))
    first, second, third = (found.row(subject=str(path)) for path in (a, b, other))
    assert (first.reference, first.reference_subject) == ("onnxruntime cpu file", str(b))
    assert first.reference_sha256 == second.sha256
    assert first.ratio > 0
    assert (second.reference, second.ratio) == (None, None)
    assert (third.status, third.ratio) == (OK, None)
    assert (
        third.unpaired
        == "it takes images of another shape than the reference, 4 x 5 x 3 and 6 x 6 x 3"
    )
    assert recompute(found.out).differing == ()


def test_it_is_a_part_of_the_cell(tiny_onnx: Any) -> None:
    a, b = find_subjects([str(tiny_onnx(name)) for name in ("a.onnx", "b.onnx")], Path("exports"))
    settings = Settings(threads=(1,))
    plain, _ = arms_of([a, b], settings)
    held, _ = arms_of([a, b], settings, b)
    assert held == replace(plain, against=b)
    assert Cell(held, 1).hash(settings, "here") != Cell(plain, 1).hash(settings, "here")


def test_one_that_is_not_measured_is_refused(
    sweep_of: Sweep, tiny_onnx: Any, started: list[str]
) -> None:
    with pytest.raises(
        UsageError, match=r"--reference b\.onnx: it is not among the models measured"
    ):
        sweep_of(tiny_onnx("a.onnx"), reference="b.onnx")
    assert started == []
