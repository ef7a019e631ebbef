"""Latents are computed once: after a kill, in two processes, at any batch size."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo.errors import ZooError
from zoo.transfer import latents as module
from zoo.transfer.latents import CHUNK, LatentsKey, Runtime, finished, latents

KEY = LatentsKey("noise", "f" * 64, "", "train", "sums", "w" * 64, "8x8")
WIDTH = 6
IMAGES = 2 * CHUNK + 100


def images_of(count: int = IMAGES) -> NDArray[np.uint8]:
    draw = np.random.default_rng(4)
    return draw.integers(0, 256, (count, 8, 8, 3)).astype(np.uint8)


def sums(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Weighted means of an image, which tell left from right."""
    flat = images.reshape(len(images), -1).astype(np.float32) / 255
    weights = np.random.default_rng(1).normal(size=(flat.shape[1], WIDTH)).astype(np.float32)
    return flat @ weights


class Counting:
    """A runtime that counts images, and dies after a number of them where that is given."""

    def __init__(self, die_after: int | None = None) -> None:
        self.seen = 0
        self.largest = 0
        self.die_after = die_after

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen += len(images)
        self.largest = max(self.largest, len(images))
        if self.die_after is not None and self.seen > self.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        return sums(images)

    @property
    def runtime(self) -> Runtime:
        return Runtime("numpy", "fp32", WIDTH, self)


def test_they_are_those_of_the_runtime_whatever_the_batch(tmp_path: Path) -> None:
    images = images_of()
    for batch in (1, 64, 100, 10_000):
        counting = Counting()
        cache = tmp_path / str(batch)
        found = latents(KEY, images, counting.runtime, batch=batch, cache_dir=cache)
        assert counting.seen == IMAGES
        assert counting.largest == min(batch, CHUNK)
        np.testing.assert_allclose(found, sums(images), rtol=1e-5, atol=1e-5)
        assert found.dtype == np.float32


def test_the_second_time_nothing_is_computed(tmp_path: Path) -> None:
    images, again = images_of(), Counting()
    first = latents(KEY, images, Counting().runtime, cache_dir=tmp_path)
    assert finished(KEY, images, again.runtime, tmp_path) == IMAGES
    second = latents(KEY, images, again.runtime, cache_dir=tmp_path)
    assert again.seen == 0
    np.testing.assert_array_equal(first, second)
    (file,) = tmp_path.glob(f"latents/*/{module.FEATURES}")
    np.testing.assert_array_equal(np.load(file), first)


KILLED = """
import sys
sys.path[:0] = [sys.argv[2], sys.argv[3]]
from pathlib import Path
from test_latents import *
counting = Counting(die_after=int(sys.argv[4]))
latents(KEY, images_of(), counting.runtime, batch=50, cache_dir=Path(sys.argv[1]))
"""


def _folders(cache: Path) -> list[str]:
    here = Path(__file__).parent
    return [str(cache), str(here), str(here.parents[1])]


