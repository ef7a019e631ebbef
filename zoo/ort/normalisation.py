"""The normalisation that an ONNX file expects: mean and std per channel, on the 0..1 scale."""

import json
import math
from collections.abc import Mapping, Sequence

from zoo.errors import UsageError

GIVE_THEM = (
    "Give them on the 0..1 scale, such as --mean .485,.456,.406 --std .229,.224,.225; "
    "for a file that takes 0..255, the mean is 0 and the std 0.00392157 (1/255)"
)
_LARGEST_PIXEL = 255
Channels = tuple[float, ...]


def listed(metadata: Mapping[str, str], name: str) -> Channels | None:
    """The mean or std in a file's metadata, None if there is none."""
    try:
        return tuple(float(number) for number in json.loads(metadata[name]))
    except (KeyError, ValueError, TypeError, RecursionError, OverflowError):
        return None


def per_channel(
    mean: Sequence[float], std: Sequence[float], channels: int, title: str
) -> tuple[Channels, Channels]:
    """Mean and std for each channel; a single number is for all of them.

    title: the file in messages. A `UsageError` says what is wrong and what was probably meant.
    """
    given = {"mean": tuple(mean), "std": tuple(std)}
    for name, values in given.items():
        if len(values) not in (1, channels):
            raise UsageError(
                f"{title} has {channels} channel{'s' * (channels != 1)}, but --{name} gives "
                f"{len(values)} values. {GIVE_THEM}"
            )
    if not all(map(math.isfinite, (*mean, *std))) or min(mean) < 0 or min(std) <= 0:
        name = "mean" if not all(0 <= value < math.inf for value in mean) else "std"
        numbers = ", ".join(map(str, given[name]))
        raise UsageError(f"--{name} cannot be {numbers}. {GIVE_THEM}")
    if max(*mean, *std) > 1:
        raise _of_another_scale(given["mean"], given["std"], title)
    whole = [values * (channels if len(values) == 1 else 1) for values in given.values()]
    return whole[0], whole[1]


def _of_another_scale(mean: Channels, std: Channels, title: str) -> UsageError:
    """With a mean on the 0..255 scale, a std of 1 or more is on it, too."""
    meant_mean = _scaled(mean) if max(mean) > 1 else mean
    meant_std = _scaled(std) if max(std) > 1 or (max(mean) > 1 and min(std) >= 1) else std
    name, values = ("mean", mean) if max(mean) > 1 else ("std", std)
    what = f"{title} cannot have a {name} of {', '.join(f'{value:g}' for value in values)}"
    if max(*meant_mean, *meant_std) > 1:
        return UsageError(f"{what}. {GIVE_THEM}")
    return UsageError(
        f"{what}: pixels are normalised on the 0..1 scale, not on 0..255. "
        f"Did you mean --mean {_written(meant_mean)} --std {_written(meant_std)}?"
    )


def _scaled(values: Channels) -> Channels:
    return tuple(value / _LARGEST_PIXEL for value in values)


def _written(values: Channels) -> str:
    return ",".join(f"{value:#.3g}".lstrip("0") if value else "0" for value in values)
