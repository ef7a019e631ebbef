"""What the process of an arm does, asked directly; test_arm_process.py asks real processes."""

import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.measuring.kernel import peak_rss_mib
from bench.measuring.samples import Block
from bench.measuring.worker import Worker, timed
from bench.runtimes import Order
from bench.runtimes.null import Null
from zoo.errors import ZooError
from zoo.ort.given import Given

pytestmark = pytest.mark.usefixtures("adapters")


def opened(name: str = "Echo", answers: io.StringIO | None = None) -> Worker:
    worker = Worker(answers or io.StringIO())
    worker.load(Order("no file", f"faulty:{name}").to_json())
    return worker


def served(worker: Worker, answers: io.StringIO, *commands: dict[str, Any]) -> list[dict[str, Any]]:
    worker.serve(io.StringIO("".join(json.dumps(command) + "\n" for command in commands)))
    return [json.loads(line) for line in answers.getvalue().splitlines()]


def expected(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What `Echo` says of images."""
    flat = images.reshape(len(images), -1)
    return np.hstack([flat.mean(axis=1, keepdims=True), flat[:, :9]]).astype(np.float32)


def test_calls_go_round_the_batches() -> None:
    seen: list[str] = []
    ns, answers = timed(lambda placed: seen.append(placed) or placed.upper(), ["a", "b", "c"], 2, 5)
    assert seen == ["c", "a", "b", "c", "a"]
    assert answers == ["C", "A", "B", "C", "A"]
    assert len(ns) == 5
    assert min(ns) >= 0
    assert timed(str, [], 0, 0) == ([], [])


def test_a_file_of_images_gives_as_many_different_batches_as_it_can(images_npy: Path) -> None:
    worker = opened()
    for size, count in ((5, 2), (1, 12), (12, 1)):
        worker.batch(str(images_npy), size)
        assert [placed.shape for placed in worker.pool] == [(size, 10)] * count
        firsts = [int(placed[0, 1]) for placed in worker.pool]
        assert firsts == [size * at for at in range(count)]


def test_the_images_of_a_batch_can_be_written_to(images_npy: Path) -> None:
    """torch warns of arrays that it cannot write to, as parts of a mapped file are."""
    kept: list[NDArray[np.uint8]] = []

    class Keeps(Null):
        def place(self, images: NDArray[np.uint8]) -> Any:
            kept.append(images)
            return super().place(images)

    worker = Worker(io.StringIO())
    worker.adapter = Keeps()
    worker.batch(str(images_npy), 4)
    assert all(images.flags.writeable and images.flags.c_contiguous for images in kept)
    np.testing.assert_array_equal(np.concatenate(kept), np.load(images_npy))


def test_the_answers_of_all_batches_are_kept(images_npy: Path, tmp_path: Path) -> None:
    worker, out = opened(), tmp_path / "answers.npy"
    worker.batch(str(images_npy), 5, str(out))
    np.testing.assert_array_equal(np.load(out), expected(np.load(images_npy)[:10]))


def test_a_size_that_came_before_is_known(images_npy: Path) -> None:
    worker = opened()
    known = [worker.batch(str(images_npy), size)["known"] for size in (1, 4, 1)]
    assert known == [False, False, True]


def test_turns_rotate_through_the_batches(images_npy: Path) -> None:
    worker = opened()
    worker.batch(str(images_npy), 4)
    for at in (0, 2, 4):
        assert worker.next == at
        given = worker.calls(2, untimed=3)
        assert (len(given["ns"]), given["wrong"]) == (2, 0)


def test_a_block_lasts_as_long_as_asked_and_has_its_evidence(images_npy: Path) -> None:
    worker = opened()
    worker.batch(str(images_npy), 1)
    block = Block(**worker.block(0.02)["block"])
    assert block.wall_ns >= 0.02e9
    assert 0 < sum(block.ns) <= block.wall_ns
    assert {"steal_share", "delay_share", "pressure_share", "clock_mhz"} <= set(block.evidence)
    assert worker.next == len(block.ns)
    json.dumps(asdict(block))


@pytest.mark.parametrize("least", [1, 7, 300])
def test_a_block_has_at_least_so_many_calls(least: int, images_npy: Path) -> None:
    worker = opened()
    worker.batch(str(images_npy), 4)
    assert len(worker.block(0.0, least)["block"]["ns"]) == least


def test_every_wrong_answer_of_a_block_is_counted(images_npy: Path) -> None:
    worker = opened("SometimesWrong")
    worker.batch(str(images_npy), 4)  # 4 calls
    given = worker.block(0.02, 200)
    calls = 4 + len(given["block"]["ns"])
    assert given["wrong"] == calls // 5 - 100 // 5


def test_an_answer_a_little_off_is_not_wrong(images_npy: Path) -> None:
    worker = opened()
    worker.batch(str(images_npy), 4)
    largest = float(np.abs(worker.expected[0]).max())
    for off, wrong in ((0.9e-4, 0), (1.1e-4, 1)):
        assert worker._wrong([worker.expected[0] + np.float32(off * (1 + largest))]) == wrong
    assert worker._wrong([worker.expected[0].T]) == 1
    assert worker._wrong([worker.expected[1]]) == 1


def test_the_floor_is_timed_like_a_model(images_npy: Path) -> None:
    worker = opened()
    worker.batch(str(images_npy), 4)
    before = worker.next
    assert len(worker.floor(80)["ns"]) == 80
    assert worker.next == before


def test_the_last_batch_of_a_test_set_is_filled_up_and_cut(
    images_npy: Path, tmp_path: Path
) -> None:
    shapes: list[tuple[int, ...]] = []
    numbers: list[list[int]] = []
    answers, out = io.StringIO(), tmp_path / "logits.npy"
    worker = opened(answers=answers)
    place = worker.adapter.place

    def seen(images: np.ndarray) -> Any:
        shapes.append(images.shape)
        numbers.append(images[:, 0, 0, 0].tolist())
        return place(images)

    worker.adapter.place = seen  # type: ignore[method-assign]
    worker.predict(str(images_npy), 5, str(out))
    assert shapes == [(5, 32, 32, 3)] * 3
    assert numbers[-1] == [10, 11, 0, 1, 2]  # real images: a file may look at the whole batch
    np.testing.assert_array_equal(np.load(out), expected(np.load(images_npy)))
    assert [json.loads(line) for line in answers.getvalue().splitlines()] == [
        {"progress": 5},
        {"progress": 5},
        {"progress": 2},
    ]


def test_memory_is_what_the_kernel_says() -> None:
    peak = opened().memory()["peak_rss_mib"]
    assert peak is None or peak > 1
    assert peak == peak_rss_mib()


def test_every_line_has_one_answer_whatever_happens(images_npy: Path) -> None:
    answers = io.StringIO()
    worker = opened("Raises", answers)
    given = served(
        worker,
        answers,
        {"do": "batch", "images": str(images_npy), "size": 4},
        {"do": "batch", "images": "/no/such.npy", "size": 4},
        {"do": "dance"},
        {"do": "memory", "what": 1},
        {"do": "load", "order": {"model": "x", "runtime": "faulty:Absent"}},
        {"do": "load", "order": {"model": "x", "colour": 1}},
        {"do": "close"},
    )
    assert len(given) == 7
    assert given[0] == {"error": "RuntimeError: the runtime broke", "kind": "Exception"}
    assert given[1]["error"].startswith("FileNotFoundError: ")
    assert given[2]["error"].startswith("AttributeError: ")
    assert given[3]["error"].startswith("TypeError: ")
    assert given[4] == {"error": "there is no such device here", "kind": "UnavailableError"}
    assert given[5]["error"] == "ValueError: order has unknown fields: colour"
    assert given[6] == {}


def test_what_a_load_tells_is_json(planted_onnx: Path) -> None:
    worker = Worker(io.StringIO())
    told = json.loads(json.dumps(worker.load(Order(str(planted_onnx)).to_json())))
    assert told["image_shape"] == [32, 32, 3]
    assert sum(told["what_ran"]["nodes"].values()) > 4
    worker.close()


def test_an_order_survives_the_pipe() -> None:
    told = Given((0.5,), (0.25, 1.0), layout="nhwc", size=(28, 40), class_names=("a", "b"))
    order = Order("m.onnx", "torch", "cuda", 3, "device", told, (0, 1), True)
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order
    assert Order.from_json(Order("m").to_json()) == Order("m")


class TimesItself(Null):
    """As one whose calls run in a separate process."""

    def timed(self, batches: list[Any]) -> tuple[list[int], list[Any]]:
        return [7] * len(batches), [self.run(placed) for placed in batches]

    def memory(self) -> dict[str, float]:
        return {"peak_rss_mib": 12.5}


class Miscounts(TimesItself):
    def timed(self, batches: list[Any]) -> tuple[list[int], list[Any]]:
        ns, answers = super().timed(batches)
        return ns[:-1], answers


def test_a_runtime_may_time_itself_and_tell_its_memory(images_npy: Path) -> None:
    worker = Worker(io.StringIO())
    worker.adapter = TimesItself()
    assert worker.batch(str(images_npy), 4)["first_ns"] == 7
    assert worker.calls(3) == {"ns": [7, 7, 7], "wrong": 0}
    assert set(worker.block(0.0, 5)["block"]["ns"]) == {7}
    assert worker.floor(10) == {"ns": []}  # there is nothing of the harness in its times
    found = worker.memory()
    assert found["peak_rss_mib"] == 12.5
    assert "vram_mib" in found


def test_times_that_are_missing_are_noticed(images_npy: Path) -> None:
    worker = Worker(io.StringIO())
    worker.adapter = Miscounts()
    with pytest.raises(ZooError, match="it timed 0 of 1 calls and returned 1 answers"):
        worker.batch(str(images_npy), 4)
