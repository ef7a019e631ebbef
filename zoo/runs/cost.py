"""The expected cost of a training run."""

from dataclasses import dataclass

from zoo.progress import amount_text, clock_text


@dataclass(frozen=True)
class Cost:
    """What a training costs."""

    parameters: int  # trainable ones
    macs: int  # multiply-adds of one image, forward
    flop: float  # for the whole training run, forward and backward
    seconds: float  # expected here, without validation

    def line(self) -> str:
        """The cost in one line."""
        return (
            f"{amount_text(self.parameters, 2)} parameters, {amount_text(self.macs)} multiply-adds "
            f"per image, {self.flop / 1e15:.2g} PFLOP to train: about {clock_text(self.seconds)} "
            "here"
        )
