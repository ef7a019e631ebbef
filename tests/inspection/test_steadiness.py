"""What an answer depends on beside its image: found, and told in words."""

import numpy as np
import pytest

from zoo.inspection.steadiness import Apart, Steadiness, examine

IMAGES = np.random.default_rng(0).random((24, 5))
WEIGHTS = np.random.default_rng(1).normal(size=(5, 3))


def in_batches(answer, calls: list[int] | None = None):  # type: ignore[no-untyped-def]
    """Ask `answer` about so many at a time, the last ones with the first again."""

    def ask(images: np.ndarray, size: int) -> np.ndarray:
        parts = []
        for at in range(0, len(images), size):
            batch = images[np.arange(at, at + size) % len(images)]
            if calls is not None:
                calls.append(len(batch))
            parts.append(answer(batch)[: len(images) - at])
        return np.concatenate(parts)

    return ask


class TestExamine:
    def test_an_answer_of_the_image_alone(self) -> None:
        found = examine(in_batches(lambda images: images @ WEIGHTS), IMAGES, (1, 8, 64))
        assert found.doubt() == ""
        assert found.batches.images == found.repeated.images == 16
        assert found.largest == pytest.approx(np.abs(IMAGES[:16] @ WEIGHTS).max())

    def test_rounding_is_no_difference(self) -> None:
        def answer(images: np.ndarray) -> np.ndarray:
            return images @ WEIGHTS + 1e-5 * len(images)

        assert examine(in_batches(answer), IMAGES, (1, 8)).doubt() == ""

    @pytest.mark.parametrize("sizes", [(1, 8), (2,), (8,), (1, 64), (24,)])
    def test_the_mean_of_the_batch(self, sizes: tuple[int, ...]) -> None:
        def answer(images: np.ndarray) -> np.ndarray:
            return (images - images.mean(axis=0)) @ WEIGHTS

        found = examine(in_batches(answer), IMAGES, sizes)
        assert found.by_chance() == ""
        assert found.by_batch().startswith("the answer to an image depends on its batch (logits")
        assert found.by_batch(more=100) == ""

    def test_the_place_in_the_batch(self) -> None:
        def answer(images: np.ndarray) -> np.ndarray:
            return images @ WEIGHTS + np.arange(len(images))[:, None]

        assert examine(in_batches(answer), IMAGES, (8,)).by_batch()

    def test_the_size_of_the_batch(self) -> None:
        ask = in_batches(lambda images: images @ WEIGHTS + len(images))
        assert examine(ask, IMAGES, (8,)).doubt() == ""
        assert examine(ask, IMAGES, (8, 4)).by_batch()

    def test_chance(self) -> None:
        rng = np.random.default_rng(0)
        ask = in_batches(lambda images: images @ WEIGHTS + rng.normal(size=(len(images), 3)))
        found = examine(ask, IMAGES, (1,))
        assert found.doubt().startswith("the same call made twice gives different answers (logits")

    def test_it_takes_a_few_calls(self) -> None:
        calls: list[int] = []
        examine(in_batches(lambda images: images @ WEIGHTS, calls), IMAGES[:6], (1, 4))
        assert calls == [1] * 8 + [4] * 3

    @pytest.mark.parametrize("count", [1, 2])
    def test_hardly_any_images(self, count: int) -> None:
        ask = in_batches(lambda images: images @ WEIGHTS)
        assert examine(ask, IMAGES[:count], (1, 4)).doubt() == ""


class TestApart:
    def test_what_is_not_a_number(self) -> None:
        nan, inf = [[np.nan, 1.0]], [[np.inf, 1.0]]
        same = Apart.between(np.array(nan + inf), np.array(nan + inf))
        assert same.difference == 0
        assert Apart.between(np.array(nan), np.array(inf)).difference == np.inf

    def test_answers_of_two_shapes(self) -> None:
        assert Apart.between(np.zeros((2, 3)), np.zeros((2, 4))) == Apart(np.inf, 2, 2)
        assert Apart.between(np.zeros((2, 0)), np.zeros((2, 0))) == Apart(0.0, 0, 2)

    def test_in_words(self) -> None:
        told = Steadiness(Apart(0.0, 0, 4), Apart(0.5, 1, 4), 2.0).doubt()
        assert told.endswith("(logits up to 0.5 apart, 1 of 4 images with another class)")
