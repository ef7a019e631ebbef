"""The training loop of every PyTorch model of the zoo.

Its state is a step number and tensors; everything random is drawn from the seed and the epoch (see
seeds.py), so a run that was killed anywhere ends with the weights that it would have had anyway.
"""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from zoo.errors import ZooError
from zoo.frameworks.pytorch.augment import EpochPlan, plan_epoch
from zoo.frameworks.pytorch.captured import Captured
from zoo.frameworks.pytorch.evaluate import accuracy_of, autocast, logits_of
from zoo.frameworks.pytorch.job import Job, Past
from zoo.frameworks.pytorch.optim import Average, make_optimizer
from zoo.frameworks.pytorch.vectors import maker_for
from zoo.models.filling import fill
from zoo.records import read
from zoo.runs.history import EpochRow
from zoo.runs.seeds import seed_for

State = tuple[dict[str, Tensor], dict[str, Any]]  # as `zoo.runs.checkpoint` keeps it, in tensors


@dataclass(frozen=True)
class Position:
    """The position of a training run, besides its tensors."""

    step: int
    seconds: float  # in the current epoch
    rows: tuple[EpochRow, ...]
    scaler: dict[str, Any]
    past: Past = field(default_factory=Past)


class Hook:
    """Callbacks of the loop; each method is called at its point with the trainer."""

    def started(self, trainer: "Trainer") -> None: ...

    def stepped(self, trainer: "Trainer") -> None: ...

    def told(self, trainer: "Trainer", words: str) -> None: ...

    def epoch_ended(self, trainer: "Trainer", row: EpochRow) -> None: ...


