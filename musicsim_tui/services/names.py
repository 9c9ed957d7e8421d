"""Artist and title of a track, edited: in its files first, then in the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from musicsim_tui.errors import UnmetRequest
from musicsim_tui.library.records import FileRecord, FileStamp

if TYPE_CHECKING:
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import TrackRow
    from musicsim_tui.track import TrackId


def edit_track(
    catalog: Catalog, track: TrackId, *, title: str | None, artist: str | None, cancel: CancelToken
) -> TrackRow:
    """Write title and artist into every present file of a track, and show them in the library.

    None leaves one as it is. Raises UnmetRequest when no file is there or its format has no place for them,
    AudioError, StorageError, CatalogError, Cancelled; files written by then are kept, and shown.
    """
    from musicsim_tui.download.editing import edit_names

    row = catalog.track(track)
    paths = [path for path in row.track.paths if path.is_file()] if row is not None else []
    if not paths:
        raise UnmetRequest(
            "No file of this track is there to be edited.", "Bring the file back, or mount the disk it is on."
        )
    records: list[FileRecord] = []
    try:
        for path in paths:
            tags = edit_names(path, title=title, artist=artist, cancel=cancel)
            status = path.stat()
            records.append(FileRecord(path, FileStamp(status.st_size, status.st_mtime_ns), tags, track))
    finally:
        catalog.link_files(records)
    edited = catalog.track(track)
    assert edited is not None
    return edited
