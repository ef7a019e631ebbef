"""Arms: what each is compared with, which there are not, and what its process is told to load."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.runtimes import Order
from bench.subjects.arm import Arm
from bench.subjects.subject import THIRD_PARTY, Subject, find_subjects
from zoo.artifacts.artifact import Artifact
from zoo.artifacts.card import Card
from zoo.ort.given import Given

FILE = Subject("some.onnx", THIRD_PARTY, Path("some.onnx"), "a" * 64, 10)


@pytest.fixture
def published(make_card: Callable[..., Card]) -> Callable[[str], Subject]:
    """A file of an artifact, which needs not be there."""

    def make(precision: str) -> Subject:
        artifact = Artifact(Path("exports"), "cnn-digits", {"precisions": ["fp32", "int8"]})
        artifact.__dict__["card"] = make_card(id="cnn-digits")
        artifact.__dict__["file"] = lambda name: Path("exports", "cnn-digits", f"{name}.onnx")
        path = Path("exports", "cnn-digits", f"{precision}.onnx")
        return Subject("cnn-digits", precision, path, artifact=artifact)

    return make


def test_a_third_party_file_is_its_own_reference() -> None:
    arm = Arm(FILE)
    assert arm.is_reference
    assert arm.reference() == arm
    for other in ({"runtime": "torch"}, {"provider": "cuda"}, {"boundary": "device"}):
        assert not replace(arm, **other).is_reference
        assert replace(arm, **other).reference() == arm


def test_an_artifacts_reference_is_its_fp32_file(mlp_exports: Path) -> None:
    fp32, int8 = find_subjects(["mlp"], mlp_exports, ["fp32", "int8"])
    arm = Arm(int8, "torch", "cuda", "device", 2, cuda_graph=True)
    assert not arm.is_reference
    found = arm.reference()
    assert found.is_reference
    assert (found.subject.precision, found.subject.path) == ("fp32", fp32.path)
    assert found.threads == 2


ON_GPU = {"provider": "cuda", "threads": 2}


@pytest.mark.parametrize(
    ("precision", "parts"),
    [
        ("fp32", {"runtime": "torch"}),
        ("fp32", {"runtime": "torch-compile"}),
        ("fp32", {"tf32": True}),
        ("int8", {}),
        ("fp16", {}),
        ("fp16", {"tf32": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("boundary", ["host", "device"])
@pytest.mark.parametrize("batch", [1, 64])
def test_on_a_gpu_each_arm_meets_onnxruntimes_fp32_there(
    published: Callable[[str], Subject],
    precision: str,
    parts: dict[str, Any],
    boundary: Any,
    batch: int,
) -> None:
    arm = Arm(published(precision), **ON_GPU, boundary=boundary, **parts)
    rival = arm.rival(batch)
    assert rival is not None
    assert (rival.runtime, rival.subject.precision) == ("onnxruntime", "fp32")
    assert (rival.provider, rival.boundary, rival.threads) == ("cuda", boundary, 2)
    assert (rival.tf32, rival.cuda_graph) == (False, False)


def test_a_recorded_graph_meets_the_arm_that_is_none(
    published: Callable[[str], Subject],
) -> None:
    arm = Arm(published("fp32"), **ON_GPU, boundary="device", cuda_graph=True)
    assert arm.rival(1) == replace(arm, cuda_graph=False)


@pytest.mark.parametrize("boundary", ["host", "device"])
def test_onnxruntimes_fp32_on_a_gpu_meets_the_cpu_at_batch_1_only(
    published: Callable[[str], Subject], boundary: Any
) -> None:
    arm = Arm(published("fp32"), **ON_GPU, boundary=boundary)
    assert arm.rival(1) == Arm(published("fp32"), threads=2)
    assert arm.rival(64) is None


def test_on_the_cpu_each_arm_meets_onnxruntimes_fp32_at_every_batch_size(
    published: Callable[[str], Subject],
) -> None:
    on_cpu = Arm(published("fp32"), threads=2)
    for batch in (1, 64):
        assert on_cpu.rival(batch) is None
        for arm in (replace(on_cpu, runtime="torch"), Arm(published("int8"), threads=2)):
            found = arm.rival(batch)
            assert found is not None
            assert found.is_reference


def test_where_onnxruntime_does_not_compute_the_cpu_is_what_there_is(
    published: Callable[[str], Subject],
) -> None:
    arm = Arm(published("fp32"), "mine:Runtime", "tpu", "device")
    assert arm.rival(64) == Arm(published("fp32"))


@pytest.mark.parametrize(
    ("precision", "arm", "reason"),
    [
        ("fp32", ("torch", "cpu", "host"), None),
        ("int8", ("torch", "cpu", "host"), "torch runs the fp32 weights, not int8"),
        ("int8", ("torch-compile", "cuda", "host"), "torch runs the fp32 weights, not int8"),
        ("fp32", ("onnxruntime", "cuda", "device"), None),
        ("fp32", ("onnxruntime", "cpu", "device"), "all memory is the host's"),
        (THIRD_PARTY, ("onnxruntime", "cpu", "host"), None),
        (THIRD_PARTY, ("torch", "cpu", "host"), "a third-party file"),
        ("int8", ("bench.runtimes.null:Null", "cpu", "host"), None),
        ("none", ("onnxruntime", "cpu", "host"), "cnn-digits has no none file"),
    ],
)
def test_combinations_that_do_not_exist_say_so(
    published: Callable[[str], Subject],
    precision: str,
    arm: tuple[str, str, Any],
    reason: str | None,
) -> None:
    subject = FILE if precision == THIRD_PARTY else published(precision)
    if precision == "none":
        subject = replace(subject, path=None)
    found = Arm(subject, *arm, threads=1).skipped
    assert (found is None) == (reason is None)
    assert reason is None or reason in str(found)


def test_the_order_of_a_bare_arm_is_the_usual_one() -> None:
    assert Arm(FILE).order() == Order("some.onnx")


def test_everything_of_an_arm_is_in_its_order() -> None:
    subject = replace(FILE, given=Given((0.5,), (0.25,)), data="cifar10")
    arm = Arm(subject, "torch", "cuda", "device", 2, cuda_graph=True, tf32=True)
    assert arm.order(allow_fallback=True, memory=7) == Order(
        "some.onnx",
        runtime="torch",
        provider="cuda",
        threads=2,
        boundary="device",
        given=Given((0.5,), (0.25,)),
        tf32=True,
        cuda_graph=True,
        allow_fallback=True,
        memory=7,
        shown=(32, 32),
    )
    assert not replace(arm, cuda_graph=False).order().cuda_graph
