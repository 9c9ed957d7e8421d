"""A pause of a running ingest: no new file is begun, what is begun is finished and kept."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicsim_tui.jobs import CancelToken

_POLL_SECONDS = 0.05


class PauseSwitch:
    """Off at first; every member is safe from any thread."""

    def __init__(self) -> None:
        self._going = threading.Event()
        self._going.set()

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def pause(self) -> None:
        self._going.clear()

    def resume(self) -> None:
        self._going.set()

    def wait(self, cancel: CancelToken) -> bool:
        """Wait while it is on; False when the token was cancelled."""
        while not self._going.wait(_POLL_SECONDS):
            if cancel.cancelled:
                return False
        return not cancel.cancelled
