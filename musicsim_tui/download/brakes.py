"""When the queue slows down, rests, or stops: what a failure means for the entries after it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from musicsim_tui.download.failures import DownloadError, FailureKind

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_IN_A_ROW = 5
"""Failures in a row after which the queue stops: something is wrong that is no fault of the entries."""
OFFLINE_SECONDS = 60.0
"""How long to wait before the network is tried again."""
_SUSPICIOUS = frozenset(
    {
        FailureKind.FORBIDDEN,
        FailureKind.OUTDATED,
        FailureKind.NO_FORMATS,
        FailureKind.NOT_AUDIO,
        FailureKind.TRUNCATED,
        FailureKind.NETWORK,
        FailureKind.SERVER,
        FailureKind.LOGIN,
        FailureKind.UNKNOWN,
    }
)
"""Kinds that an entry can have of its own, but not five one after the other."""
_MOST_SLOWED = 16


class Verdict(Enum):
    """What a failure means. FAILED: for this entry alone. STOP: nothing more until somebody says so. REST:
    until a time. ROOM: until there is room on the disk."""

    FAILED = auto()
    STOP = auto()
    REST = auto()
    ROOM = auto()


@dataclass(slots=True)
class Brakes:
    """Counts failures in a row. `clock` gives Unix seconds."""

    clock: Callable[[], float] = time.time
    in_a_row: int = 0

    def judge(self, error: DownloadError) -> tuple[Verdict, float | None]:
        """What a failure means, and until when to rest."""
        if error.kind is FailureKind.RATE_LIMIT:
            return Verdict.REST, error.until
        if error.kind is FailureKind.OFFLINE:
            return Verdict.REST, self.clock() + OFFLINE_SECONDS
        if error.kind is FailureKind.DISK_FULL:
            return Verdict.ROOM, None
        if error.stops_queue:
            return Verdict.STOP, None
        if error.kind in _SUSPICIOUS:
            self.in_a_row += 1
        return Verdict.FAILED, None

    def succeeded(self) -> None:
        """An entry came through."""
        self.in_a_row = 0

    @property
    def slowed(self) -> int:
        """How many times longer the pauses are: twice for each failure in a row behind the first."""
        return int(min(2 ** max(0, self.in_a_row - 1), _MOST_SLOWED))

    def tripped(self, error: DownloadError) -> DownloadError | None:
        """The failure that stops the queue because too many came in a row; None as long as it may go on.

        Once it has been told, the count begins anew.
        """
        if self.in_a_row < MOST_IN_A_ROW:
            return None
        self.in_a_row = 0
        return DownloadError(
            f"{MOST_IN_A_ROW} tracks in a row failed, and the queue has stopped. The last: {error.title}",
            error.hint,
            error.kind,
            detail=error.detail,
        )
