"""From what a person names to something that can be played."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import StorageError, UnmetRequest
from musicsim_tui.paths import is_there, tidy_path

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.services.services import Services
    from musicsim_tui.track import Tags, TrackId


@dataclass(frozen=True, slots=True)
class Playable:
    """A file that is there, and what is known of it.

    `duration` in seconds, None for a file that is not in the library. `matching_gain` in dB makes it as
    loud as every other track; 0 where its loudness is not known.
    """

    path: Path
    title: str
    artist: str
    duration: float | None = None
    matching_gain: float = 0.0
    track_id: TrackId | None = None


def find_playable(services: Services, text: str) -> Playable:
    """A file when one of that name exists, else a track by its id.

    Raises UnmetRequest for what is neither, AudioError for what is no audio, StorageError when the files of
    the track cannot be reached.
    """
    if is_there(text):
        return _from_file(services, tidy_path(text))
    if os.sep in text or Path(text).suffix:
        raise UnmetRequest(
            f"There is no file {text}.", "Check the spelling, or give the id of a track: musicsim-tui list."
        )
    return playable_track(services.catalog, services.catalog.resolve(text))


def playable_track(catalog: Catalog, track_id: TrackId) -> Playable:
    """The first file of a track that can be reached. Raises UnmetRequest, StorageError."""
    from musicsim_tui.audio.loudness import matching_gain

    row = catalog.track(track_id)
    if row is None:
        raise UnmetRequest("There is no such track any more.", "musicsim-tui list shows those there are.")
    track = row.track
    path = next((path for path in track.paths if path.exists()), None)
    if path is None:
        raise StorageError(
            f"The file of {track.title!r} is not there.",
            "Connect the disk that it is on; if it was moved, musicsim-tui ingest finds it again.",
        )
    return Playable(
        path,
        track.title,
        track.tags.artist,
        track.duration,
        matching_gain(catalog.loudness(track_id), catalog.waveform(track_id)),
        track_id,
    )


def _from_file(services: Services, path: Path) -> Playable:
    from musicsim_tui.audio.tags import tags_of

    tags: Tags = tags_of(path)
    title = tags.title or path.stem
    # Playing a file must not make a library where there is none.
    if services.settings.library_path.exists():
        track_id = services.catalog.track_at(path)
        if track_id is not None:
            known = playable_track(services.catalog, track_id)
            return Playable(path, title, tags.artist, known.duration, known.matching_gain, track_id)
    return Playable(path, title, tags.artist)
