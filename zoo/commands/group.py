"""The group of all commands: what it does with unknown names, and with errors of every kind."""

import sys
from typing import Any

import click

from zoo.commands.last_resort import last_resort, open_streams, tell
from zoo.errors import ZooError, unknown_name
from zoo.escaping import printable_lines

EXIT_INTERRUPTED = 130


class ZooGroup(click.Group):
    """Knows near names of commands, and turns the zoo's errors into one line and an exit code."""

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
