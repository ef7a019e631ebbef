"""Options that say something of a GPU only, whichever command takes them."""

from collections.abc import Collection, Iterable

from bench.runtimes.adapter import BOUNDARIES
from zoo.errors import UsageError, unknown_name


def check_boundaries(names: Iterable[str]) -> None:
    """Refuse what is none, with the near name."""
    for name in names:
        if name not in BOUNDARIES:
            raise unknown_name("boundary", name, BOUNDARIES)


def check_gpu_options(
    providers: Collection[str], boundaries: Collection[str], *, tf32: bool, cuda_graph: bool
) -> None:
    """Refuse them where no GPU computes.

    providers: by their short names; boundaries: those asked for, none where that was left open.
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
