"""The command `musicsim-tui`: parses, runs one command, turns every ending into an exit code."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from musicsim_tui import __version__
from musicsim_tui.cli import log as logs
from musicsim_tui.cli import output
from musicsim_tui.cli.commands import register
from musicsim_tui.cli.interrupt import STOPPED_BY_CTRL_C
from musicsim_tui.cli.options import CURRENT, global_options
from musicsim_tui.cli.session import ExitWith, current_settings, on_terminal, open_app
from musicsim_tui.errors import MusicSimError, StorageError, UsageError
from musicsim_tui.jobs import Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

DONE, FAILED, USAGE = 0, 1, 2
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


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing escapes as a traceback."""
    CURRENT.reset()
    CURRENT.json = "--json" in arguments  # a usage error is reported before the options are parsed
    output.begin()
    logs.mute()
    try:
        code = app(args=list(arguments), prog_name="musicsim-tui", standalone_mode=False)
        if code == STOPPED_BY_CTRL_C:  # what the parser makes of a Ctrl-C before the command heeds it
            output.report_stopped()
        return code if isinstance(code, int) else DONE
    except ExitWith as ending:
        return ending.code
    except (Cancelled, KeyboardInterrupt, typer.Abort):
        output.report_stopped()
        return STOPPED_BY_CTRL_C
    except _ParsingError as error:
        title = error.format_message()  # type: ignore[attr-defined]
        output.report(UsageError(title, _SEE_HELP))
        return USAGE
    except UsageError as error:
        output.report(error)
        return USAGE
    except MusicSimError as error:
        output.report(error)
        return FAILED
    except (BrokenPipeError, SystemExit):  # the parser makes the latter of the former
        return DONE
    except Exception as error:  # the last edge: a person gets words, the log gets the traceback
        log.exception("unexpected")
        output.report(_in_words(error))
        return FAILED


def _in_words(error: Exception) -> MusicSimError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("Something could not be written: the disk is full.", "Free some space on it.")
    return MusicSimError(
        f"Something unexpected went wrong ({type(error).__name__}: {error}).",
        "What was finished is kept. musicsim-tui doctor checks every part; the log has the details.",
    )


def run() -> None:
    """Run the command line of this process and leave at once: a batch still inside the network
    would abort an ordinary exit."""
    code = invoke(sys.argv[1:])
    with output.everything_said():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BrokenPipeError:
                pass  # the work is done all the same
            except OSError:  # such as a full disk, which has been told where it was met
                code = code or FAILED
        os._exit(code)
