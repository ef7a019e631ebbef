"""An arm's process, and every way in which it can fail: all of them real processes."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.measuring.arm_process import ArmError, ArmProcess, OutOfMemoryError
from bench.runtimes import Order, UnsupportedError
from zoo.errors import UnavailableError, UsageError, ZooError

pytestmark = pytest.mark.usefixtures("adapters", "nothing_left")


def faulty(name: str, **parts: Any) -> Order:
    return Order("no file", f"faulty:{name}", **parts)


@contextlib.contextmanager
def interrupted(after: float) -> Iterator[None]:
    """Ctrl-C so many seconds from now."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, after)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# As it should be


def test_a_whole_life(planted_onnx: Path, images_npy: Path, tmp_path: Path) -> None:
    with ArmProcess(Order(str(planted_onnx))) as arm:
        facts = arm.facts
        assert facts["image_shape"] == [32, 32, 3]
        assert facts["fixed_batch"] is None
        assert facts["load_ns"] > 0
        assert facts["what_ran"]["runtime_version"].startswith("onnxruntime ")
        answers = tmp_path / "answers.npy"
        begun = arm.ask("batch", images=str(images_npy), size=4, answers=str(answers))
        assert np.load(answers).shape == (12, 10)
        assert arm.started_at < begun["answered_at"] < time.monotonic_ns()
        given = arm.ask("calls", count=7, untimed=1)
        assert (len(given["ns"]), given["wrong"]) == (7, 0)
        block = arm.ask("block", seconds=0.01)
        assert block["wrong"] == 0
        assert 0 < sum(block["block"]["ns"]) <= block["block"]["wall_ns"]
        assert len(arm.ask("floor", count=50)["ns"]) == 50
        assert arm.ask("memory")["peak_rss_mib"] > 1


def test_progress_is_told_and_the_answer_comes_after_it(images_npy: Path, tmp_path: Path) -> None:
    told: list[int] = []
    with ArmProcess(faulty("Echo")) as arm:
        out = tmp_path / "logits.npy"
        arm.ask("predict", images=str(images_npy), size=5, logits=str(out), on_progress=told.append)
    assert told == [5, 5, 2]
    assert np.load(out).shape == (12, 10)


def test_several_get_ready_at_once_and_one_may_never_be_entered() -> None:
    one, other = ArmProcess(faulty("Echo")), ArmProcess(faulty("Echo"))
    one.start(), other.start()
    with one:
        assert one.started_at <= other.started_at
    other.end()
    other.end()


def test_one_that_was_never_started_ends() -> None:
    ArmProcess(faulty("Echo")).end()


def test_what_a_runtime_prints_does_no_harm(
    images_npy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with ArmProcess(faulty("Talks")) as arm:
        arm.ask("batch", images=str(images_npy), size=4)
        given = arm.ask("calls", count=50)
        assert (len(given["ns"]), given["wrong"]) == (50, 0)
    assert capfd.readouterr() == ("", "")


def test_a_runtime_gets_its_environment() -> None:
    with ArmProcess(faulty("WantsEnvironment", threads=7)) as arm:
        assert arm.facts["what_ran"] == {"threads": "7"}


def test_an_own_adapter_is_found_where_one_works_and_a_folder_called_bench_is_not_ours(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delenv("PYTHONPATH")
    (in_folder / "bench").mkdir()
    (in_folder / "bench" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    (in_folder / "my_adapter.py").write_text(
        "from bench.runtimes.null import Null\n"
        "class Mine(Null):\n"
        "    def image_shape(self):\n"
        "        return 1, 2, 3\n"
    )
    with ArmProcess(Order("no file", "my_adapter:Mine")) as arm:
        assert arm.facts["image_shape"] == [1, 2, 3]


# What goes wrong in a call: the process lives on


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Raises", "RuntimeError: the runtime broke"),
        ("RaisesNothingToRead", "RuntimeError"),
        ("Hungry", "out of memory"),
        ("NoClasses", "it returns logits of shape [4] for 4 images"),
        ("FewerRows", "it returns logits of shape [3, 10] for 4 images"),
    ],
)
def test_what_is_raised_is_the_reason(name: str, reason: str, images_npy: Path) -> None:
    with ArmProcess(faulty(name)) as arm:
        for _ in range(2):
            with pytest.raises(ArmError) as caught:
                arm.ask("batch", images=str(images_npy), size=4)
            assert str(caught.value) == reason
        assert arm.ask("memory")


@pytest.mark.parametrize(
    ("name", "kind", "exit_code"),
    [
        ("Absent", UnavailableError, 3),
        ("Unsupported", UnsupportedError, 3),
        ("Misused", UsageError, 2),
    ],
)
def test_the_kind_of_an_error_survives_the_pipe(
    name: str, kind: type[ZooError], exit_code: int
) -> None:
    with pytest.raises(ZooError) as caught, ArmProcess(faulty(name)):
        raise AssertionError
    assert type(caught.value) is kind
    assert caught.value.exit_code == exit_code


@pytest.mark.parametrize("name", ["SometimesWrong", "NotANumber", "Shrinks"])
def test_wrong_answers_are_counted(name: str, images_npy: Path) -> None:
    with ArmProcess(faulty(name)) as arm:
        arm.ask("batch", images=str(images_npy), size=4)
        assert arm.ask("calls", count=50)["wrong"] == 0
        assert arm.ask("calls", count=150)["wrong"] > 10
        assert arm.ask("block", seconds=0.0, least=50)["wrong"] == 10


def test_fewer_images_than_a_batch_are_refused(images_npy: Path) -> None:
    with ArmProcess(faulty("Echo")) as arm, pytest.raises(ArmError, match="fewer than 13 images"):
        arm.ask("batch", images=str(images_npy), size=13)


# How a process can end


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Killed", "its process was killed by SIGKILL, perhaps out of memory"),
        ("Exits", "its process ended with code 3"),
    ],
)
def test_a_process_that_ends_in_a_call(name: str, reason: str, images_npy: Path) -> None:
    with ArmProcess(faulty(name)) as arm:
        with pytest.raises(ArmError) as caught:
            arm.ask("batch", images=str(images_npy), size=4)
        assert str(caught.value) == reason
        with pytest.raises(ArmError, match=reason):
            arm.ask("memory")


