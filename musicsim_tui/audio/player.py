"""What a player is, and the one that stands in where nothing can be heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from musicsim_tui.errors import MusicSimError

if TYPE_CHECKING:
    from pathlib import Path

FULL_VOLUME = 100


class PlaybackError(MusicSimError):
    """Nothing can be heard: PortAudio is missing, there is no sound device, or it went away."""


class Status(StrEnum):
    """What a player is doing."""

    PLAYING = "playing"
    PAUSED = "paused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PlaybackState:
    """A snapshot of a player. `position` and `duration` in seconds, `volume` in percent.

    `path` is None when nothing has been chosen; `duration` is what the file claims until it has been played
    to its end, None where it claims nothing. `problem` says why nothing is heard.
    """

    path: Path | None = None
    position: float = 0.0
    duration: float | None = None
    status: Status = Status.STOPPED
    volume: int = FULL_VOLUME
    muted: bool = False
    problem: MusicSimError | None = None


class Player(Protocol):
    """Plays one file at a time. Every call returns at once, from any thread, and none raises."""

    @property
    def state(self) -> PlaybackState:
        """What the player does now."""

    def play(self, path: Path, start: float = 0.0, gain_db: float = 0.0) -> None:
        """Play a file from a place, in seconds, instead of whatever is playing.

        `gain_db` makes it louder or quieter, but never so loud that it clips.
        """

    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def toggle(self) -> None:
        """Pause what is playing, resume what is paused."""

    def stop(self) -> None:
        """End what is playing or paused."""

    def seek(self, seconds: float) -> None:
        """Go to a place of the file that is playing or paused; behind its end, it ends."""

    def set_volume(self, percent: int) -> None:
        """0 is silence, 100 is the recording as it is."""

    def set_muted(self, muted: bool) -> None: ...

    def close(self) -> None:
        """Stop and let go of the sound device. Idempotent; waits a moment for what is still sounding."""


class SilentPlayer:
    """A player where nothing can be heard: everything can be asked of it, and `state.problem` says why."""

    def __init__(self, reason: str, hint: str) -> None:
        self._state = PlaybackState(problem=PlaybackError(reason, hint))

    @property
    def state(self) -> PlaybackState:
        return self._state

    def play(self, path: Path, start: float = 0.0, gain_db: float = 0.0) -> None:
        pass

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass

    def toggle(self) -> None:
        pass

    def stop(self) -> None:
        pass

    def seek(self, seconds: float) -> None:
        pass

    def set_volume(self, percent: int) -> None:
        self._state = replace(self._state, volume=clamped_volume(percent))

    def set_muted(self, muted: bool) -> None:
        self._state = replace(self._state, muted=muted)

    def close(self) -> None:
        pass


def clamped_volume(percent: int) -> int:
    """A volume that exists: 0 to 100."""
    return min(max(percent, 0), FULL_VOLUME)
