"""The inputs of a file, as reported by the runtime that opened it."""

from dataclasses import dataclass

from bench.measuring.arm_process import ArmProcess


@dataclass(frozen=True)
class Takes:
    """What a file takes."""

    image_shape: tuple[int, int, int]  # height, width, channels
    fixed_batch: int | None  # the only number of images that a call may have

    @classmethod
    def of(cls, opened: ArmProcess) -> "Takes":
        """From what its process has found."""
        height, width, channels = opened.facts["image_shape"]
        return cls((height, width, channels), opened.facts["fixed_batch"])
