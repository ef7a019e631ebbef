"""Options that several commands of the benchmark share."""

from functools import partial

import click

from zoo.commands import parameters
from zoo.commands.parameters import PercentType, PositiveType

budget_ms_option = click.option(
    "--budget-ms", type=PositiveType(), help="Time budget of a call, for the summary's answer."
)
budget_mb_option = click.option(
    "--budget-mb", type=PositiveType(), help="Size budget of a file, for the summary's answer."
)
margin_option = click.option(
    "--margin",
    type=PercentType(),
    default="2%",
    show_default=True,
    help="Times that differ by less count as the same.",
)
timeout_option = partial(parameters.timeout_option, help="Time limit for an answer, in seconds.")
memory_option = parameters.memory_option(
    help="Memory limit of an arm's process.  [default: three quarters of free memory]"
)
