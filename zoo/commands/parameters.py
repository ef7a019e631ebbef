"""Types of command-line values, and the options that several commands share."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import click

from zoo.machine.memory import UNITS

PATH = click.Path(path_type=Path)


class SizeType(click.ParamType[tuple[int, int]]):
    """`28` or `28x40` (height x width)."""

    name = "N or HxW"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        parts = str(value).lower().split("x")
        if len(parts) > 2 or not all(
            part.isascii() and part.isdigit() and int(part) > 0 for part in parts
        ):
            self.fail(f"'{value}' is not a size. Write 28, or 28x40 for height x width.")
        return int(parts[0]), int(parts[-1])


class ShareType(click.ParamType[float]):
    """`5000` or `10%`."""

    name = "N or P%"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = -1
        share = text.endswith("%")
        if not 0 <= number < (100 if share else math.inf) or (not share and number % 1):
            self.fail(
                f"'{value}' is neither a number of images such as 5000 nor a percentage such as "
                "10%."
            )
        return number / 100 if share else number


class PositiveType(click.ParamType[float]):
    """A number above 0, such as `2.5`."""

    name = "N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0 < number < math.inf:
            self.fail(f"'{value}' is not a number above 0, such as 2.5.")
        return number


class MemoryType(click.ParamType[int]):
    """`8GB` or `512MB`, in bytes."""

    name = "8GB"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).lower()
        unit = next((unit for unit in UNITS if text.endswith(unit.lower())), "")
        try:
            count = int(float(text.removesuffix(unit.lower())) * UNITS[unit])
        except (KeyError, ValueError, OverflowError):
            count = 0
        if count < 1:
            self.fail(f"'{value}' is not an amount of memory. Write 8GB or 512MB, for example.")
        return count


class NumbersType(click.ParamType[tuple[float, ...]]):
    """`.485,.456,.406`, or a single number."""

    name = "N,N,N"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        try:
            return tuple(float(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is not a list of numbers. Write .485,.456,.406 for three.")


class NamesType(click.ParamType[tuple[str, ...]]):
    """`fp32,int8`; a name that is repeated counts once."""

    name = "NAME,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))


class PercentType(click.ParamType[float]):
    """`2%` or `0.02`."""

    name = "P%"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        text = str(value)
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            number = -1
        if not 0 <= number <= 1:
            self.fail(f"'{value}' is not a percentage. Write 2%, for example.")
        return number


class CountsType(click.ParamType[tuple[int, ...]]):
    """`1,8,64`, each once; `auto` gives none."""

    name = "N,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        if value == "auto":
            return ()
        parts = str(value).split(",")
        if not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
            self.fail(f"'{value}' is not a list of whole numbers above 0, such as 1,8,64.")
        return tuple(dict.fromkeys(map(int, parts)))


data_option = click.option(
    "--data", metavar="NAME|DIR|ZIP", help="Dataset: a name, a folder or a zip.  [default: cifar10]"
)
data_dir_option = click.option(
    "--data-dir",
    type=PATH,
    help="Folder with local copies of datasets.  [default: $ZOO_DATA]",
)
size_option = click.option("--size", type=SizeType(), help="Scale images to this size.")
grey_option = click.option(
    "--grey", is_flag=True, default=None, help="Convert images to greyscale."
)
skip_bad_option = click.option(
    "--skip-bad", is_flag=True, default=None, help="Skip unreadable images and count them."
)
run_option = click.option("--run", type=PATH, help="Folder of the run.  [default: runs/<id>]")
device_option = click.option(
    "--device",
    metavar="cpu|cuda",
    help="Device to compute on.  [default: cuda if it works, else cpu]",
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Print every step.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
exports_option = click.option(
    "--exports",
    type=PATH,
    help="Folder of models.  [default: exports/local, exports, the zoo's own models]",
)
memory_option = partial(click.option, "--memory", type=MemoryType())
timeout_option = partial(click.option, "--timeout", type=PositiveType(), show_default=True)
