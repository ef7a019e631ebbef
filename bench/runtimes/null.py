"""A model that does nothing, to measure the cost of the harness."""

from typing import TYPE_CHECKING, Any

import numpy as np

from bench.runtimes.adapter import Logits, Order, Placed

if TYPE_CHECKING:
    from zoo.data.dataset import Images


class Null:
    """Answers every call with the same zeros."""

    def load(self, order: Order) -> None:
        """Nothing to load."""

    def place(self, images: "Images") -> Logits:
        """Make the answer beforehand."""
        return np.zeros((len(images), 10), np.float32)

    def run(self, placed: Placed) -> Logits:
        """Return the answer."""
        answer: Logits = placed
        return answer

    def fetch(self, answer: Logits) -> Logits:
        """The answer is on the host already."""
        return answer

    def what_ran(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def image_shape(self) -> tuple[int, int, int]:
        """Any value would do."""
        return 32, 32, 3

    def fixed_batch(self) -> int | None:
        """Any value would do."""
        return None

    def close(self) -> None:
        """Nothing to release."""
