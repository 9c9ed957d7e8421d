"""`musicsim-tui sources`: the folders that are remembered."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.options import CURRENT, global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UsageError

app = typer.Typer(help="List or forget remembered folders.", invoke_without_command=True)


@app.callback()
@global_options
def _default(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        _print_sources()


@app.command("list")
@global_options
def list_sources() -> None:
    """List the remembered folders and files."""
    _print_sources()


@app.command("forget")
@global_options
def forget(path: Annotated[Path, typer.Argument(help="A remembered folder or file.")]) -> None:
    """Forget a folder: it is not refreshed any more; its files and tracks stay."""
    with open_services() as (services, _):
        absolute = Path(os.path.abspath(path))
        if not services.catalog.forget_root(absolute):
            raise UsageError(f"{absolute} is not remembered.", "musicsim-tui sources lists what is.")
    if CURRENT.json:
        output.emit({"forgotten": str(absolute)})
    else:
        output.say(f"Forgot {output.plain(absolute)}; its tracks stay in the library.")


def _print_sources() -> None:
    with open_services() as (services, _):
        roots = services.catalog.roots()
    if CURRENT.json:
        output.emit(
            {
                "sources": [
                    {
                        "kind": "folder",
                        "path": str(root.path),
                        "excludes": list(root.excludes),
                        "added": root.added,
                        "scanned": root.scanned,
                        "online": root.path.exists(),
                    }
                    for root in roots
                ]
            }
        )
        return
    if not roots:
        output.say("Nothing is remembered yet: musicsim-tui ingest FOLDER remembers a folder.")
        return
    output.print_table(
        [Column("Path", shrinks=True), Column("State"), Column("Last looked at")],
        [
            [
                str(root.path),
                "online" if root.path.exists() else "offline",
                time.strftime("%Y-%m-%d %H:%M", time.localtime(root.scanned)) if root.scanned else "never",
            ]
            for root in roots
        ],
    )
