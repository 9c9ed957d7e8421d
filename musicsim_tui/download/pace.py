"""How long fetching takes here: measured as it goes, guessed before."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.download.fetch import Stage
from musicsim_tui.download.forecast import audio_seconds, work_seconds

if TYPE_CHECKING:
    from musicsim_tui.download.fetch import Pause

_WITHOUT_THE_SITE = (Stage.CONVERTING, Stage.CHECKING, Stage.FINISHING)
"""Stages that ask the site nothing: the polite pause runs meanwhile."""


class Lap:
    """One entry being fetched: when it began, and since when the site is left alone."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._left_alone: float | None = None

    def at(self, stage: Stage) -> None:
        """The entry has reached a stage."""
        if stage in _WITHOUT_THE_SITE and self._left_alone is None:
            self._left_alone = time.monotonic()

    def end(self) -> tuple[float, float, float]:
        """When the site was last asked, the seconds with it, and those without it."""
        now = time.monotonic()
        left_alone = now if self._left_alone is None else self._left_alone
        return left_alone, left_alone - self._began, now - left_alone


@dataclass(slots=True)
class Pace:
    """Seconds spent with the site and without it, for all entries so far."""

    laps: int = 0
    asking: float = 0.0
    converting: float = 0.0

    def add(self, lap: Lap) -> float:
        """Count an entry; returns when the site was last asked for it."""
        left_alone, asking, converting = lap.end()
        self.laps += 1
        self.asking += asking
        self.converting += converting
        return left_alone

    def seconds_for(
        self, waiting: int, seconds: float, known: int, pause: Pause, *, keep_original: bool
    ) -> float:
        """Seconds until what waits is there: `seconds` of audio in the `known` ones whose length is known."""
        mean_pause = (pause.shortest + pause.longest) / 2
        if self.laps:
            return waiting * (self.asking / self.laps + max(mean_pause, self.converting / self.laps))
        audio = audio_seconds(waiting, seconds, known)
        return work_seconds(waiting, audio, mean_pause, keep_original=keep_original)
