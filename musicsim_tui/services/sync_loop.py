"""A thread that does something again and again until it is told to stop."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from collections.abc import Callable

_END_SECONDS = 0.7


class SyncLoop:
    """Calls `catch_up`, waits for the seconds it returns, and calls it again."""

    def __init__(self, catch_up: Callable[[CancelToken], float]) -> None:
        self._catch_up = catch_up
        self._token = CancelToken()
        self._caught_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="index sync", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while True:
                pause = self._catch_up(self._token)
                self._caught_up.set()
                self._token.wait(pause)
        except Cancelled:
            return

    def stop(self, patience: float) -> None:
        """Wait up to `patience` seconds for the first round to be through, then end the thread."""
        self._caught_up.wait(patience)
        self._token.cancel()
        self._thread.join(_END_SECONDS)
