"""Rows of two sittings are measured again where both files are still there, else not at all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import matrix
from bench.matrix import Preset
from bench.remeasure import Remeasurer
from bench.results import Row
from bench.subjects import Subject, find_subjects


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch, tiny_preset: Preset, module_hurry: None) -> None:
    monkeypatch.setitem(matrix.PRESETS, "standard", tiny_preset)


def row(of: Subject, **parts: Any) -> Row:
    facts: dict[str, Any] = {
        "subject": of.name,
        "precision": of.precision,
        "runtime": "onnxruntime",
        "provider": "cpu",
        "boundary": "host",
        "threads": 1,
        "batch": 2,
        "sha256": of.sha256,
    }
    return Row(**(facts | parts))


def test_published_files_are_found_by_their_hashes(mlp_exports: Path) -> None:
    fp32, int8 = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    found = again(row(fp32), row(int8, subject="another name", precision="fp32"))
    assert found is not None
    assert found.instances == 2
    assert found.low < found.ratio < found.high


def test_files_of_other_origin_are_found_by_path_and_hash(
    tiny_onnx: Callable[..., Path], tmp_path: Path
) -> None:
    a, b = (
        find_subjects([str(tiny_onnx(f"{name}.onnx", classes=classes))], tmp_path)[0]
        for name, classes in (("a", 3), ("b", 4))
    )
    found = Remeasurer(tmp_path)(row(a), row(b))
    assert found is not None
    assert found.turns > 0


def test_a_file_that_has_changed_since_is_not_measured(
    tiny_onnx: Callable[..., Path], tmp_path: Path, started: list[str]
) -> None:
    (before,) = find_subjects([str(tiny_onnx())], tmp_path)
    (after,) = find_subjects([str(tiny_onnx(classes=4))], tmp_path)
    assert Remeasurer(tmp_path)(row(before), row(after)) is None
    assert started == []


def test_a_file_that_is_gone_is_not_measured(mlp_exports: Path, started: list[str]) -> None:
    (fp32, _) = find_subjects(["mlp"], mlp_exports)
    again = Remeasurer(mlp_exports)
    assert again(row(fp32), row(fp32, sha256="0" * 64)) is None
    assert again(row(fp32, subject="gone.onnx", sha256="0" * 64), row(fp32)) is None
    assert again(row(fp32, sha256=None), row(fp32)) is None
    assert started == []


def test_where_nothing_is_published_there_is_nothing_to_measure(tmp_path: Path) -> None:
    nothing = Subject("cnn", "fp32", None, "0" * 64)
    assert Remeasurer(tmp_path)(row(nothing), row(nothing)) is None
