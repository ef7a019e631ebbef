"""What is found out, and what is refused, before anything is measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.results.rows import FAILED, OK
from bench.subjects.arm import Arm
from bench.subjects.subject import THIRD_PARTY, Subject, find_subjects
from bench.sweep.matrix import Settings
from bench.sweep.preflight import Takes, check_arms
from zoo.actions.verify import verify
from zoo.errors import UsageError
from zoo.ort.given import Given
from zoo.progress import Progress

Sweep = Callable[..., Any]
TIMES_ALONE = Settings(threads=(1,), measure_accuracy=False)


def test_each_third_party_file_is_opened_once(
    tiny_onnx: Any, mlp_exports: Path, started: list[str]
) -> None:
    free, fixed = Subject("free", THIRD_PARTY, tiny_onnx()), tiny_onnx("2.onnx", batch=2)
    (ours,) = find_subjects(["mlp"], mlp_exports, ["fp32"])
    arms = [Arm(free), Arm(free, "torch"), Arm(Subject("fixed", THIRD_PARTY, fixed)), Arm(ours)]
    found = check_arms(arms, TIMES_ALONE, None, Progress())
    assert found.takes == {"free": Takes((4, 5, 3), None), "fixed": Takes((4, 5, 3), 2)}
    assert started == ["tiny.onnx onnxruntime", "2.onnx onnxruntime"]


def test_a_file_that_cannot_be_opened_leaves_the_others(tiny_onnx: Any, tmp_path: Path) -> None:
    """Its own rows say why."""
    gone = Arm(Subject("gone", THIRD_PARTY, tmp_path / "gone.onnx"))
    good = Arm(Subject("good", THIRD_PARTY, tiny_onnx()))
    found = check_arms([gone, good], TIMES_ALONE, None, Progress())
    assert list(found.takes) == ["good"]
    assert found.problems == {"gone": "there is no such file"}


def test_half_a_normalisation_is_asked_for(sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path) -> None:
    file = tiny_onnx(kind="float32-nchw", metadata={})
    with pytest.raises(UsageError, match=r"by which std\. .*--mean \.485"):
        sweep_of(file, runtimes=("onnxruntime",), given=Given(mean=(0.5,)))
    assert not (tmp_path / "results.csv").exists()


def test_without_any_normalisation_speed_alone_is_measured_and_said(
    sweep_of: Sweep, tiny_onnx: Any
) -> None:
    file = tiny_onnx(kind="float32-nchw", size=(32, 32), classes=10, metadata={})
    options: dict[str, Any] = {"given": Given(data="digits"), "runtimes": ("onnxruntime",)}
    found = sweep_of(file, **options)
    (row,) = found.rows
    assert (row.status, row.accuracy, row.inputs) == (OK, None, "test set of digits")
    assert row.p50_ms > 0
    assert row.accuracy_reason.startswith("speed only: ")
    assert f"{file}: {row.accuracy_reason}" in found.told
    with pytest.raises(UsageError, match=r"speed only.*; or leave out --accuracy"):
        sweep_of(file, out="more.csv", measure_accuracy=True, **options)


def test_one_unsuitable_file_among_several_is_a_failed_row_in_the_words_of_verify(
    sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
) -> None:
    good, free = tiny_onnx("good.onnx"), tiny_onnx("free.onnx", size=("h", "w"))
    damaged, beside = tmp_path / "damaged.onnx", tiny_onnx("beside.onnx")
    damaged.write_bytes(b"\xff" * 9)
    beside.with_suffix(".json").write_text("{")
    files = (good, free, damaged, beside)
    found = {Path(row.subject): row for row in sweep_of(*files, runtimes=("onnxruntime",)).rows}
    assert found[good].status == OK
    assert {found[path].status for path in files[1:]} == {FAILED}
    said = {
        check.target: check.text
        for check in verify(*files)
        if check.name in ("loads", "images", "description") and check.status != "ok"
    }
    assert set(said) == set(map(str, files[1:]))
    for path in (damaged, beside):
        assert found[path].reason == said[str(path)]
    # A file is called by its name there, by its path here.
    assert found[free].reason.endswith(said[str(free)].removeprefix("free.onnx"))


def test_another_number_of_classes_is_refused_where_accuracy_is_demanded(
    sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
) -> None:
    for batch in ("batch", 2):
        with pytest.raises(UsageError, match=r"it gives 4 classes, digits has 10.*--data"):
            sweep_of(
                tiny_onnx(classes=4, batch=batch, metadata={}),
                given=Given(data="digits"),
                measure_accuracy=True,
            )
    assert list(tmp_path.glob("results*")) == []


def test_so_is_a_file_whose_test_set_nothing_tells(sweep_of: Sweep, tiny_onnx: Any) -> None:
    with pytest.raises(UsageError, match=r"add --data; or leave out --accuracy"):
        sweep_of(tiny_onnx(), measure_accuracy=True)
