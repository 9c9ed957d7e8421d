"""Background work without a user interface: cancellation and progress snapshots."""

from __future__ import annotations

import threading
from dataclasses import dataclass


class Cancelled(Exception):
    """Work stopped because its token was cancelled; what was finished stays."""


class CancelToken:
    """Passed into every long call; cancelling it makes the call end soon with `Cancelled`."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to end. Safe from any thread and from a signal handler; idempotent."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def check(self) -> None:
        """Raise `Cancelled` once `cancel` was called."""
        if self._event.is_set():
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Pause that ends at once, with `Cancelled`, when the token is cancelled."""
        if self._event.wait(seconds):
            raise Cancelled


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a job. `total` is None while it is not known; `unit` names what is counted."""

    done: int
    total: int | None
    unit: str = ""
    detail: str = ""
