"""The options by which a third-party file is described, the same for every command."""

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any

import click

from zoo.commands.parameters import NumbersType, SizeType
from zoo.ort.given import LAYOUTS, Given

_LARGEST_LIST = 1 << 20


class ClassesType(click.ParamType[tuple[str, ...]]):
    """`cat,dog`, or a text file with one name per line or a JSON list."""

    name = "NAME,...|FILE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        from zoo.data.class_names import parse_names
        from zoo.reading import read_text

        text, file = str(value), Path(str(value))
        if not file.is_file():
            names = tuple(part.strip() for part in text.split(","))
        else:
            try:
                text = read_text(file, _LARGEST_LIST)
            except (OSError, ValueError) as error:
                self.fail(f"'{value}' cannot be read: {error}.")
            names = parse_names(text) or tuple(line.strip() for line in text.splitlines())
        if not all(names):
            self.fail(
                f"'{value}' has an empty name. Write cat,dog, or name a file with one class per "
                "line."
            )
        return names


def description_options(
    function: Callable[..., Any], *, of_answers: type[click.Option] = click.Option
) -> Callable[..., Any]:
    """Add the options; the command receives them as a `Given` named `given`.

    of_answers: the class of those that are not about speed.
    """

    @wraps(function)
    def described(**options: Any) -> Any:
        given = {name: options.pop(name) for name in Given.__dataclass_fields__}
        return function(given=Given(**given), **options)

    answers, any_file = (partial(click.option, cls=cls) for cls in (of_answers, click.Option))
    for option in reversed(
        (
            answers(
                "--data",
                metavar="NAME|DIR|ZIP",
                help="Dataset to test on, for files that name none; a folder or zip, for models of "
                "your own images.",
            ),
            any_file(
                "--mean",
                type=NumbersType(),
                help="One value or one per channel, on the 0..1 scale, for files that do not state "
                "it.",
            ),
            any_file("--std", type=NumbersType(), help="As --mean."),
            any_file(
                "--layout",
                type=click.Choice(LAYOUTS),
                help="Axis order of the input, where its shape leaves it open.",
            ),
            any_file("--size", type=SizeType(), help="Image size, for files that accept any."),
            any_file(
                "--output",
                metavar="NAME",
                help="The output with one value per class, where there are several.",
            ),
            answers(
                "--classes",
                "class_names",
                type=ClassesType(),
                help="Class names, in the order of a third-party file's output.",
            ),
            answers(
                "--classes-as-given",
                is_flag=True,
                help="Ignore the class names in a third-party file: its classes are the dataset's, "
                "in that order.",
            ),
        )
    ):
        described = option(described)
    return described
