"""Runs the app on a terminal, from the first screen to the last, and leaves within a second."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from musicsim_tui.tui.actions import OPEN_DEMO
from musicsim_tui.tui.app import MusicApp
from musicsim_tui.tui.preferences import load_preferences
from musicsim_tui.tui.terminal import guarded_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken, Progress
    from musicsim_tui.settings import Settings
    from musicsim_tui.tui.playing import PlayingActions

log = logging.getLogger(__name__)

_COMMIT_SECONDS = 0.6
"""What a job gets to commit what it has finished."""
_CLOSE_SECONDS = 0.25
"""And what index and catalog get to close; ending without it loses nothing."""
_LEAVE_SECONDS = 0.7
"""Both together, so that leaving takes less than a second."""


def run_app(
    settings: Settings, *, tell: Callable[[MusicSimError], None], demo: bool = False, greeting: str = ""
) -> int:
    """Open the library in the app; returns the exit code. `demo` makes and opens the demo library.

    `greeting` is a line that the person has to see first, `tell` says what went wrong after the terminal has
    been given back.
    """
    failed = False
    while True:
        with contextlib.suppress(OSError):
            settings.data_dir.mkdir(parents=True, exist_ok=True)
        if demo:
            settings = demo_settings(settings)
        prepare = _demo_music(settings) if demo else None
        app = MusicApp(settings, load_preferences(), prepare=prepare, greeting=greeting)
        app.heeds_signals = True
        with guarded_terminal(settings.log_path):
            result = app.run(size=shutil.get_terminal_size())  # as the driver sees it
        close_app(app)
        for error in (app.failure, app.crate.unsaved):
            if error is not None:
                failed = True
                tell(error)
        if result != OPEN_DEMO:
            return app.return_code or int(failed)
        demo = True


def demo_settings(settings: Settings) -> Settings:
    """The demo's own library, with the weights that are installed already."""
    folder = settings.data_dir / "demo"
    if settings.data_dir.name == "demo":
        return settings
    return replace(settings, data_dir=folder, weights_dir=settings.models_dir, qdb_endpoint=None)


def _demo_music(settings: Settings) -> Callable[[Callable[[Progress], None], CancelToken], Sequence[Path]]:
    def prepare(publish: Callable[[Progress], None], cancel: CancelToken) -> Sequence[Path]:
        from musicsim_tui.upkeep.demo import write_demo_music

        return [write_demo_music(settings.data_dir / "music", publish, cancel).folder]

    return prepare


def close_app(app: PlayingActions) -> None:
    """Let jobs commit and parts close, for a bounded time; the process ends without those that do not."""
    end = time.monotonic() + _LEAVE_SECONDS
    app.crate.flush()
    app.bridge.runner.close(_COMMIT_SECONDS)
    silencing = threading.Thread(target=app.preview.close, name="silence", daemon=True)
    silencing.start()
    closing = threading.Thread(target=app.bridge.services.close, name="close", daemon=True)
    closing.start()
    for thread in (closing, silencing):
        thread.join(min(_CLOSE_SECONDS, max(0.0, end - time.monotonic())))


def end_at_once(app: PlayingActions, code: int) -> None:
    """End the process without the terminal."""
    threading.Timer(2 * _LEAVE_SECONDS, os._exit, (code,)).start()
    close_app(app)
    if (lost := app.crate.unsaved) is not None:
        log.warning("%s", lost.title)  # there is nobody to tell
    os._exit(code)
