"""Connects the training loop with the run that it fills: see `zoo.runs.training`."""

from zoo.frameworks.pytorch.loop import Hook, State, Trainer
from zoo.runs.checkpoint import State as Kept
from zoo.runs.history import EpochRow
from zoo.runs.training import Training


class Reporter(Hook):
    """Reports steps and epochs to the run; on a GPU, checkpoints are saved only between epochs."""

    def __init__(self, training: Training) -> None:
        self.training = training

    def stepped(self, trainer: Trainer) -> None:
        on_cpu = trainer.job.device.type == "cpu"  # else it would have to be waited for
        self.training.stepped(_running_loss(trainer) if on_cpu else "", may_save=on_cpu)

    def told(self, trainer: Trainer, words: str) -> None:
        self.training.progress.say(f"{self.training.card.id}: {words}")

    def epoch_ended(self, trainer: Trainer, row: EpochRow) -> None:
        self.training.epoch_ended(row)


def _running_loss(trainer: Trainer) -> str:
    """The loss of the epoch so far."""
    steps = trainer.step - len(trainer.rows) * trainer.steps_per_epoch
    return f"loss {trainer.loss_sum.item() / (steps * trainer.job.recipe.batch):.3f}"


def kept(state: State) -> Kept:
    """A state as it is stored on disk."""
    tensors, position = state
    arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
    return arrays, position
