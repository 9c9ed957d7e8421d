"""Playing tracks from the app: what plays, from where, how loud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from musicsim_tui.audio.player import FULL_VOLUME, PlaybackState, Status

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.audio.player import Player
    from musicsim_tui.errors import MusicSimError
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.services.preview import Playable
    from musicsim_tui.track import TrackId
    from musicsim_tui.tui.bridge import Bridge

VOLUME_STEP = 5


class PreviewEnded(Message):
    """A file has been played to its end, or cannot be played."""

    def __init__(self, state: PlaybackState) -> None:
        super().__init__()
        self.state = state


@dataclass(frozen=True, slots=True)
class Playing:
    """What was put on last: `what` names it across lists, `peaks` draw it (255 for full scale)."""

    what: TrackId | Path
    playable: Playable
    peaks: bytes


@dataclass(frozen=True, slots=True)
class _Ready:
    player: Player
    playing: Playing


class Preview:
    """One player, opened when first needed. Belongs to the UI thread."""

    def __init__(self, bridge: Bridge, post: Callable[[Message], object], *, volume: int) -> None:
        self._bridge = bridge
        self._post = post
        self._player: Player | None = None
        self._volume = volume
        self._muted = False
        self.playing: Playing | None = None
        self.auditioning = False

    @property
    def state(self) -> PlaybackState:
        """What the player does now."""
        if self._player is None:
            return PlaybackState(volume=self._volume, muted=self._muted)
        return self._player.state

    @property
    def sounding(self) -> bool:
        """Whether something plays or waits to go on."""
        return self.playing is not None and self.state.status is not Status.STOPPED

    def plays(self, what: TrackId | Path) -> bool:
        """Whether this is what plays or waits to go on."""
        return self.sounding and self.playing is not None and self.playing.what == what

    def toggle(self, what: TrackId | Path, start: float, failed: Callable[[MusicSimError], None]) -> None:
        """Pause what plays, resume what waits; put on anything else."""
        if self._player is not None and self.plays(what):
            self._player.toggle()
        else:
            self.play(what, start, failed)

    def play(self, what: TrackId | Path, start: float, failed: Callable[[MusicSimError], None]) -> None:
        """Put a track or a file on, from a place in seconds; `failed` is told why it cannot be heard."""
        services, player, volume = self._bridge.services, self._player, self._volume

        def work(_token: CancelToken) -> _Ready:
            from musicsim_tui.audio.playback import open_player
            from musicsim_tui.services.preview import find_playable

            found = find_playable(services, str(what))
            peaks = services.catalog.waveform(found.track_id) if found.track_id is not None else None
            opened = player or open_player(self._ended, volume=volume)
            return _Ready(opened, Playing(what, found, peaks or b""))

        def ready(made: _Ready) -> None:
            if self._player is None:
                self._player = made.player
                self._player.set_volume(self._volume)
                self._player.set_muted(self._muted)
            problem = self._player.state.problem
            gain = made.playing.playable.matching_gain if self.auditioning else 0.0
            self.playing = made.playing
            self._player.play(made.playing.playable.path, start, gain)
            if problem is not None and self._player.state.status is Status.STOPPED:
                self.playing = None
                failed(problem)

        self._bridge.ask("play", work, ready, failed)

    def _ended(self, state: PlaybackState) -> None:
        self._post(PreviewEnded(state))

    def stop(self) -> None:
        self._bridge.abandon("play")
        if self._player is not None:
            self._player.stop()
        self.playing = None

    def seek(self, seconds: float) -> None:
        """Go that much forwards or backwards."""
        if self._player is not None and self.sounding:
            self._player.seek(max(0.0, self.state.position + seconds))

    def seek_share(self, share: float) -> None:
        """Go to a place given as a share of the track."""
        duration = self.state.duration
        if self._player is not None and self.sounding and duration is not None:
            self._player.seek(share * duration)

    def restart(self) -> None:
        if self._player is not None and self.sounding:
            self._player.seek(0.0)

    def change_volume(self, percent: int) -> int:
        """Louder or quieter; returns the volume there is now."""
        self._volume = min(FULL_VOLUME, max(0, self._volume + percent))
        if self._player is not None:
            self._player.set_volume(self._volume)
        return self._volume

    @property
    def volume(self) -> int:
        return self._volume

    def mute(self) -> bool:
        """Turn the sound off or on again; whether it is off now."""
        self._muted = not self._muted
        if self._player is not None:
            self._player.set_muted(self._muted)
        return self._muted

    def close(self) -> None:
        """Let go of the sound device."""
        if self._player is not None:
            self._player.close()
