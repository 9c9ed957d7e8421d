"""Plays files on the system's sound output."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from musicsim_tui.audio import sound_device
from musicsim_tui.audio.feed import LONG_LEAD_SECONDS, SHORT_LEAD_SECONDS, Feed
from musicsim_tui.audio.loudness import volume_factor
from musicsim_tui.audio.player import (
    FULL_VOLUME,
    PlaybackError,
    PlaybackState,
    Player,
    SilentPlayer,
    Status,
    clamped_volume,
)
from musicsim_tui.audio.renderer import Renderer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.errors import MusicSimError

log = logging.getLogger(__name__)

IDLE_SECONDS = 30.0
"""After which a device that plays nothing is let go."""
_WATCH_SECONDS = 0.05
_LOST_AFTER_SECONDS = 2.0
"""A device that asks for no samples for so long is gone."""
_RETRY_SECONDS = 1.0
_GIVE_UP_AFTER_SECONDS = 10.0
_CLOSING_SECONDS = 2.0


def open_player(
    on_end: Callable[[PlaybackState], None] = lambda _: None,
    *,
    volume: int = FULL_VOLUME,
    idle_seconds: float = IDLE_SECONDS,
    look_again: bool = False,
) -> Player:
    """A player on the default sound output; a `SilentPlayer` where there is no PortAudio or no device.

    `on_end` is called, from the player's own thread, when a file has been played to its end or, with
    `problem` set, when it cannot be played; not for one that is stopped or replaced. Looking for devices
    takes up to a second the first time; `look_again` finds those that have come since.
    """
    try:
        if look_again:
            sound_device.find_devices_again()
        rate = sound_device.preferred_rate()
    except PlaybackError as error:
        player: Player = SilentPlayer(error.title, error.hint)
        player.set_volume(volume)
        return player
    return SoundPlayer(rate, on_end, volume=volume, idle_seconds=idle_seconds)


class SoundPlayer:
    """Decodes in a thread for each file, renders in the device's callback, and has one thread that opens,
    watches and closes the device.

    The device stays open between files, playing silence, because opening one takes up to a second.
    """

    def __init__(
        self,
        rate: int,
        on_end: Callable[[PlaybackState], None],
        *,
        volume: int = FULL_VOLUME,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._rate = rate
        self._on_end = on_end
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._feed: Feed | None = None
        self._status = Status.STOPPED
        self._volume = clamped_volume(volume)
        self._muted = False
        self._problem: MusicSimError | None = None
        self._renderer = Renderer(rate)
        self._renderer.gain = volume_factor(self._volume)
        self._stream: sound_device.Stream | None = None
        self._calls_seen = 0
        self._called_at = 0.0
        self._used_at = time.monotonic()
        self._failing_since: float | None = None
        self._retry_at = 0.0
        self._closing = False
        self._wake = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="preview-device", daemon=True)
        self._keeper.start()

    @property
    def state(self) -> PlaybackState:
        with self._lock:
            return self._snapshot()

    def play(self, path: Path, start: float = 0.0, gain_db: float = 0.0) -> None:
        with self._lock:
            if self._closing:
                return
            self._problem = None
            self._failing_since, self._retry_at = None, 0.0
            self._enter(self._fed(path, max(0.0, start), gain_db), Status.PLAYING)

    def pause(self) -> None:
        with self._lock:
            if self._status is Status.PLAYING:
                self._enter(self._feed, Status.PAUSED)

    def resume(self) -> None:
        with self._lock:
            self._resume()

    def toggle(self) -> None:
        with self._lock:
            if self._status is Status.PLAYING:
                self._enter(self._feed, Status.PAUSED)
            else:
                self._resume()

    def stop(self) -> None:
        with self._lock:
            self._problem = None
            self._enter(None, Status.STOPPED)

    def seek(self, seconds: float) -> None:
        with self._lock:
            if self._feed is not None:
                self._feed_again(seconds)

    def set_volume(self, percent: int) -> None:
        with self._lock:
            self._volume = clamped_volume(percent)
            self._set_gain()

    def set_muted(self, muted: bool) -> None:
        with self._lock:
            self._muted = muted
            self._set_gain()

    def close(self) -> None:
        with self._lock:
            self._closing = True
            self._enter(None, Status.STOPPED)
        if threading.current_thread() is not self._keeper:
            self._keeper.join(_CLOSING_SECONDS)

    def _snapshot(self) -> PlaybackState:
        feed = self._feed
        if feed is None:
            return PlaybackState(volume=self._volume, muted=self._muted, problem=self._problem)
        return PlaybackState(
            feed.path, feed.position, feed.duration, self._status, self._volume, self._muted, self._problem
        )

    def _resume(self) -> None:
        if self._status is Status.PAUSED:
            self._problem = None
            self._failing_since, self._retry_at = None, 0.0
            self._enter(self._feed, Status.PLAYING)

    def _enter(self, feed: Feed | None, status: Status) -> None:
        if self._feed is not None and self._feed is not feed:
            self._feed.cancel()
        self._feed, self._status = feed, status
        self._renderer.wanted = feed if status is Status.PLAYING else None
        self._wake.set()

    def _feed_again(self, seconds: float) -> None:
        feed = self._feed
        assert feed is not None
        place = max(0.0, seconds if feed.duration is None else min(seconds, feed.duration))
        self._enter(self._fed(feed.path, place, feed.gain_db, feed.duration), self._status)

    def _fed(self, path: Path, start: float, gain_db: float, duration: float | None = None) -> Feed:
        lead = LONG_LEAD_SECONDS if self._stream is None else SHORT_LEAD_SECONDS
        return Feed(path, start, gain_db, self._rate, lead=lead, duration=duration)

    def _set_gain(self) -> None:
        self._renderer.gain = 0.0 if self._muted else volume_factor(self._volume)

    # What the keeper of the device does; nobody else touches the stream.

    def _keep(self) -> None:
        while not self._closing:
            self._wake.wait(self._nap())
            self._wake.clear()
            try:
                self._tend()
            except Exception:  # the edge of one round: a player that says nothing more is worse
                log.exception("tending the sound device")
        if self._stream is not None:
            sound_device.close_stream(self._stream)
            self._stream = None

    def _nap(self) -> float | None:
        if self._renderer.wanted is not None:
            return _WATCH_SECONDS
        return None if self._stream is None else self._idle_seconds

    def _tend(self) -> None:
        now = time.monotonic()
        if self._renderer.wanted is not None:
            self._used_at = now
            if self._stream is None and now >= self._retry_at:
                self._open(now)
        elif self._stream is not None and now - self._used_at >= self._idle_seconds:
            sound_device.close_stream(self._stream)
            self._stream = None
        if self._stream is not None and self._is_lost(self._stream, now):
            log.warning("the sound device went away")
            sound_device.close_stream(self._stream, at_once=True)
            self._stream = None
            self._look_again()
        self._notice_end()

    def _is_lost(self, stream: sound_device.Stream, now: float) -> bool:
        if self._renderer.calls != self._calls_seen:
            self._calls_seen, self._called_at = self._renderer.calls, now
        return not stream.active or now - self._called_at > _LOST_AFTER_SECONDS

    def _open(self, now: float) -> None:
        """Open the device, once more after looking for new ones; in vain for some time, pause."""
        for last_try in (False, True):
            try:
                self._stream = sound_device.open_stream(self._rate, self._renderer.render)
            except PlaybackError as error:
                if not last_try:
                    self._look_again()
                    continue
                self._failed(error, now)
            else:
                self._opened()
                return

    def _opened(self) -> None:
        self._called_at = time.monotonic()
        self._calls_seen = self._renderer.calls
        with self._lock:
            self._failing_since = None
            if isinstance(self._problem, PlaybackError):
                self._problem = None

    def _failed(self, error: PlaybackError, now: float) -> None:
        with self._lock:
            self._problem = error
            self._retry_at = now + _RETRY_SECONDS
            self._failing_since = now if self._failing_since is None else self._failing_since
            if now - self._failing_since >= _GIVE_UP_AFTER_SECONDS and self._status is Status.PLAYING:
                self._enter(self._feed, Status.PAUSED)

    def _look_again(self) -> None:
        """Find the devices there are now; another one than before may want another rate."""
        sound_device.find_devices_again()
        try:
            rate = sound_device.preferred_rate()
        except PlaybackError:
            return
        if rate == self._rate:
            return
        with self._lock:
            self._rate = rate
            self._renderer = Renderer(rate)
            self._set_gain()
            if self._feed is not None:
                self._feed_again(self._feed.position)

    def _notice_end(self) -> None:
        with self._lock:
            feed = self._feed
            if feed is None or not feed.drained or self._status is not Status.PLAYING:
                return
            self._problem = feed.error
            self._status = Status.STOPPED
            ended = self._snapshot()
            self._enter(None, Status.STOPPED)
        try:
            self._on_end(ended)
        except Exception:  # the edge of somebody else's code: the player goes on
            log.exception("after the end of a preview")
