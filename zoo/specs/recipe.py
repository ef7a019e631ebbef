"""How a model is trained: numbers only, so that recipes can be read and compared."""

from dataclasses import dataclass, replace
from typing import Literal

MIN_STEPS_PER_EPOCH = 16
MIN_BATCH = 32


@dataclass(frozen=True)
class Recipe:
    """One training schedule."""

    epochs: float  # passes over the training images; may end inside one
    quick_epochs: float  # the same for --quick
    batch: int  # images per step
    lr: float  # peak; rises linearly over the `warmup` share of all steps, then falls linearly to 0
    # Muon: orthogonal steps of `lr` on filters, plain steps of the rates below on the rest
    optimizer: Literal["sgd", "adamw", "muon"] = "sgd"
    momentum: float = 0.9
    # On weights of two and more dimensions; for muon, the share that a step at the peak rate takes
    # off biases and matrices
    weight_decay: float = 5e-4
    warmup: float = 0.2
    label_smoothing: float = 0.0
    # Mirror each image at random, or in every other epoch
    flip: Literal["none", "random", "alternating"] = "random"
    shift: int = 0  # pixels of random translation to each side, borders reflected
    cutout: int = 0  # side of the square that is blanked, in pixels
    # Decay per step of the averaged weights that are kept in the end; 0 keeps the last
    average: float = 0.0
    bias_lr: float = 0.0  # of muon's plain steps on biases
    head_lr: float = 0.0  # of muon's plain steps on matrices
    # Which test-time views are used besides the plain image
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
        """The same recipe at another batch size, with its learning rate scaled.

        Scaled in proportion for SGD; by the square root if steps do not grow with the gradient.
        """
        ratio = (batch / self.batch) ** (1.0 if self.optimizer == "sgd" else 0.5)
        return replace(
            self,
            batch=batch,
            lr=self.lr * ratio,
            bias_lr=self.bias_lr * ratio,
            head_lr=self.head_lr * ratio,
        )

    def rate_at(self, step: int, steps: int) -> float:
        """The learning rate at `step` (from 0) of `steps`: linearly up to the peak, then down."""
        done = min(1.0, (step + 1) / steps)  # what measures a short schedule may go past its end
        if done <= self.warmup:
            return min(self.lr, self.lr * done / self.warmup)  # rounding may pass the peak
        falling = (done - self.warmup) / (1 - self.warmup)
        return self.lr * (1 - falling)
