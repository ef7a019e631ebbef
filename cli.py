"""The command line: parse, call, print. Everything heavy is imported inside the commands."""

import sys
from pathlib import Path
from typing import Any

import click

import zoo
from bench.commands.bench import bench
from bench.commands.compare import compare
from bench.commands.report import report
from zoo.commands.console import print_artifact, print_findings, print_json, print_list, say
from zoo.commands.doctor import doctor
from zoo.commands.export import export
from zoo.commands.last_resort import last_resort, open_streams, tell
from zoo.commands.parameters import PATH, data_dir_option, exports_option, json_option
from zoo.commands.predict import predict
from zoo.commands.samples import samples
from zoo.commands.test import test
from zoo.commands.train import train
from zoo.commands.verify import verify
from zoo.errors import UsageError, ZooError, unknown_name
from zoo.escaping import printable_lines
from zoo.machine.threads import spin_briefly

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


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(zoo.__version__, message="%(version)s")
def main() -> None:
    """Train image classifiers and compare them.

    Begin with: python cli.py quickstart
    """
    spin_briefly()


for command in (train, test, samples, export, verify, predict, bench, compare, report, doctor):
    main.add_command(command)


@main.command("list")
@click.argument("what", default="models", metavar="[models|datasets|runtimes|providers|exports]")
@data_dir_option
@exports_option
@json_option
@click.option("--markdown", is_flag=True, help="Print the exports as the README shows them.")
def list_command(
    what: str, data_dir: Path | None, exports: Path, as_json: bool, markdown: bool
) -> None:
    """List models, datasets, runtimes, providers or exports."""
    from bench.runtimes import list_runtimes
    from zoo.actions.list_ import LISTINGS, list_things, markdown_table

    if what not in (*LISTINGS, "runtimes"):
        raise unknown_name("list", what, (*LISTINGS, "runtimes"))
    if markdown:
        if what != "exports":
            raise UsageError("--markdown is for: list exports.")
        say(*markdown_table(exports).split("\n"))
        return
    rows = list_runtimes() if what == "runtimes" else list_things(what, data_dir, exports)
    if as_json:
        print_json(rows)
    else:
        print_list(rows)


@main.command()
@click.option("--folder", type=PATH, default=Path("quickstart"), show_default=True)
def quickstart(folder: Path) -> None:
    """Train two models on the embedded digits, export, verify and compare them, in minutes."""
    from bench.commands.quickstart import measure
    from zoo.actions.quickstart import EPOCHS
    from zoo.actions.quickstart import quickstart as tour
    from zoo.progress import progress_for

    progress = progress_for()
    for model in EPOCHS:
        made = tour(folder, progress, model)
        print_findings(made.findings)
        say(f"curves       {made.run.curves}")
        print_artifact(made.artifact)
        good = sum(check.status == "ok" for check in made.checks)
        say(f"verified     {good} checks are ok", "")
    if not measure(folder, progress):
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="cli.py")
