"""The system's sound output, through PortAudio. Only one thread at a time may use it, but to describe it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Protocol

from musicsim_tui.audio.player import PlaybackError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from musicsim_tui.track import Samples

log = logging.getLogger(__name__)

LATENCY_SECONDS = 0.15
"""Played this long after it is asked for. The devices' own "high" latency can be 35 ms, which any busy Python
thread makes stutter."""

_NO_PORTAUDIO = (
    "There is no preview: the PortAudio library is not installed.",
    "On Debian and Ubuntu: apt install libportaudio2. Or play elsewhere with musicsim-tui preview --wav -.",
)
_NO_DEVICE = (
    "There is no preview: this machine has no sound device.",
    "Over ssh, play on your own machine: ssh HOST musicsim-tui preview ... --wav - | mpv -",
)

_listing = threading.Lock()
"""Held while the list of devices is read or made anew."""


class Stream(Protocol):
    """An open output."""

    @property
    def active(self) -> bool:
        """Whether it still asks for samples."""

    def stop(self) -> None:
        """End after what was handed over has been played."""

    def abort(self) -> None:
        """End at once."""

    def close(self) -> None: ...


def preferred_rate() -> int:
    """Sample rate of the default output, in Hz.

    Raises PlaybackError when PortAudio is missing or there is no device.
    """
    return _default_output()[1]


def describe_output() -> str:
    """The default output in words: its name and its sample rate. Any thread may ask.

    Raises PlaybackError when PortAudio is missing or there is no device.
    """
    name, rate = _default_output()
    return f"{name}, {rate:,} Hz"


def _default_output() -> tuple[str, int]:
    sounddevice = _portaudio()
    with _listing:
        try:
            device = sounddevice.query_devices(kind="output")
            return str(device["name"]), round(float(device["default_samplerate"]))
        except (sounddevice.PortAudioError, ValueError) as error:
            log.info("no sound device: %s", error)
            raise PlaybackError(*_NO_DEVICE) from error


def open_stream(rate: int, render: Callable[[Samples], None]) -> Stream:
    """Begin to ask `render` for stereo samples, shape (frames, 2). Raises PlaybackError."""
    sounddevice = _portaudio()

    def callback(out: Samples, _frames: int, _time: object, _status: object) -> None:
        render(out)

    try:
        stream: Stream = sounddevice.OutputStream(
            samplerate=rate,
            channels=2,
            dtype="float32",
            blocksize=0,
            latency=LATENCY_SECONDS,
            callback=callback,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        log.info("the sound device cannot be opened: %s", error)
        raise _not_opened(error) from error
    try:
        stream.start()  # type: ignore[attr-defined]
    except sounddevice.PortAudioError as error:
        stream.close()
        raise _not_opened(error) from error
    return stream


def close_stream(stream: Stream, *, at_once: bool = False) -> None:
    """Let go of an output; one whose device has gone is given up."""
    sounddevice = _portaudio()
    for end in (stream.abort if at_once else stream.stop, stream.close):
        try:
            end()
        except sounddevice.PortAudioError as error:
            log.info("the sound device does not close in order: %s", error)


def find_devices_again() -> None:
    """Look for devices that have come since PortAudio was loaded; it finds them only when it starts anew.

    Raises PlaybackError when PortAudio is missing.
    """
    sounddevice = _portaudio()
    with _listing:
        try:
            sounddevice._terminate()
            sounddevice._initialize()
        except sounddevice.PortAudioError as error:
            log.info("PortAudio does not start again: %s", error)


def _portaudio() -> ModuleType:
    try:
        import sounddevice
    except (OSError, ImportError) as error:  # OSError: the package is there, the system's library is not
        log.info("no PortAudio: %s", error)
        raise PlaybackError(*_NO_PORTAUDIO) from error
    loaded: ModuleType = sounddevice
    return loaded


def _not_opened(error: Exception) -> PlaybackError:
    return PlaybackError(
        f"The sound device cannot be used ({error}).",
        "Check that no other program holds it and that sound works elsewhere, then play again.",
    )
