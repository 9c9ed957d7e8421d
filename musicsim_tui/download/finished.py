"""Files of earlier downloads: which are there, which are not any more, which were renamed."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.audio.identity import examine
from musicsim_tui.download.disks import disk_is_away
from musicsim_tui.download.file_names import safe_id
from musicsim_tui.errors import AudioError, StorageError
from musicsim_tui.library.records import FileStamp

if TYPE_CHECKING:
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.playlist_records import QueueItem
    from musicsim_tui.track import TrackId

_TOLERANCE_SECONDS = 2.0
_TOLERANCE = 0.02
_SHORT_TOLERANCE = 0.25
"""Sites round lengths to seconds, and encoders pad: 2 s or 2 %, and a quarter of what is shorter than 8 s."""


def tolerance(announced: float) -> float:
    """Seconds by which a file's length may differ from the announced one."""
    return max(min(_TOLERANCE_SECONDS, _SHORT_TOLERANCE * announced), _TOLERANCE * announced)


def finished_before(
    folder: Path,
    source_id: str,
    announced: float | None,
    is_spoken_for: Callable[[Path], bool] = lambda _: False,
    cancel: CancelToken | None = None,
) -> Path | None:
    """The file that a download put there before it could be noted, or that another library fetched.

    The id in the name is no proof: two sites may use the same. The file has to hold sound, of the announced
    length where one is known, and nobody else may own it: `is_spoken_for`. Raises Cancelled.
    """
    mark = f"[{safe_id(source_id)}]"
    try:
        with os.scandir(folder) as content:
            named = [Path(entry) for entry in content if mark in entry.name and entry.is_file()]
    except OSError:
        return None
    for path in sorted(path for path in named if is_named_after(path, source_id)):
        if not is_spoken_for(path) and _has_sound(path, announced, cancel):
            return path
    return None


def is_named_after(path: Path, source_id: str) -> bool:
    """Whether a file has the name that a download of this source gets, by the id at its end."""
    mark = f"[{safe_id(source_id)}]"
    return not path.name.startswith(".") and (path.stem == mark or path.stem.endswith(f" {mark}"))


def holds(path: Path, written: TrackId | None) -> bool:
    """Whether a file is the one that fetching wrote, by its sound; one that is deleted passes for it."""
    if written is None:
        return False
    try:
        return examine(path).track_id == written
    except (AudioError, StorageError):
        return not os.path.lexists(path)


def _has_sound(path: Path, announced: float | None, cancel: CancelToken | None) -> bool:
    try:
        audio = examine(path, cancel=cancel)
    except (AudioError, StorageError):
        return False
    seconds = audio.expected_seconds
    return announced is None or seconds is None or abs(seconds - announced) <= tolerance(announced)


class Damages:
    """Which files hold no sound, as far as can be told without reading them: empty ones, links that lead
    nowhere, and those that could not be heard to their end and have not changed since."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._failed: dict[Path, dict[bytes, FileStamp | None]] = {}

    def has(self, path: Path) -> bool:
        """Whether there is a file that is as good as deleted."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return os.path.lexists(path)
        except OSError:
            return False
        if path.parent not in self._failed:
            self._failed[path.parent] = self._catalog.failed_files(path.parent, whole=False)
        stamp = self._failed[path.parent].get(os.fsencode(path))
        return found.st_size == 0 or stamp == FileStamp(found.st_size, found.st_mtime_ns)


class Claims:
    """Whose the files in a folder are that one source is fetched into, as far as the catalog knows."""

    def __init__(self, catalog: Catalog, item: QueueItem) -> None:
        self._playlists = catalog.playlists
        self._damages = Damages(catalog)
        self._source = item.source
        self._own = item.entry.path if item.entry.written is not None else None

    def is_spoken_for(self, path: Path) -> bool:
        """Whether a file that has the name of this source cannot be its own: it is another's, or damaged."""
        spellings = {path, path.with_name(unicodedata.normalize("NFC", path.name))}  # some disks decompose
        return self._damages.has(path) or any(
            self._playlists.belongs_to_another(spelling, self._source) for spelling in spellings
        )

    def is_void(self, path: Path) -> bool:
        """Whether a file may be replaced: it was fetched from this source, and holds no sound any more."""
        return path == self._own and self._damages.has(path)


@dataclass(slots=True)
class Losses:
    """What became of fetched files. By source: those that are `deleted`, the `damaged` ones among them, and
    the new places of those that were `moved`."""

    deleted: list[int] = field(default_factory=list)
    damaged: list[int] = field(default_factory=list)
    moved: dict[int, Path] = field(default_factory=dict)


def find_losses(catalog: Catalog, playlist: int | None = None) -> Losses:
    """Look for the fetched files of one playlist, or of all; changes nothing.

    A file of which the library knows the sound by another name was moved, and one that lies under an unknown
    name in the same folder was renamed. Where the disk is away nothing is deleted.
    """
    losses = Losses()
    damages = Damages(catalog)
    reachable: dict[Path, bool] = {}
    unknown = _Unknown(catalog)
    for source, path, track in catalog.playlists.files(playlist):
        damaged = damages.has(path)
        if os.path.lexists(path) and not damaged:
            continue
        base = path.parent.parent
        if base not in reachable:
            reachable[base] = not disk_is_away(catalog, base, unless_known=True)
        if not (reachable[base] or damaged):
            continue
        elsewhere = _elsewhere(catalog, track, path, damages) or unknown.renamed(path, track)
        if elsewhere is not None:
            losses.moved[source] = elsewhere
            continue
        losses.deleted.append(source)
        if damaged:
            losses.damaged.append(source)
    return losses


def note_deleted(catalog: Catalog, playlist: int | None = None) -> Losses:
    """Find out which fetched files, of one playlist or of all, are not there any more, and remember it."""
    losses = find_losses(catalog, playlist)
    for source, path in losses.moved.items():
        catalog.playlists.moved(source, path)
    catalog.playlists.lost(losses.deleted)
    return losses


def _elsewhere(catalog: Catalog, track: TrackId | None, path: Path, damages: Damages) -> Path | None:
    row = None if track is None else catalog.track(track)
    if row is None:
        return None
    others = (other for other in row.track.paths if other != path)
    return next((other for other in others if other.is_file() and not damages.has(other)), None)


class _Unknown:
    """Files beside those that were fetched of which the catalog does not know what they are."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._sounds: dict[Path, TrackId | None] = {}

    def renamed(self, path: Path, track: TrackId | None) -> Path | None:
        """Where a heard file that was renamed in its folder is now; told by its size, then by its sound."""
        known = self._catalog.known_files(path.parent)
        before = known.get(os.fsencode(path))
        if track is None or before is None or before.track_id != track:
            return None
        for found in _files_of_size(path.parent, before.stamp.size):
            if os.fsencode(found) not in known and self._sound(found) == track:
                return found
        return None

    def _sound(self, path: Path) -> TrackId | None:
        if path not in self._sounds:
            try:
                self._sounds[path] = examine(path).track_id
            except (AudioError, StorageError):
                self._sounds[path] = None
        return self._sounds[path]


def _files_of_size(folder: Path, size: int) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for path in sorted(Path(place, name) for name in names if not name.startswith(".")):
            try:
                if path.stat().st_size == size:
                    yield path
            except OSError:
                continue
