"""The command line as Typer parses it. Loads Typer: import it inside the function that needs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui import __version__
from musicsim_tui.cli import output
from musicsim_tui.cli.commands import register
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.interrupt import STOPPED_BY_CTRL_C
from musicsim_tui.cli.options import global_options
from musicsim_tui.cli.session import ExitWith, current_settings, on_terminal, open_app
from musicsim_tui.errors import UsageError
from musicsim_tui.jobs import Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

_SEE_HELP = "musicsim-tui --help lists every command and option."
_ParsingError: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException"
)
"""What every usage error of the parser is; Typer exports only its descendants."""

app = typer.Typer(
    name="musicsim-tui",
    help="Find music that sounds alike: hear a library once, then ask what sounds like this.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(asked: bool) -> None:
    if asked:
        if CURRENT.json:
            output.emit({"version": __version__})
        else:
            output.say(f"musicsim-tui {__version__}")
        raise typer.Exit


@app.callback()
@global_options
def _callback(
    ctx: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", is_eager=True, callback=_print_version),
    ] = False,
) -> None:
    """Find music that sounds alike: hear a library once, then ask what sounds like this.

    Without a command, on a terminal, the app opens.
    """
    del version
    if ctx.invoked_subcommand is not None:
        return
    if CURRENT.json:
        raise UsageError("No command was given.", _SEE_HELP)
    if on_terminal():
        raise ExitWith(open_app(current_settings()))
    if text := ctx.get_help():  # Typer may print it itself, in colour
        output.say(text)


register(app)


def parse(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code. Raises UsageError, and what the command raises."""
    try:
        code = app(args=list(arguments), prog_name="musicsim-tui", standalone_mode=False)
    except typer.Abort as stopped:
        raise Cancelled from stopped
    except _ParsingError as error:
        raise UsageError(error.format_message(), _SEE_HELP) from error  # type: ignore[attr-defined]
    if code == STOPPED_BY_CTRL_C:  # what Typer makes of a Ctrl-C before the command heeds it
        output.report_stopped()
    return code if isinstance(code, int) else 0
