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
    """`cat,dog`, or a text file with a name a line or a JSON list."""

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
            self.fail(f"'{value}' has an empty name. Write cat,dog or a file of such lines.")
        return names


def description_options(
    function: Callable[..., Any], *, of_answers: type[click.Option] = click.Option
) -> Callable[..., Any]:
    """Add the options, of which the command gets a `Given` as `given`.

    of_answers: the class of those that say nothing of how fast a file is.
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
                help="Whose test set, for files that do not say it; its place, for models of your "
                "images.",
            ),
            any_file(
                "--mean",
                type=NumbersType(),
                help="Per channel or one for all, on the 0..1 scale, for a file that does not say "
                "it.",
            ),
            any_file("--std", type=NumbersType(), help="Likewise."),
            any_file("--layout", type=click.Choice(LAYOUTS), help="Where the shape does not tell."),
            any_file(
                "--size", type=SizeType(), help="Of its images, where a file leaves that free."
            ),
            any_file(
                "--output", metavar="NAME", help="Of several, the one of a value for each class."
            ),
            answers(
                "--classes",
                "class_names",
                type=ClassesType(),
                help="Their names, in the order of a third-party file's values.",
            ),
            answers(
                "--classes-as-given",
                is_flag=True,
                help="Ignore the class names in a third-party file: its classes are those of the "
                "data, in that order.",
            ),
        )
    ):
        described = option(described)
    return described
