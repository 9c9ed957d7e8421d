"""`musicsim-tui index`: the search index, embedded or on a server."""

from __future__ import annotations

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import open_services

app = typer.Typer(help="Show or rebuild the search index.", invoke_without_command=True)


@app.callback()
@global_options
def _default(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        _print_status()


@app.command("status")
@global_options
def status() -> None:
    """Show what is indexed, and where."""
    _print_status()


@app.command("rebuild")
@global_options
def rebuild() -> None:
    """Write the index again from the catalog, onto the engine in use."""
    with open_services() as (services, cancel):
        with output.progress_bar("indexing") as publish:
            points = services.engine.rebuild(publish, cancel)
        engine = services.engine.name
    if CURRENT.json:
        output.emit({"engine": engine, "points": points})
    elif not points:
        output.say("Nothing to index: the library is empty.")
    else:
        for name, number in points.items():
            output.say(f"Indexed {output.count(number, 'track')} of {name} on {engine}.")


def _print_status() -> None:
    with open_services() as (services, _):
        engine, rows = services.engine.name, services.engine.status()
    if CURRENT.json:
        output.emit(
            {
                "engine": engine,
                "models": [
                    {
                        "model": row.model.name,
                        "version": row.model.version,
                        "heard": row.heard,
                        "indexed": row.indexed,
                    }
                    for row in rows
                ],
            }
        )
        return
    output.say(f"Engine: {engine}")
    for row in rows:
        state = "" if row.indexed is None else f", {row.indexed:,} indexed"
        output.say(f"{row.model.name}: {output.count(row.heard, 'track')} heard{state}")
    if any(row.indexed is None for row in rows):
        output.say("Another musicsim-tui is running with this index open, and brings it up to date itself.")
