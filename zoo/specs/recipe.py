"""How a model is trained: numbers only, so that recipes can be read and compared."""

from dataclasses import dataclass, replace
from typing import Literal

MIN_STEPS_PER_EPOCH = 16
MIN_BATCH = 32


@dataclass(frozen=True)
class Recipe:
    """One training schedule.

    epochs: passes over the training images; may end inside one. quick_epochs: the same for --quick.
    batch: images a step.
    lr: peak learning rate; it rises linearly over the first `warmup` share of all steps and falls
        linearly to 0 at the last.
    optimizer: muon takes orthogonal steps of `lr` on filters, and plain ones of `bias_lr` and
        `head_lr` on biases and on matrices.
    weight_decay: on weights of two and more dimensions only; for muon, the share that a step takes
        off biases and matrices at the peak rate.
    flip: mirror each image at random, or (alternating) in every other epoch.
    shift: pixels of random translation to each side, borders reflected.
    cutout: side of the square that is blanked, in pixels.
    average: decay a step of the averaged weights that are kept in the end; 0 keeps the last ones.
    views: what test-time views show beside the plain image.
    """

    epochs: float
    quick_epochs: float
    batch: int
    lr: float
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.2
    label_smoothing: float = 0.0
    flip: Literal["none", "random", "alternating"] = "random"
    shift: int = 0
    cutout: int = 0
    average: float = 0.0
    bias_lr: float = 0.0
    head_lr: float = 0.0
    views: Literal["none", "mirror", "six"] = "none"

    def for_images(self, count: int, mirror: bool) -> "Recipe":
        """The recipe for `count` training images whose mirror images do or do not keep their class.

        A small dataset gets smaller batches, and the learning rate with them, until an epoch has
        `MIN_STEPS_PER_EPOCH` steps: recipes are written for tens of thousands of images.
        """
        fitted = self if mirror else replace(self, flip="none", views="none")
        while fitted.batch > MIN_BATCH and count // fitted.batch < MIN_STEPS_PER_EPOCH:
            fitted = fitted.with_batch(fitted.batch // 2)
        return fitted

    def with_batch(self, batch: int) -> "Recipe":
        """The same recipe at another batch size, the learning rate scaled to it.

        In proportion for SGD; by the square root where steps do not grow with the gradient.
        """
        ratio = (batch / self.batch) ** (1.0 if self.optimizer == "sgd" else 0.5)
        return replace(
            self,
            batch=batch,
            lr=self.lr * ratio,
            bias_lr=self.bias_lr * ratio,
            head_lr=self.head_lr * ratio,
        )