@pytest.mark.parametrize("die_after", [CHUNK + 130, CHUNK - 1])
def test_after_a_kill_finished_chunks_are_not_computed_again(
    tmp_path: Path, die_after: int
) -> None:
    words = [*_folders(tmp_path), str(die_after)]
    done = subprocess.run([sys.executable, "-c", KILLED, *words], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    images, rest = images_of(), Counting()
    kept = die_after // CHUNK * CHUNK
    assert finished(KEY, images, rest.runtime, tmp_path) == kept
    found = latents(KEY, images, rest.runtime, batch=64, cache_dir=tmp_path)
    assert rest.seen == IMAGES - kept
    np.testing.assert_allclose(found, sums(images), rtol=1e-5, atol=1e-5)


def test_a_line_cut_off_by_a_kill_is_no_chunk_and_damaged_numbers_are_computed_anew(
    tmp_path: Path,
) -> None:
    images = images_of()
    latents(KEY, images, Counting().runtime, cache_dir=tmp_path)
    (folder,) = {path.parent for path in tmp_path.glob(f"latents/*/{module.FEATURES}")}
    journal = folder / module.CHUNKS
    journal.write_text(journal.read_text()[:-3])
    rest = Counting()
    latents(KEY, images, rest.runtime, cache_dir=tmp_path)
    assert rest.seen == IMAGES - 2 * CHUNK

    content = bytearray((folder / module.FEATURES).read_bytes())
    content[-4 * WIDTH * 200] ^= 1  # in the second chunk
    (folder / module.FEATURES).write_bytes(content)
    rest = Counting()
    found = latents(KEY, images, rest.runtime, cache_dir=tmp_path)
    assert rest.seen == IMAGES - CHUNK
    np.testing.assert_allclose(found, sums(images), rtol=1e-5, atol=1e-5)

    (folder / module.FEATURES).write_bytes(bytes(content[:-1]))
    rest = Counting()
    latents(KEY, images, rest.runtime, cache_dir=tmp_path)
    assert rest.seen == IMAGES


BESIDE = """
import sys, time
sys.path[:0] = [sys.argv[2], sys.argv[3]]
from pathlib import Path
from test_latents import *
counting = Counting()
def slowly(images):
    time.sleep(0.02)
    return counting(images)
latents(KEY, images_of(), Runtime("numpy", "fp32", WIDTH, slowly), cache_dir=Path(sys.argv[1]))
print(counting.seen)
"""


def test_of_two_processes_one_computes(tmp_path: Path) -> None:
    words = [sys.executable, "-c", BESIDE, *_folders(tmp_path)]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=60)[0] for process in both]
    assert sorted(map(int, told)) == [0, IMAGES]


def test_flip_average_is_the_mean_of_both_ways_round(tmp_path: Path) -> None:
    images = images_of(40)
    flipped = replace(KEY, flip_average=True)
    counting = Counting()
    found = latents(flipped, images, counting.runtime, cache_dir=tmp_path)
    assert counting.seen == 80
    wanted = (sums(images) + sums(images[:, :, ::-1])) / 2
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    mirrored = latents(
        flipped, images[:, :, ::-1], counting.runtime, cache_dir=tmp_path / "mirrored"
    )
    np.testing.assert_allclose(found, mirrored, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "other",
    [
        {"fingerprint": "0" * 64},
        {"view": "8x8-grey"},
        {"split": "test"},
        {"weights": "0" * 64},
        {"preprocessing": "9x9"},
        {"flip_average": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_latents_of_something_else_are_not_taken(tmp_path: Path, other: dict[str, object]) -> None:
    images, counting = images_of(10), Counting()
    latents(KEY, images, counting.runtime, cache_dir=tmp_path)
    changed = replace(KEY, **other)  # type: ignore[arg-type]
    assert finished(changed, images, counting.runtime, tmp_path) == 0
    renamed = replace(KEY, dataset="other", backbone="other")
    assert finished(renamed, images, counting.runtime, tmp_path) == 10
    for runtime in (
        Runtime("other", "fp32", WIDTH, counting),
        Runtime("numpy", "bf16", WIDTH, counting),
        Runtime("numpy", "fp32", WIDTH, counting, "cuda"),
    ):
        assert finished(KEY, images, runtime, tmp_path) == 0


def test_a_folder_that_holds_other_latents_than_it_is_named_for_is_refused(tmp_path: Path) -> None:
    images, counting = images_of(10), Counting()
    latents(KEY, images, counting.runtime, cache_dir=tmp_path)
    (path,) = tmp_path.glob(f"latents/*/{module.IDENTITY}")
    identity = json.loads(path.read_text())
    path.write_text(json.dumps(identity | {"weights": "0" * 64}))
    with pytest.raises(ZooError, match=r"other latents than its name says \(weights differ"):
        latents(KEY, images, counting.runtime, cache_dir=tmp_path)


@pytest.mark.parametrize(
    "run",
    [
        lambda images: np.full((len(images), WIDTH), np.nan, np.float32),
        lambda images: np.zeros((len(images), WIDTH + 1), np.float32),
    ],
    ids=["no numbers", "another width"],
)
def test_a_runtime_that_gives_nonsense_is_stopped(
    run: Callable[[NDArray[np.uint8]], NDArray[np.float32]], tmp_path: Path
) -> None:
    images = images_of(10)
    with pytest.raises(ZooError, match="sums gives latents of"):
        latents(KEY, images, Runtime("numpy", "fp32", WIDTH, run), cache_dir=tmp_path)
    assert finished(KEY, images, Counting().runtime, tmp_path) == 0
