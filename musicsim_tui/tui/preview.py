"""Playing tracks from the app: what plays, from where, how loud."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from musicsim_tui.audio.player import FULL_VOLUME, PlaybackState, SilentPlayer, Status
from musicsim_tui.jobs import Cancelled

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


class Preview:
    """One player, opened when first needed. Belongs to the UI thread, but for the opening."""

    def __init__(self, bridge: Bridge, post: Callable[[Message], object], *, volume: int) -> None:
        self._bridge = bridge
        self._post = post
        self._player: Player | None = None
        self._opening = threading.Lock()
        self._closed = False
        self._awaited: TrackId | Path | None = None
        self._awaits_paused = False
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
        """Pause what plays or is about to, resume what waits; put on anything else."""
        if self._awaited == what:
            self._awaits_paused = not self._awaits_paused
        elif self._player is not None and self.plays(what):
            self._player.toggle()
        else:
            self.play(what, start, failed)

    def play(self, what: TrackId | Path, start: float, failed: Callable[[MusicSimError], None]) -> None:
        """Put a track or a file on, from a place in seconds; `failed` is told why it cannot be heard."""
        services = self._bridge.services
        self._awaited, self._awaits_paused = what, False

        def work(_token: CancelToken) -> Playing:
            from musicsim_tui.services.preview import find_playable

            found = find_playable(services, str(what))
            peaks = services.catalog.waveform(found.track_id) if found.track_id is not None else None
            self._open()
            return Playing(what, found, peaks or b"")

        def ready(made: Playing) -> None:
            player, paused = self._player, self._awaits_paused
            self._awaited = None
            if player is None:
                return
            player.set_volume(self._volume)
            player.set_muted(self._muted)
            problem = player.state.problem
            gain = made.playable.matching_gain if self.auditioning else 0.0
            self.playing = made
            player.play(made.playable.path, start, gain)
            if paused:
                player.pause()
            if problem is not None and player.state.status is Status.STOPPED:
                self.playing = None
                failed(problem)

        def told(error: MusicSimError) -> None:
            self._awaited = None
            failed(error)

        self._bridge.ask("play", work, ready, told)

    def _open(self) -> None:
        """Open the player unless there is one that can be heard; from any thread. Raises Cancelled once this
        is closed."""
        from musicsim_tui.audio.playback import open_player

        with self._opening:
            if self._closed:
                raise Cancelled
            if self._player is None:
                self._player = open_player(self._ended, volume=self._volume)
            elif isinstance(self._player, SilentPlayer):
                self._player = open_player(self._ended, volume=self._volume, look_again=True)

    def _ended(self, state: PlaybackState) -> None:
        self._post(PreviewEnded(state))

    def stop(self) -> None:
        self._bridge.abandon("play")
        self._awaited = None
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
        with self._opening:
            self._closed = True
        if self._player is not None:
            self._player.close()
