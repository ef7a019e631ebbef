"""The options that restrict a command to some models, the same for every command."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from zoo.specs.catalog import Kind


def kind_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command receives them as a `Kind` named `kind`."""

    @wraps(function)
    def kept(family: str | None, framework: str | None, **options: Any) -> Any:
        return function(kind=Kind(family, framework), **options)

    family = click.option(
        "--family",
        metavar="NAME",
        help="Only models of this family: mlp, linear, cnn, dense, transfer.",
    )
    framework = click.option(
        "--framework",
        metavar="NAME",
        help="Only models written in this framework: pytorch, numpy, sklearn, keras, jax.",
    )
    return family(framework(kept))
