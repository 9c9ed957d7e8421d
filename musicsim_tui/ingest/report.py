"""What an ingest tells while it runs and when it is done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import ModelVersion


@dataclass(frozen=True, slots=True)
class ItemFailure:
    """A file that was not heard, or is flawed. `new` when it had not failed before; `remembered` when it will
    be skipped until it changes or a retry is asked for; `heard_whole` when nothing of its sound is missing.
    """

    path: Path
    reason: str
    hint: str
    new: bool
    remembered: bool
    heard_whole: bool = False


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """A snapshot of a running ingest. `done` and `total` count files, `seconds` is time since the start
    without that spent waiting in a pause; `audio_total` is the audio that was forecast, None where none was.
    """

    done: int
    total: int
    added: int
    failed: int
    audio_seconds: float
    seconds: float
    decoding: tuple[str, ...] = ()
    audio_total: float | None = None
    paused: bool = False

    @property
    def realtime_factor(self) -> float:
        """Seconds of audio heard in each second."""
        return self.audio_seconds / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Remaining time at the pace so far, by audio where its length is forecast; None at the start."""
        if self.done >= self.total:
            return 0.0
        if self.audio_total and self.audio_seconds:
            return max(1.0, (self.audio_total - self.audio_seconds) / self.realtime_factor)
        if not self.done:
            return None
        return (self.total - self.done) * self.seconds / self.done


@dataclass(frozen=True, slots=True)
class IngestSummary:
    """What an ingest did. `skipped` counts unchanged files, those that another process has heard meanwhile,
    known sounds under a new name or with new tags (`relinked`), and files whose failure is remembered
    (`remembered_failures`). `seconds` is the time until everything was heard and stored, `hearing_seconds`
    that from the first file that is decoded on, without pauses."""

    model: ModelVersion
    added: int = 0
    skipped: int = 0
    failed: int = 0
    relinked: int = 0
    remembered_failures: int = 0
    missing: int = 0
    audio_seconds: float = 0.0
    seconds: float = 0.0
    hearing_seconds: float = 0.0
    failures: tuple[ItemFailure, ...] = ()
    offline: tuple[tuple[Path, str], ...] = ()
    notices: tuple[str, ...] = field(default=())
    cancelled: bool = False
