"""Options that several commands of the benchmark share."""

from functools import partial

import click

from zoo.commands import parameters
from zoo.commands.parameters import PercentType, PositiveType

budget_ms_option = click.option(
    "--budget-ms", type=PositiveType(), help="For the summary: the longest a call may take."
)
budget_mb_option = click.option(
    "--budget-mb", type=PositiveType(), help="For the summary: the largest a file may be."
)
margin_option = click.option(
    "--margin",
    type=PercentType(),
    default="2%",
    show_default=True,
    help="Times that differ by less are the same.",
)
timeout_option = partial(parameters.timeout_option, help="Seconds that an arm has for an answer.")
memory_option = parameters.memory_option(
    help="What an arm's process may take.  [default: three quarters of what is left]"
)
