"""Networks that look at images before they are trained."""

from typing import Protocol, runtime_checkable

from torch import Tensor


@runtime_checkable
class Calibrated(Protocol):
    """A network that sets a part of itself from the first images it is shown."""

    def calibrate(self, pixels: Tensor) -> None:
        """pixels: normalised, float [N, C, H, W]."""
