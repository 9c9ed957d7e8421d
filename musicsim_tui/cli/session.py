"""What every command stands on: settings from the options, services, Ctrl-C, the log."""

from __future__ import annotations

import gc
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.cli import log, output
from musicsim_tui.cli.current import CURRENT
from musicsim_tui.cli.interrupt import STOPPED_BY_CTRL_C, ended_by_ctrl_c, heed_ctrl_c
from musicsim_tui.errors import StorageError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from musicsim_tui.cli.interrupt import WatchedToken
    from musicsim_tui.services import Services
    from musicsim_tui.settings import Settings

__all__ = ["STOPPED_BY_CTRL_C", "ExitWith", "current_settings", "on_terminal", "open_app", "open_services"]


class ExitWith(Exception):
    """Ends the command with an exit code of its own; everything has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def current_settings(flags: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of this run, with `flags` of the command's own by their names.

    Raises UsageError, SettingsError.
    """
    from musicsim_tui.settings import load_settings

    return load_settings({"data_dir": CURRENT.data_dir, "model": CURRENT.model, **(flags or {})})


@contextmanager
def open_services(
    settings: Settings | None = None, *, diagnosing: bool = False
) -> Iterator[tuple[Services, WatchedToken]]:
    """The library's services, closed at the end; Ctrl-C cancels the token, a second one ends at once.

    Raises UsageError and SettingsError for the settings, StorageError when the library's folder cannot be
    made, unless `diagnosing`: a diagnosis tells that itself.
    """
    from musicsim_tui.services import Services

    settings = settings or current_settings()
    try:
        log.make_folder(settings.data_dir)
    except StorageError:
        if not diagnosing:
            raise
    log.log_to(settings, CURRENT.verbose)
    for notice in _notices(settings, diagnosing=diagnosing):
        output.note_once(notice)
    services = Services(settings, notice=output.note)
    with heed_ctrl_c() as token:
        try:
            if settings.model and not diagnosing:
                services.models.find(settings.model)
            yield services, token
        finally:
            token.will_be_heeded()  # the command has its result, and is not cut short while it closes
            services.close()


def on_terminal() -> bool:
    """Whether a person sits at both ends of this process."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _check_drawing() -> None:
    """The app draws through standard error. Raises UsageError when that leads elsewhere."""
    if not sys.stderr.isatty():
        raise UsageError(
            "The app draws on standard error, which is not the terminal here.",
            "Start it without 2>; what goes wrong is kept in the log (-v says more).",
        )


def open_app(settings: Settings, *, demo: bool = False) -> int:
    """Open the library, or that of the demo, in the app; returns the exit code once it is left.

    Raises UsageError when the app cannot be drawn, UsageError and SettingsError for the settings,
    StorageError when the library's folder cannot be made.
    """
    gc.disable()  # nothing that is made for the first screen is in vain; the app lets collections go on
    with ended_by_ctrl_c():
        from musicsim_tui.tui.run import run_app

    _check_drawing()
    log.make_folder(settings.data_dir)
    log.log_to(settings, CURRENT.verbose)
    return run_app(settings, tell=output.report, demo=demo, greeting=" ".join(_notices(settings)))


def _notices(settings: Settings, *, diagnosing: bool = False) -> list[str]:
    """What has to be told of the settings, whatever the command does."""
    problem = None if diagnosing else settings.problem
    return [text for text in (_server_from_dotenv(settings), problem) if text]


def _server_from_dotenv(settings: Settings) -> str:
    """A `.env` that came with somebody's folder must not choose unseen where titles and paths go."""
    from musicsim_tui.settings import without_secrets

    if settings.qdb_endpoint is None or settings.sources.get("qdb_endpoint") != ".env":
        return ""
    return (
        f"Titles and paths of this library go to {without_secrets(settings.qdb_endpoint)}, "
        f"as {Path('.env').absolute()} says."
    )
