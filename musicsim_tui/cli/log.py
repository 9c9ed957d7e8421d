"""The log of the command line: a file of the library, never the terminal."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from musicsim_tui.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.settings import Settings

_NAMES = ("musicsim_tui", "py.warnings")
_BY_VERBOSITY = {0: logging.CRITICAL, 1: logging.INFO}


class _LogFile(logging.FileHandler):
    """A log that cannot be written is no reason for anything else to fail."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        del record


def mute() -> None:
    """Log to nowhere, until `log_to` knows where: what fails before is told in words only."""
    _replace_handlers(logging.NullHandler())


def log_to(settings: Settings, verbosity: int) -> None:
    """Log to a file of the library, whose folder exists; the file appears with its first line.

    Each `-v` brings the log down to a level with more in it, never up to one with less.
    """
    level = min(
        logging.getLevelNamesMapping()[settings.log_level], _BY_VERBOSITY.get(verbosity, logging.DEBUG)
    )
    logging.getLogger("musicsim_tui").setLevel(level)
    if not os.access(settings.data_dir, os.W_OK):
        return
    handler = _LogFile(settings.log_path, encoding="utf-8", errors="backslashreplace", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    _replace_handlers(handler)
    logging.captureWarnings(capture=True)


def make_folder(folder: Path) -> None:
    """Make the library's folder. Raises StorageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The library's folder {folder} cannot be made: {error.strerror or error}.",
            "Choose a folder you may write to with --data-dir or MUSICSIM_DATA_DIR.",
        ) from error


def _replace_handlers(handler: logging.Handler) -> None:
    for name in _NAMES:
        logger = logging.getLogger(name)
        for old in logger.handlers[:]:
            logger.removeHandler(old)
            old.close()
        logger.addHandler(handler)
        logger.propagate = False
