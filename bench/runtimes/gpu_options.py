"""Options that only apply to a GPU, for every command that takes them."""

from collections.abc import Collection, Iterable

from bench.runtimes.adapter import BOUNDARIES
from zoo.errors import UsageError, unknown_name


def check_boundaries(names: Iterable[str]) -> None:
    """Refuse unknown boundaries, with a suggestion."""
    for name in names:
        if name not in BOUNDARIES:
            raise unknown_name("boundary", name, BOUNDARIES)


def check_gpu_options(
    providers: Collection[str], boundaries: Collection[str], *, tf32: bool, cuda_graph: bool
) -> None:
    """Refuse GPU options if no GPU is used.

    providers: short names; boundaries: the requested ones, none if left open.
    """
    asked = {"--tf32": tf32, "--cuda-graph": cuda_graph}
    options = " and ".join(option for option, wanted in asked.items() if wanted)
    if options and "cuda" not in providers:
        raise UsageError(
            f"{options}: this needs a GPU, but --provider is {', '.join(providers)}. Leave it out, "
            "or "
            "add "
            "--provider cuda."
        )
    if cuda_graph and boundaries and "device" not in boundaries:
        raise UsageError(
            "--cuda-graph replays calls at the device boundary: add --boundary device."
        )