class Trainer:
    """Trains a job from its current step to its last."""

    def __init__(self, job: Job, hooks: Sequence[Hook] = ()) -> None:
        self.job = job
        self.hooks = hooks
        recipe = job.recipe
        self.network = job.network.to(job.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward: Callable[[Tensor], Tensor] = (
            torch.compile(self.network) if job.compile else self.network
        )
        self.images = _on_device(job.images, job.device)
        self.maker = maker_for(self.images, job.mean, job.std, recipe, job.device)
        self.labels = job.labels.to(self.images.device)
        self.optimizer = make_optimizer(self.network, recipe)
        self.captured: Captured | None = None  # while a CUDA graph was asked for
        self.scaler = torch.amp.GradScaler(job.device.type, enabled=job.precision == "fp16")
        self.average = Average(self.network, recipe.average) if recipe.average else None
        self.steps_per_epoch = len(job.indices) // recipe.batch
        self.steps = max(1, math.ceil(recipe.epochs * self.steps_per_epoch))
        self.step = 0
        self.rows: list[EpochRow] = []
        self.seconds = 0.0
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=job.device)
        self.correct = torch.zeros((), dtype=torch.int64, device=job.device)

    @property
    def kept(self) -> nn.Module:
        """The network to keep: the averaged one if the recipe averages."""
        return self.average.network if self.average else self.network

    @property
    def history(self) -> list[EpochRow]:
        """The rows of all stages so far; `rows` are this one's."""
        return [*self.job.past.rows, *self.rows]

    def fit(self) -> None:
        """Train to the last step."""
        for hook in self.hooks:
            hook.started(self)
        if self.job.cuda_graph:
            self.captured = Captured(self)
        while len(self.rows) * self.steps_per_epoch < self.steps:
            self._epoch(len(self.rows))

    def _epoch(self, epoch: int) -> None:
        """The rest of an epoch; all of it unless the run was resumed inside."""
        before = epoch * self.steps_per_epoch
        last = min(self.steps_per_epoch, self.steps - before)
        with self._clock():
            plan = self.plan(epoch)
        for position in range(self.step - before, last):
            with self._clock():
                self.train_step(plan, position)
            for hook in self.hooks:
                hook.stepped(self)
        with self._clock():
            self.check_loss()  # waits for a GPU to finish
        self._end_epoch(last)

    @contextmanager
    def _clock(self) -> Iterator[None]:
        """Add the time of the block to the epoch's training time."""
        started = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - started

    def plan(self, epoch: int) -> EpochPlan:
        """The random choices of an epoch."""
        sides = (self.maker.height, self.maker.width)
        job = self.job
        return plan_epoch(job.indices, sides, job.recipe, job.seed, epoch, self.images.device)

    def train_step(self, plan: EpochPlan, position: int) -> None:
        """One update of the weights, from batch `position` of the epoch."""
        recipe = self.job.recipe
        start, stop = position * recipe.batch, (position + 1) * recipe.batch
        pixels = self.maker.augmented(plan, start, stop)
        labels = self.maker.sent(self.labels[plan.order[start:stop]])
        self.seed_step()
        self.optimizer.set_rate(recipe.rate_at(self.step, self.steps))
        self.network.train()
        (self.captured.step if self.captured else self.compute)(pixels, labels)
        if self.average:
            self.average.update(self.step)
        self.step += 1
        if self.job.device.type == "cpu":
            self.check_loss()

    def seed_step(self) -> None:
        """What the step draws at random depends on its number only."""
        torch.manual_seed(seed_for(self.job.seed, "step", self.step))

    def compute(self, pixels: Tensor, labels: Tensor) -> None:
        """Forward, backward and update: all of a step that a CUDA graph replays."""
        parts = self.job.sub_batches
        for part, wanted in zip(pixels.chunk(parts), labels.chunk(parts), strict=True):
            self._backward(part, wanted)
        self.scaler.step(self.optimizer)  # type: ignore[arg-type]
        self.scaler.update()
        self.optimizer.zero_grad()

    def tell(self, words: str) -> None:
        """Pass a line on to the user."""
        for hook in self.hooks:
            hook.told(self, words)

    def _backward(self, pixels: Tensor, labels: Tensor) -> None:
        """Add the gradient of one part of a batch, weighted so that the parts sum to the mean."""
        with autocast(self.job.device, self.job.precision):
            logits = self.forward(pixels)
        smoothing = self.job.recipe.label_smoothing
        loss = cross_entropy(logits.float(), labels, label_smoothing=smoothing, reduction="sum")
        self.scaler.scale(loss / self.job.recipe.batch).backward()  # type: ignore[no-untyped-call]
        self.loss_sum += loss.detach()
        self.correct += (logits.detach().argmax(1) == labels).sum()

    def check_loss(self) -> None:
        """Stop if the loss is not a number. On a GPU this waits for it, so only between epochs."""
        if not math.isfinite(self.loss_sum.item()):
            epoch, position = divmod(self.step - 1, self.steps_per_epoch)
            raise ZooError(
                f"the loss is no longer a number (epoch {epoch + 1}, step {position + 1}). "
                f"Try a smaller --lr (it peaks at {self.job.recipe.lr:g}) or --precision fp32."
            )

    def _end_epoch(self, steps: int) -> None:
        shown = steps * self.job.recipe.batch
        loss, accuracy = self._validate()
        row = EpochRow(
            epoch=self.job.past.epochs + self.step / self.steps_per_epoch,
            step=self.job.past.steps + self.step,
            lr=self.job.recipe.rate_at(self.step - 1, self.steps),
            train_loss=self.loss_sum.item() / shown,
            train_accuracy=self.correct.item() / shown,
            validation_loss=loss,
            validation_accuracy=accuracy,
            seconds=self.seconds,
            images_per_second=shown / self.seconds,
        )
        self.rows.append(row)
        self.seconds = 0.0
        self.loss_sum.zero_()
        self.correct.zero_()
        for hook in self.hooks:
            hook.epoch_ended(self, row)

    def _validate(self) -> tuple[float | None, float | None]:
        if self.job.validation is None:
            return None, None
        held = self.job.validation
        logits = logits_of(
            self.kept, self.images, self.maker, indices=held, precision=self.job.precision
        )
        labels = self.job.labels[held]
        smoothing = self.job.recipe.label_smoothing
        loss = cross_entropy(logits, labels, label_smoothing=smoothing)
        return loss.item(), accuracy_of(logits, labels)

    def state(self) -> State:
        """Everything a later `restore` needs: tensors, and a JSON value."""
        tensors = _prefixed("network", self.network.state_dict())
        if self.average:
            tensors |= _prefixed("average", self.average.network.state_dict())
        for index, weight in enumerate(self.optimizer.weights):
            tensors |= _prefixed(f"optimizer.{index}", self.optimizer.state.get(weight, {}))
        tensors |= {"sums.loss": self.loss_sum, "sums.correct": self.correct}
        rows, scaler = tuple(self.rows), self.scaler.state_dict()
        position = Position(self.step, self.seconds, rows, scaler, self.job.past)
        return tensors, asdict(position)

    def restore(self, state: State) -> None:
        """Restore an earlier state, possibly from another process; `past` is the job's."""
        tensors = state[0]
        position: Position = read(Position, state[1], "the state")
        begun = len(position.rows) * self.steps_per_epoch
        if not begun <= position.step <= min(begun + self.steps_per_epoch, self.steps):
            raise ValueError(f"step {position.step} is not in epoch {len(position.rows) + 1}")
        fill(self.network, _under("network", tensors))
        if self.average:
            fill(self.average.network, _under("average", tensors))
        self._restore_optimizer(tensors)
        self.loss_sum.copy_(tensors["sums.loss"])
        self.correct.copy_(tensors["sums.correct"])
        self.step, self.seconds = position.step, position.seconds
        self.rows = list(position.rows)
        if position.scaler:
            self.scaler.load_state_dict(position.scaler)

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        """Give buffers the memory layout of their weights; fused kernels read both together."""
        self.optimizer.state.clear()
        for index, weight in enumerate(self.optimizer.weights):
            for name, saved in _under(f"optimizer.{index}", tensors).items():
                if saved.shape not in (weight.shape, ()) or not saved.is_floating_point():
                    raise ValueError(f"{name} of the optimizer does not fit its weights")
                like = weight if saved.shape == weight.shape else saved.to(weight.device)
                held = self.optimizer.state.setdefault(weight, {})
                held[name] = torch.empty_like(like).copy_(saved)

    def snapshot(self) -> State:
        """A copy of `state` that later steps do not change."""
        tensors, meta = self.state()
        return {name: tensor.clone() for name, tensor in tensors.items()}, copy.deepcopy(meta)


def _on_device(images: Tensor, device: torch.device) -> Tensor:
    """The whole dataset on a GPU when it takes at most half the free memory, else where it is."""
    if device.type != "cuda" or images.nbytes > torch.cuda.mem_get_info(device)[0] / 2:
        return images
    return images.to(device)


def _prefixed(prefix: str, tensors: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items() if value is not None}


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}
