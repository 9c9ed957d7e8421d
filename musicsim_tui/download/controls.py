"""The controls of the queue: safe from any thread, heeded at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from musicsim_tui.download.report import QueueSnapshot
from musicsim_tui.jobs import Cancelled, CancelToken

if TYPE_CHECKING:
    from musicsim_tui.errors import MusicSimError

_POLL_SECONDS = 0.1


class LinkedToken(CancelToken):
    """Cancelled with its parent, or alone."""

    def __init__(self, parent: CancelToken) -> None:
        super().__init__()
        self._parent = parent

    @property
    def cancelled(self) -> bool:
        return super().cancelled or self._parent.cancelled

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            super().wait(min(left, _POLL_SECONDS))
            self.check()


class Controls:
    """What others tell the one who works on the queue, and what it shows them.

    `stopped` is the failure because of which nothing more is tried until `resume`; `rest_until` the time
    before which no site is asked, in Unix seconds; `unusable` are the playlists into whose folders nothing
    can be written, with the reasons: they are passed over until `resume`.
    """

    def __init__(self) -> None:
        self.snapshot = QueueSnapshot()
        self.paused = False
        self.stopped: MusicSimError | None = None
        self.rest_until = 0.0
        self.unusable: dict[int, MusicSimError] = {}
        self.wakes = 0
        self._changed = threading.Condition()
        self._live: tuple[tuple[str, str], CancelToken] | None = None

    def wake(self) -> None:
        """The queue may have changed: look at once."""
        with self._changed:
            self.wakes += 1
            self._changed.notify_all()

    def pause(self) -> None:
        """Stop asking at once; what came of the entry being fetched is kept."""
        self.paused = True
        self.interrupt()
        self.wake()

    def resume(self) -> None:
        """Go on now, whatever the queue waits for."""
        self.paused, self.stopped, self.rest_until = False, None, 0.0
        self.unusable = {}
        self.wake()

    def interrupt(self, keys: Collection[tuple[str, str]] | None = None) -> None:
        """Leave the entry that is being fetched, if it is one of these."""
        live = self._live
        if live is not None and (keys is None or live[0] in keys):
            live[1].cancel()

    def is_live(self, key: tuple[str, str]) -> bool:
        """Whether an entry is being fetched."""
        live = self._live
        return live is not None and live[0] == key

    def begin(self, key: tuple[str, str], cancel: CancelToken) -> CancelToken:
        """An entry is fetched now; the token with which it can be interrupted."""
        token = LinkedToken(cancel)
        self._live = (key, token)
        return token

    def end(self) -> None:
        """No entry is fetched any more."""
        self._live = None

    def wait(self, seconds: float, seen: int, cancel: CancelToken) -> None:
        """Return when `wakes` is not `seen` any more, or after some seconds. Raises Cancelled."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while self.wakes == seen and (left := deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, _POLL_SECONDS))
                cancel.check()
