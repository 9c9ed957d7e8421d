"""The command `musicsim-tui`: runs one command line, turns every ending into an exit code."""

from __future__ import annotations

import errno
import logging
import os
import sys
from typing import TYPE_CHECKING

from musicsim_tui.cli import log as logs
from musicsim_tui.cli import output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.interrupt import STOPPED_BY_CTRL_C
from musicsim_tui.cli.session import ExitWith, current_settings, on_terminal, open_app
from musicsim_tui.errors import MusicSimError, StorageError, UsageError
from musicsim_tui.jobs import Cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

DONE, FAILED, USAGE = 0, 1, 2
_OPTIONS_OF_THE_APP = {"--data-dir": "data_dir", "--model": "model"}


def invoke(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; nothing escapes as a traceback."""
    CURRENT.reset()
    CURRENT.json = "--json" in arguments  # a usage error is reported before the options are parsed
    output.begin()
    logs.mute()
    try:
        return _run(arguments)
    except ExitWith as ending:
        return ending.code
    except (Cancelled, KeyboardInterrupt):
        output.report_stopped()
        return STOPPED_BY_CTRL_C
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


def load(arguments: Sequence[str]) -> None:
    """Load the parser, if the command line needs it: it takes half as long as the app itself."""
    if _options_of_the_app(arguments) is None or not on_terminal():
        from musicsim_tui.cli import parser  # noqa: F401


def _run(arguments: Sequence[str]) -> int:
    """Open the app at once where nothing else can be meant."""
    typed = _options_of_the_app(arguments)
    if typed is not None and on_terminal():
        CURRENT.merge(typed)
        return open_app(current_settings())
    from musicsim_tui.cli.parser import parse

    return parse(arguments)


def _options_of_the_app(arguments: Sequence[str]) -> dict[str, str] | None:
    """Options and their values where a line is nothing but those that choose a library and a model."""
    names, values = arguments[::2], arguments[1::2]
    if len(names) != len(values) or any(value.startswith("-") for value in values):
        return None
    if not _OPTIONS_OF_THE_APP.keys() >= set(names):
        return None
    return {_OPTIONS_OF_THE_APP[name]: value for name, value in zip(names, values, strict=True)}


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
