"""Train with `fit` and a warm start, a round of iterations per call: LogisticRegression."""

import math
import time
import warnings
from dataclasses import dataclass, replace

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from zoo.errors import UsageError, ZooError
from zoo.frameworks.batches import Batches, Indices
from zoo.frameworks.numpy.network import Labels, Network, Numbers
from zoo.frameworks.sklearn.estimators import layers_of, predictor, score
from zoo.frameworks.sklearn.logreg import QUICK_ITERATIONS, SETTINGS, build
from zoo.runs.checkpoint import State
from zoo.runs.cost import Cost
from zoo.runs.history import EpochRow
from zoo.runs.options import split_of
from zoo.runs.run import RunCard
from zoo.runs.training import Training

_TIMED_IMAGES, _TIMED_ITERATIONS = 2048, 2


@dataclass(frozen=True)
class Task:
    """The inputs of the training loop; none of them change."""

    batches: Batches
    labels: Labels  # of all images
    indices: Indices  # indices of the images to train on
    validation: Indices | None  # indices of images to evaluate after each round
    iterations: int
    round: int

    @classmethod
    def of(cls, training: Training) -> "Task":
        """From the card's settings and options."""
        card, data = training.card, training.data
        labels = np.asarray(data.train.labels)
        indices, validation = split_of(labels, card.options)
        batches = Batches(data.train.images, card.mean, card.std)
        settings = card.settings
        return cls(batches, labels, indices, validation, settings["iterations"], settings["round"])

    @property
    def rounds(self) -> int:
        """For the whole training run."""
        return math.ceil(self.iterations / self.round)


@dataclass
class Learner:
    """What changes during training: a round continues only from the coefficients."""

    estimator: LogisticRegression
    rounds: int = 0

    def state(self) -> State:
        """The state as stored in a checkpoint."""
        arrays = {name: getattr(self.estimator, name) for name in ("coef_", "intercept_")}
        return arrays, {"rounds": self.rounds}


def completed(training: Training) -> RunCard:
    """The card with all defaults filled in."""
    card = training.card
    epochs = card.options.epochs
    if epochs is None:
        epochs = QUICK_ITERATIONS if card.options.quick else SETTINGS["iterations"]
    if not (epochs >= 1 and float(epochs).is_integer()):
        raise UsageError(
            f"--epochs {epochs:g}: {card.model} takes whole numbers of 1 and more, the iterations "
            "of L-BFGS, each of which looks at every image."
        )
    options = replace(card.options, epochs=float(epochs))
    return replace(card, settings=SETTINGS | {"iterations": int(epochs)}, options=options)


def train(training: Training) -> Network:
    """Train to the last round, from the first or from where the run was stopped."""
    task = Task.of(training)
    _check_classes(training, task)
    learner = _learner(training, task)
    rows, labels = task.batches.plain(task.indices), task.labels[task.indices]
    training.tell_cost(_cost(task, learner, rows, labels, training.card))
    with training.running(task.rounds, learner.state, learner.rounds, task.iterations):
        while learner.rounds < task.rounds:
            done = learner.rounds * task.round
            iterations = min(task.round, task.iterations - done)
            started = time.perf_counter()
            _fit(learner.estimator, rows, labels, iterations)
            seconds = time.perf_counter() - started
            learner.rounds += 1
            shown = len(rows) * iterations
            row = _row(training.card, task, learner, done + iterations, seconds, shown)
            training.epoch_ended(row)
            training.stepped(f"loss {row.train_loss:.3f}")
    return layers_of(learner.estimator)


def _fit(estimator: LogisticRegression, rows: Numbers, labels: Labels, iterations: int) -> None:
    """Run more iterations from the current coefficients."""
    estimator.max_iter = iterations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the next round goes on
        estimator.fit(rows, labels)
    # A round starts from float32 coefficients, even if the last one ended in another type.
    estimator.coef_ = estimator.coef_.astype(np.float32)
    estimator.intercept_ = estimator.intercept_.astype(np.float32)


def _check_classes(training: Training, task: Task) -> None:
    """Refuse classes without images: LogisticRegression only knows classes that it has seen."""
    names = training.card.class_names
    unseen = [names[label] for label in set(range(len(names))) - set(task.labels[task.indices])]
    if unseen:
        raise ZooError(
            f"{training.card.model} needs training images of every class, and {unseen[0]} has "
            "none. Add some, remove the class, or train another model."
        )


def _begun(card: RunCard, images: int) -> LogisticRegression:
    return build(card.image_shape, len(card.class_names), card.settings, images)


def _learner(training: Training, task: Task) -> Learner:
    """The state at the start, or where the run was stopped."""
    learner = Learner(_begun(training.card, len(task.indices)))
    if training.state is None:
        return learner
    arrays, position = training.state
    try:
        for name, array in learner.state()[0].items():
            if arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
                raise ValueError(f"{name} does not fit")
            setattr(learner.estimator, name, arrays[name])
        learner.rounds = int(position["rounds"])
    except (LookupError, TypeError, ValueError) as error:
        raise training.unfit() from error
    if learner.rounds != len(training.history) or learner.rounds > task.rounds:
        raise training.unfit(f" (round {learner.rounds} after {len(training.history)})")
    return learner


def _row(
    card: RunCard, task: Task, learner: Learner, iterations: int, seconds: float, shown: int
) -> EpochRow:
    """The row of history.csv."""
    judged = predictor(card, layers_of(learner.estimator))
    loss, accuracy = score(judged, task.batches, task.labels, task.indices)
    held: tuple[float | None, float | None] = (None, None)
    if task.validation is not None:
        held = score(judged, task.batches, task.labels, task.validation)
    return EpochRow(
        epoch=iterations,
        step=learner.rounds,
        lr=None,
        train_loss=loss,
        train_accuracy=accuracy,
        validation_loss=held[0],
        validation_accuracy=held[1],
        seconds=seconds,
        images_per_second=shown / seconds,
    )


def _cost(task: Task, learner: Learner, rows: Numbers, labels: Labels, card: RunCard) -> Cost:
    """Measure a few iterations of another classifier, on some of the images."""
    macs, left = learner.estimator.coef_.size, task.iterations - learner.rounds * task.round
    some = np.unique(labels, return_index=True)[1]  # all classes, then as many as are timed
    some = np.concatenate([some, np.arange(min(len(rows), _TIMED_IMAGES))])
    other = _begun(card, len(some))
    started = time.perf_counter()
    _fit(other, rows[some], labels[some], _TIMED_ITERATIONS)
    seconds = (time.perf_counter() - started) / _TIMED_ITERATIONS / len(some)
    return Cost(
        parameters=macs + learner.estimator.intercept_.size,
        macs=macs,
        flop=4.0 * macs * len(rows) * task.iterations,  # forward, and the gradient of the weights
        seconds=seconds * len(rows) * left,
    )
