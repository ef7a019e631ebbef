"""The card of a training run: made from the options, or from the run that is resumed."""

import platform
from dataclasses import replace

from zoo.actions.trained import check_device
from zoo.data import Dataset
from zoo.errors import UsageError
from zoo.frameworks.framework import Framework
from zoo.machine.cpu import describe_cpu
from zoo.runs.naming import run_id
from zoo.runs.options import COMMON, TrainOptions, flag, held_out, refuse_changes
from zoo.runs.run import Run, RunCard
from zoo.specs.catalog import ModelSpec


def check_options(spec: ModelSpec, framework: Framework, options: TrainOptions) -> None:
    """Refuse options that the framework does not know, and invalid combinations."""
    others = [name for name in options.said() if name not in COMMON | framework.options]
    if others:
        known = ", ".join(flag(name) for name in sorted(COMMON | framework.options))
        raise UsageError(
            f"{flag(others[0])} is not for {spec.name}, which is written in {spec.framework}. "
            f"It takes {known}."
        )
    check_device(spec, framework, options.device)
    framework.check(spec, options)


def new_card(
    spec: ModelSpec, options: TrainOptions, data: Dataset, framework: Framework
) -> RunCard:
    """The card of a new run, with the parts that all frameworks share."""
    if options.validate is not None:
        options = replace(options, validate=held_out(options.validate, len(data.train)))
    return RunCard(
        id=run_id(spec.name, data.name, data.view, options),
        model=spec.name,
        options=options,
        recipe=None,
        dataset=data.name,
        fingerprint=data.fingerprint,
        view=data.view,
        class_names=data.class_names,
        image_shape=data.image_shape,
        mean=data.mean,
        std=tuple(spread or 1.0 for spread in data.std),  # a constant channel has none
        machine=describe_cpu(),
        versions={"python": platform.python_version(), **framework.versions()},
    )


def card_to_resume(
    target: Run, spec: ModelSpec, asked: TrainOptions, data: Dataset, framework: Framework
) -> RunCard:
    """The run's card, with the options that may change on resume as requested now."""
    card = target.card()
    if spec.name != card.model:
        raise UsageError(f"{target.folder} is a run of {card.model}, not of {spec.name}.")
    card.check_data(data)
    if asked.validate is not None:
        asked = replace(asked, validate=held_out(asked.validate, len(data.train)))
    refuse_changes(asked, card.options)
    return framework.resumed(card, asked)
