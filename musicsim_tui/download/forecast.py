"""How long fetching will take and how much room it needs, told before anything starts."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.library.playlist_records import EntryState

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.library.playlist_records import PlaylistEntry

TYPICAL_SECONDS = 240.0
"""Taken for the length of a track where no list tells any."""
WORK_SECONDS = 6.0
"""For asking the site and downloading one track, beside the pause and the conversion."""
CONVERSION_REALTIME = 40.0
"""Seconds of audio converted to MP3 in one second, rounded down."""
_ORIGINAL_BITS = 135_000
"""A second of what YouTube serves, as AAC or Opus."""
_MP3_BITS = (245, 225, 190, 175, 165, 130, 115, 100, 85, 65)
"""Thousands of bits a second at each quality of VBR, as LAME's documentation has them."""
_WANTED = frozenset(EntryState) - {EntryState.READY, EntryState.INGESTING, EntryState.UNAVAILABLE}


@dataclass(frozen=True, slots=True)
class DownloadForecast:
    """What lies ahead: entries that are yet to be fetched, seconds of audio in them, seconds until they are
    there at the polite pace, bytes of finished files. `free` are the bytes free on the disk, None where it
    cannot be asked; `least_free` those that have to stay free."""

    entries: int
    audio_seconds: float
    seconds: float
    bytes: float
    free: int | None
    least_free: int

    @property
    def fits(self) -> bool:
        """Whether there is room for all of it, as far as is known."""
        return self.free is None or self.bytes <= self.free - self.least_free


def bytes_per_second(mp3_quality: float, *, keep_original: bool) -> float:
    """Bytes that a second of audio becomes."""
    if keep_original:
        return _ORIGINAL_BITS / 8
    return _MP3_BITS[min(max(round(mp3_quality), 0), len(_MP3_BITS) - 1)] * 1000 / 8


def make_forecast(
    entries: Iterable[PlaylistEntry],
    folders: Iterable[Path],
    *,
    pause: tuple[float, float],
    mp3_quality: float,
    keep_original: bool,
    least_free: int,
) -> DownloadForecast:
    """Forecast the fetching of those of these entries that can be fetched and are not there; starts nothing.

    `folders` are where they go: the room is that of the disk with the least. Unknown lengths are taken to be
    like the known ones.
    """
    lengths = {entry.key: entry.source.duration for entry in entries if entry.state in _WANTED}
    audio = audio_seconds(
        len(lengths),
        sum(length or 0.0 for length in lengths.values()),
        sum(length is not None for length in lengths.values()),
    )
    return DownloadForecast(
        entries=len(lengths),
        audio_seconds=audio,
        seconds=work_seconds(len(lengths), audio, sum(pause) / 2, keep_original=keep_original),
        bytes=audio * bytes_per_second(mp3_quality, keep_original=keep_original),
        free=min((room for folder in folders if (room := free_bytes(folder)) is not None), default=None),
        least_free=least_free,
    )


def audio_seconds(entries: int, seconds: float, known: int) -> float:
    """Seconds of audio in entries of which `known` have a known length, `seconds` in all."""
    mean = seconds / known if known else TYPICAL_SECONDS
    return seconds + (entries - known) * mean


def work_seconds(entries: int, audio: float, pause: float, *, keep_original: bool) -> float:
    """Seconds that fetching takes, one entry at a time; the conversion of one runs in the pause before the
    next."""
    if not entries:
        return 0.0
    conversion = 0.0 if keep_original else audio / entries / CONVERSION_REALTIME
    return entries * WORK_SECONDS + (entries - 1) * max(pause, conversion) + conversion


def free_bytes(folder: Path) -> int | None:
    """Bytes free where a folder is, or will be; None when that cannot be asked."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None
