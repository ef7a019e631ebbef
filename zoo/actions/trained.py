"""The trained model of a finished run, in any framework."""

from zoo.data import Dataset
from zoo.drawing.projection import Projection, project
from zoo.errors import UsageError, ZooError
from zoo.frameworks.framework import Framework, Trained
from zoo.frameworks.registry import find_framework
from zoo.runs.checkpoint import load_checkpoint
from zoo.runs.run import Run, RunCard
from zoo.specs.catalog import ModelSpec, find_model

PROJECTED = 2000  # images on the map of latents


def load_trained(run: Run, card: RunCard, device: str | None = "cpu") -> Trained:
    """The model of a finished run, on a device; None for the best that works."""
    spec = find_model(card.model)
    framework = find_framework(spec.framework)
    check_device(spec, framework, device)
    weights, _ = load_checkpoint(run.weights)
    run.check_weights(card.weights)
    try:
        return framework.load(card, weights, device)
    except ValueError as error:
        raise ZooError(
            f"{run.weights} does not fit the current {card.model}: the model has changed since. "
            "Train it again with --overwrite."
        ) from error


def check_device(spec: ModelSpec, framework: Framework, device: str | None) -> None:
    """Refuse a device that a framework does not compute on."""
    known = framework.devices
    if device is not None and device not in known and len(known) == 1:
        raise UsageError(
            f"{spec.name} is written in {spec.framework}, which computes only on the {known[0]}. "
            "Leave out --device."
        )


def projection_of(trained: Trained, data: Dataset) -> Projection | None:
    """The map of a model's latents of test images; None if it has no latents.

    With many images, it shows the first ones in canonical order, which is as good as random.
    """
    latents = trained.latents(data.test.images[:PROJECTED])
    if latents is None:
        return None
    return project(latents, data.test.labels[: len(latents)], data.class_names)
