"""What every command stands on: settings from the options, services, Ctrl-C, the log."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from musicsim_tui.cli import output
from musicsim_tui.cli.options import CURRENT
from musicsim_tui.errors import MusicSimError
from musicsim_tui.jobs import CancelToken

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from musicsim_tui.services import Services
    from musicsim_tui.settings import Settings

STOPPED_BY_CTRL_C = 130
_PATIENCE_SECONDS = 0.9


class ExitWith(Exception):
    """Ends the command with an exit code of its own; everything has been said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def current_settings() -> Settings:
    """The settings of this run. Raises UsageError."""
    from musicsim_tui.settings import load_settings

    return load_settings({"data_dir": CURRENT.data_dir, "model": CURRENT.model})


@contextmanager
def open_services(settings: Settings | None = None) -> Iterator[tuple[Services, CancelToken]]:
    """The library's services, closed at the end; Ctrl-C cancels the token, a second one ends at once."""
    from musicsim_tui.services import Services

    settings = settings or current_settings()
    _start_log(settings)
    token = CancelToken()
    services = Services(settings, notice=output.note)
    with _ctrl_c_cancels(token):
        try:
            yield services, token
        finally:
            services.close()


@contextmanager
def _ctrl_c_cancels(token: CancelToken) -> Iterator[None]:
    last_call = threading.Timer(_PATIENCE_SECONDS, _stop_at_once)
    last_call.daemon = True

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if token.cancelled:
            os._exit(STOPPED_BY_CTRL_C)
        token.cancel()
        last_call.start()

    numbers = {signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}
    previous = {number: signal.getsignal(number) for number in numbers}
    for number, handler in previous.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        last_call.cancel()
        for number, handler in previous.items():
            signal.signal(number, handler)


def _stop_at_once() -> None:
    """End although something does not heed the cancellation, such as the import of PyTorch.

    A library survives any end: catalog and index lose only what was in flight.
    """
    output.report(MusicSimError("Stopped.", "What was finished is kept; run the command again to go on."))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(STOPPED_BY_CTRL_C)


def _start_log(settings: Settings) -> None:
    """Log to a file of the library; it appears with its first line."""
    level = {0: settings.log_level, 1: "INFO"}.get(CURRENT.verbose, "DEBUG")
    root = logging.getLogger("musicsim_tui")
    root.setLevel(level)
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.propagate = False
    if settings.data_dir.is_dir() and os.access(settings.data_dir, os.W_OK):
        handler = logging.FileHandler(
            settings.log_path, encoding="utf-8", errors="backslashreplace", delay=True
        )
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)
    else:
        root.addHandler(logging.NullHandler())
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").addHandler(logging.NullHandler())
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
