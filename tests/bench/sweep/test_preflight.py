"""What is found out, and what is refused, before anything is measured."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.subjects.arm import Arm
from bench.subjects.subject import FOREIGN, Given, Subject, find_subjects
from bench.sweep.matrix import Settings
from bench.sweep.preflight import Takes, check_arms
from zoo.errors import UsageError
from zoo.progress import Progress

Sweep = Callable[..., Any]
TIMES_ALONE = Settings(threads=(1,), measure_accuracy=False)


def test_each_third_party_file_is_opened_once(
    tiny_onnx: Any, mlp_exports: Path, started: list[str]
) -> None:
    free, fixed = Subject("free", FOREIGN, tiny_onnx()), tiny_onnx("2.onnx", batch=2)
    (ours,) = find_subjects(["mlp"], mlp_exports, ["fp32"])
    arms = [Arm(free), Arm(free, "torch"), Arm(Subject("fixed", FOREIGN, fixed)), Arm(ours)]
    found = check_arms(arms, TIMES_ALONE, None, Progress())
    assert found == {"free": Takes((4, 5, 3), None), "fixed": Takes((4, 5, 3), 2)}
    assert started == ["tiny.onnx onnxruntime", "2.onnx onnxruntime"]


def test_a_file_that_cannot_be_opened_condemns_no_other(tiny_onnx: Any, tmp_path: Path) -> None:
    """Its own rows say why."""
    gone = Arm(Subject("gone", FOREIGN, tmp_path / "gone.onnx"))
    good = Arm(Subject("good", FOREIGN, tiny_onnx()))
    assert list(check_arms([gone, good], TIMES_ALONE, None, Progress())) == ["good"]


def test_normalisation_that_is_not_known_is_asked_for(
    sweep_of: Sweep, tiny_onnx: Any, tmp_path: Path
) -> None:
    file = tiny_onnx(kind="float32-nchw", metadata={})
    with pytest.raises(UsageError, match=r"--mean \.485"):
        sweep_of(file, runtimes=("onnxruntime",))
    assert not (tmp_path / "results.csv").exists()


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
    with pytest.raises(UsageError, match=r"name one with --data; or leave --accuracy away"):
        sweep_of(tiny_onnx(), measure_accuracy=True)
