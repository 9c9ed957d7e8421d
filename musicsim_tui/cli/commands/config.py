"""`musicsim-tui config show`: every setting, its value and where it came from."""

from __future__ import annotations

import typer

from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.output import Column
from musicsim_tui.cli.session import current_settings

app = typer.Typer(help="Show the settings.", invoke_without_command=True)


@app.callback()
@global_options
def _default(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        _print_settings()


@app.command("show")
@global_options
def show() -> None:
    """Show every setting, its value (secrets hidden) and where it came from."""
    _print_settings()


def _print_settings() -> None:
    from musicsim_tui.settings import ENVIRONMENT_NAMES, config_path

    settings = current_settings()
    if settings.problem is not None:
        output.note_once(settings.problem)
    rows = [
        (ENVIRONMENT_NAMES[name], value, settings.sources.get(name, "default"))
        for name, value in settings.shown().items()
    ]
    download = settings.download
    rows += [(name, value, download.sources.get(name, "default")) for name, value in download.shown().items()]
    if CURRENT.json:
        output.emit(
            {
                "settings": [
                    {"name": name, "value": value, "source": source} for name, value, source in rows
                ],
                "config": str(config_path()),
                "problem": settings.problem,
            }
        )
        return
    output.print_table(
        [Column("Setting"), Column("Value", shrinks=True), Column("From")],
        [[name, "" if value is None else value, source] for name, value, source in rows],
    )
    output.note(f"config.toml: {config_path()}")
