"""Python's collector of reference cycles, kept from stopping the screen while somebody uses it.

A full collection walks every object there is: 100,000 after the start, as many again after some scrolling,
some hundred thousand more once a network is loaded. That takes up to 200 ms in which no key is answered.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING

from textual import events
from textual.app import App

if TYPE_CHECKING:
    from textual.events import Event

_OFTEN_AS_EVER, _NEVER = (700, 10), 1_000_000
_TRIED_EVERY_SECONDS = 20.0
_UNTOUCHED_SECONDS = 3.0
_TOO_MANY = 300
"""Lesser collections since the last full one: by then some two million objects may have gathered."""
_LONG_SECONDS = 0.03
_MANY_IMPORTS = 50


class Collecting(App[str]):
    """An app whose full collections wait until nobody has touched it for some seconds."""

    _touched = 0.0
    _imported = 0

    async def on_event(self, event: Event) -> None:
        if isinstance(event, events.InputEvent):
            self._touched = time.monotonic()
        await super().on_event(event)

    def settle(self) -> None:
        """Leave what is there now out of all collections; for the moment when the app has started."""
        gc.enable()
        if self.is_headless:
            return  # in a process that goes on without it
        gc.set_threshold(*_OFTEN_AS_EVER, _NEVER)
        self._keep_all()
        self.set_interval(_TRIED_EVERY_SECONDS, self._collect)

    def _keep_all(self) -> None:
        self._imported = len(sys.modules)
        gc.freeze()

    def _collect(self) -> None:
        if len(sys.modules) - self._imported > _MANY_IMPORTS:
            # What a large library has made on its import stays as long as the process.
            self._keep_all()
        elif time.monotonic() - self._touched > _UNTOUCHED_SECONDS or gc.get_count()[2] > _TOO_MANY:
            began = time.monotonic()
            gc.collect()
            if time.monotonic() - began > _LONG_SECONDS:
                self._keep_all()