def test_the_reason_has_the_end_of_what_it_said(images_npy: Path) -> None:
    with pytest.raises(ArmError) as caught, ArmProcess(faulty("DiesTalking")) as arm:
        arm.ask("batch", images=str(images_npy), size=4)
    told = str(caught.value)
    assert told.startswith("its process ended with code 9: ")
    assert told.endswith("the runtime's own last words")
    assert 400 < len(told) < 450


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGKILL, "SIGKILL"), (signal.SIGSEGV, "SIGSEGV")]
)
def test_one_that_is_killed_between_two_questions(number: int, name: str) -> None:
    with ArmProcess(faulty("Echo")) as arm:
        arm.ask("memory")
        os.kill(arm.child.pid, number)
        os.waitid(os.P_PID, arm.child.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(ArmError, match=f"killed by {name}"):
            arm.ask("memory")


def test_a_call_that_hangs(images_npy: Path) -> None:
    with (
        pytest.raises(ArmError, match=r"it hung: no answer in 0\.2 s"),
        ArmProcess(faulty("Hangs")) as arm,
    ):
        arm.ask("batch", images=str(images_npy), size=4, timeout=0.2)


def test_one_that_hangs_while_it_loads() -> None:
    with pytest.raises(ArmError, match=r"it hung: no answer in 0\.5 s"):
        ArmProcess(faulty("HangsLoading"), timeout=0.5).__enter__()


def test_one_that_does_not_end_is_killed() -> None:
    with ArmProcess(faulty("HangsAfterClosing"), patience=0.2) as arm:
        arm.ask("memory")
    assert arm.child.exit_code == -signal.SIGKILL


def test_one_that_cannot_be_closed_ends_all_the_same() -> None:
    with ArmProcess(faulty("ClosesBadly")) as arm:
        arm.ask("memory")
    assert arm.child.exit_code is not None


def test_an_error_of_ours_ends_the_process() -> None:
    with pytest.raises(ZeroDivisionError), ArmProcess(faulty("Echo")):
        raise ZeroDivisionError


@pytest.mark.parametrize("name", ["Hangs", "HangsLoading"])
def test_an_interrupt_ends_a_process_that_is_busy(name: str, images_npy: Path) -> None:
    # While the process starts, loads or hangs: whatever it has come to by then.
    with pytest.raises(KeyboardInterrupt), interrupted(0.7), ArmProcess(faulty(name)) as arm:
        arm.ask("batch", images=str(images_npy), size=4)


# How much memory it may take


@pytest.fixture
def vast_onnx(tmp_path: Path) -> Path:
    """A network that makes a tensor of 800 MB whatever it is shown."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("ConstantOfShape", ["count"], ["zeros"]),
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["logits"], axes=[1, 2], keepdims=0),
        helper.make_node("ReduceSum", ["logits"], ["sum"], keepdims=0),
        helper.make_node("Add", ["zeros", "sum"], ["large"]),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 32, 32, 3])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 3])
    large = helper.make_tensor_value_info("large", TensorProto.FLOAT, ["many"])
    count = numpy_helper.from_array(np.array([200_000_000]), "count")
    graph = helper.make_graph(nodes, "vast", [image], [logits, large], [count])
    opset = helper.make_opsetid("", 12)
    path = tmp_path / "vast.onnx"
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[opset]), path)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux heeds the limit")
def test_onnxruntime_on_a_cpu_is_bounded_by_address_space(
    vast_onnx: Path, images_npy: Path
) -> None:
    with ArmProcess(Order(str(vast_onnx), memory=100 * 10**6)) as arm:
        assert not arm.child.is_watched  # nobody wakes up while it is timed
        with pytest.raises(OutOfMemoryError, match="may take 100 MB of memory; --memory raises"):
            arm.ask("batch", images=str(images_npy), size=4)
        assert arm.ask("memory")


def test_another_runtime_is_watched(images_npy: Path) -> None:
    arm = ArmProcess(faulty("Swells", memory=200 * 10**6))
    with pytest.raises(OutOfMemoryError, match="it took more than 200 MB of memory; --memory"):
        arm.__enter__()
    assert arm.child.exit_code == -signal.SIGKILL


def test_of_two_that_load_at_once_both_are_watched() -> None:
    """While one is heard, the other's memory may grow."""
    one, other = (
        ArmProcess(faulty("HangsLoading"), 1.5),
        ArmProcess(faulty("Swells", memory=200 * 10**6)),
    )
    one.companion = other
    one.start(), other.start()
    with pytest.raises(ArmError, match="it hung"):
        one.__enter__()
    assert other.child.exit_code == -signal.SIGKILL
    with pytest.raises(OutOfMemoryError, match="it took more than 200 MB"):
        other.__enter__()


# What never gets to be an arm


def test_one_that_dies_before_it_is_told_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(arm: ArmProcess, what: str, **details: object) -> None:
        raise ArmError("gone")

    monkeypatch.setattr(ArmProcess, "tell", dead)
    arm = ArmProcess(faulty("Echo"))
    with pytest.raises(ArmError, match="gone"):
        arm.__enter__()
    assert arm.child.exit_code is not None


def test_a_process_that_cannot_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(FileNotFoundError):
        ArmProcess(faulty("Echo")).start()


@pytest.mark.parametrize(
    ("runtime", "told"),
    [
        ("onnxruntim", "Did you mean onnxruntime?"),
        ("nowhere:Runtime", "cannot be imported: No module named 'nowhere'"),
        ("faulty:Nobody", "cannot be imported: module 'faulty' has no attribute 'Nobody'"),
    ],
)
def test_a_runtime_nobody_knows(runtime: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        ArmProcess(Order("no file", runtime)).__enter__()


def test_a_damaged_file(planted_onnx: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.onnx"
    path.write_bytes(planted_onnx.read_bytes()[:2000])
    with pytest.raises(ArmError, match=r"half\.onnx cannot be opened: it is not an ONNX file"):
        ArmProcess(Order(str(path))).__enter__()


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match="there is no file"):
        ArmProcess(Order(str(tmp_path / "gone.onnx"))).__enter__()


@pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA works here, so it is not refused")
@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
def test_a_provider_that_is_not_here(runtime: str, planted_onnx: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        ArmProcess(Order(str(planted_onnx), runtime, "cuda")).__enter__()
    assert type(caught.value) is UnavailableError
    assert "cuda" in str(caught.value) or "GPU" in str(caught.value)


def test_a_provider_nobody_knows(planted_onnx: Path) -> None:
    with pytest.raises(UsageError, match="there is no provider 'cpuu'"):
        ArmProcess(Order(str(planted_onnx), provider="cpuu")).__enter__()


def test_a_session_that_silently_took_the_cpu_is_refused(planted_onnx: Path) -> None:
    with pytest.raises(UnavailableError, match="onnxruntime did not start it"):
        ArmProcess(Order(str(planted_onnx), "faulty:NotStarted", "cuda")).__enter__()


def test_a_node_on_another_provider_is_refused_unless_allowed(planted_onnx: Path) -> None:
    order = Order(str(planted_onnx), "faulty:PlacedElsewhere")
    with pytest.raises(UnavailableError, match=r"does not compute all of .*Conv on Slow"):
        ArmProcess(order).__enter__()
    with ArmProcess(Order(str(planted_onnx), "faulty:PlacedElsewhere", allow_fallback=True)) as arm:
        told = arm.facts["what_ran"]
    assert told["elsewhere"] == ["Conv on SlowExecutionProvider"]
    assert told["nodes"]["SlowExecutionProvider"] == 1
