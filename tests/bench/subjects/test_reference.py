"""`bench --reference`: which of those measured is meant."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.subjects.arm import Arm
from bench.subjects.reference import find_reference
from bench.subjects.subject import find_subjects
from zoo.errors import UsageError


def test_of_a_model_it_is_the_fp32_file(mlp_exports: Path) -> None:
    subjects = find_subjects(["mlp"], mlp_exports, ["int8"])
    found = find_reference("mlp", subjects, mlp_exports)
    (fp32,) = find_subjects(["mlp"], mlp_exports, ["fp32"])
    assert (found.precision, found.path, found.sha256) == ("fp32", fp32.path, fp32.sha256)


def test_a_file_is_found_by_its_path(tiny_onnx: Any) -> None:
    files = [str(tiny_onnx(name)) for name in ("a.onnx", "b.onnx")]
    subjects = find_subjects(files, Path("exports"))
    assert find_reference(files[1], subjects, Path("exports")) == subjects[1]


def test_it_has_to_be_among_those_that_are_measured(tiny_onnx: Any, mlp_exports: Path) -> None:
    subjects = find_subjects([str(tiny_onnx("a.onnx"))], Path("exports"))
    for name in ("mlp", "other.onnx"):
        with pytest.raises(UsageError, match=rf"--reference {name}: it is not among .*a\.onnx"):
            find_reference(name, subjects, mlp_exports)


def test_the_reference_has_no_rival_and_is_that_of_all_others(tiny_onnx: Any) -> None:
    a, b = find_subjects([str(tiny_onnx(name)) for name in ("a.onnx", "b.onnx")], Path("exports"))
    assert Arm(a, threads=2, against=a).rival(1) is None
    assert Arm(b, threads=2, against=a).rival(1) == Arm(a, threads=2)
    assert Arm(a, "torch", against=a).rival(1) == Arm(a)
    assert Arm(b).rival(1) is None


def test_on_a_gpu_all_others_meet_it_there_and_it_meets_the_cpu(tiny_onnx: Any) -> None:
    a, b = find_subjects([str(tiny_onnx(name)) for name in ("a.onnx", "b.onnx")], Path("exports"))
    on_gpu = Arm(a, provider="cuda")
    assert Arm(b, provider="cuda", against=a).rival(64) == on_gpu
    held = replace(on_gpu, against=a)
    assert (held.rival(1), held.rival(64)) == (Arm(a), None)
