"""`musicsim-tui sources`: the folders that are remembered."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.options import CURRENT, global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import open_services
from musicsim_tui.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from musicsim_tui.library.catalog import Catalog

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
def forget(
    path: Annotated[Path, typer.Argument(help="A folder or file that is or was remembered.")],
    tracks: Annotated[
        bool, typer.Option("--tracks", help="Leave its tracks out as well, for prune to forget.")
    ] = False,
) -> None:
    """Forget a folder: it is not refreshed any more. No file is touched."""
    from musicsim_tui.library.records import FileState

    absolute = Path(os.path.abspath(path))
    left_out = 0
    with open_services() as (services, _):
        catalog = services.catalog
        remembered = catalog.forget_root(absolute)
        known = catalog.known_files(absolute).items()
        files = _uncovered(catalog, [name for name, file in known if file.state is FileState.PRESENT])
        if not remembered and not (tracks and files):
            raise _not_remembered(absolute, catalog)
        if tracks:
            before = len(catalog.missing_ids())
            catalog.mark_missing(files)
            catalog.clear_failures(_uncovered(catalog, catalog.failed_files(absolute)))
            left_out = len(catalog.missing_ids()) - before
    if CURRENT.json:
        output.emit({"forgotten": str(absolute), "files": len(files), "tracks": left_out})
        return
    output.say(f"Forgot {output.plain(absolute)}.")
    if tracks:
        output.say(
            f"{output.count(left_out, 'track')} left out of results: musicsim-tui prune forgets what was "
            "heard of them, musicsim-tui ingest with that folder brings them back."
        )
    elif files:
        output.say(
            f"What was heard of {output.count(len(files), 'file')} stays in the library: "
            "forget again with --tracks to leave it out."
        )


def _not_remembered(path: Path, catalog: Catalog) -> UsageError:
    for root in catalog.roots():
        if path.is_relative_to(root.path):
            return UsageError(
                f"{path} is part of {root.path}, which is remembered as a whole.",
                f"Leave it out with musicsim-tui ingest '{root.path}' --exclude '{path.name}'.",
            )
    return UsageError(f"{path} is not remembered.", "musicsim-tui sources lists what is.")


def _uncovered(catalog: Catalog, names: Iterable[bytes]) -> list[Path]:
    """Those of these files that no remembered folder holds."""
    roots = [root.path for root in catalog.roots()]
    paths = [Path(os.fsdecode(name)) for name in names]
    return [path for path in paths if not any(path.is_relative_to(root) for root in roots)]


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
