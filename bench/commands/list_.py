"""`list`: models, datasets, runs, exports, runtimes or providers."""

from pathlib import Path
from typing import Any

import click

from zoo.commands.console import print_json, print_list, say
from zoo.commands.kind import kind_options
from zoo.commands.parameters import data_dir_option, exports_option, json_option
from zoo.errors import UsageError, unknown_name
from zoo.specs.catalog import Kind

LISTS = ("models", "datasets", "runs", "exports", "runtimes", "providers")


@click.command("list")
@click.argument("what", default="models", metavar=f"[{'|'.join(LISTS)}]")
@data_dir_option
@exports_option
@kind_options
@json_option
@click.option("--markdown", is_flag=True, help="Print the artifacts as the README shows them.")
def list_(
    what: str,
    data_dir: Path | None,
    exports: Path | None,
    kind: Kind,
    as_json: bool,
    markdown: bool,
) -> None:
    """List models, datasets, runs, exports, runtimes or providers."""
    from bench.runtimes import list_providers, list_runtimes
    from zoo.actions.list_ import as_texts, list_things, markdown_table

    of_runtimes = {"runtimes": list_runtimes, "providers": list_providers}
    if what not in LISTS:
        raise unknown_name("list", what, LISTS)
    if kind.words and what not in ("models", "runs", "exports"):
        raise UsageError(
            f"{kind.words} applies to these lists only: list models, list runs, list exports."
        )
    if markdown:
        if what != "exports":
            raise UsageError("--markdown applies to list exports only.")
        say(*markdown_table(exports, kind).split("\n"))
        return
    rows: list[dict[str, Any]]
    rows = (
        of_runtimes[what]() if what in of_runtimes else list_things(what, data_dir, exports, kind)
    )
    if as_json:
        print_json(rows)
    else:
        print_list([as_texts(row) for row in rows])
