"""The group of all commands, and how it handles unknown names and errors."""

import sys
from typing import Any

import click

from zoo.commands.last_resort import last_resort, open_streams, tell
from zoo.errors import ZooError, program, unknown_name
from zoo.escaping import printable_lines

EXIT_INTERRUPTED = 130


WORKFLOWS = {
    "A tour on embedded data, in minutes": ["quickstart"],
    "Train a model": ["train cnn --data digits", "test cnn-digits", "export cnn-digits"],
    "Measure an ONNX file of your own": [
        "verify mine.onnx",
        "bench mine.onnx --data cifar10 --mean .5,.5,.5 --std .25,.25,.25",
        "compare mine.onnx cnn",
    ],
    "Keep a model from getting slower (in CI)": [
        "bench mine.onnx --out new.csv",
        "compare base.csv new.csv --max-slowdown 5%",
    ],
}


class ZooGroup(click.Group):
    """Suggests similar command names, and turns errors into one line and an exit code."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, lines in WORKFLOWS.items():
            with formatter.section(title):
                for line in lines:
                    formatter.write(f"{'':{formatter.current_indent}}{program()} {line}\n")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            _fail(unknown_name("command", args[0], self.list_commands(ctx)))
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            open_streams()
            with last_resort():
                return super().main(*args, **extra)
        except ZooError as error:
            _fail(error)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with last_resort():
                return super().invoke(ctx)
        except click.UsageError as error:
            text = error.format_message()
            if text == printable_lines(text):
                raise
            raise click.UsageError(printable_lines(text), error.ctx) from None
        except ZooError as error:
            _fail(error)
        except KeyboardInterrupt:
            tell("interrupted")
            sys.exit(EXIT_INTERRUPTED)


def _fail(error: ZooError) -> None:
    tell(f"error: {error}")
    sys.exit(error.exit_code)
