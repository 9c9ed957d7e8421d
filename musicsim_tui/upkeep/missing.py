"""Which tracks have lost their files for good, by a fresh look at the disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.library.records import FileState
from musicsim_tui.paths import is_there

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.track import TrackId


@dataclass(frozen=True, slots=True)
class MissingTracks:
    """Tracks without a present file. Those that have `returned` have one on the disk that the catalog has not
    noticed: the next ingest does."""

    gone: tuple[TrackId, ...]
    returned: tuple[TrackId, ...]


def look_for_missing(catalog: Catalog) -> MissingTracks:
    """Look below the remembered folders for the last files of the tracks that are marked as missing.

    Elsewhere nobody looks: a folder that was forgotten with its tracks is given up on purpose. A file that is
    known to hold nothing is no return. Raises CatalogError.
    """
    missing = catalog.missing_ids()
    found: set[TrackId] = set()
    for root in catalog.roots() if missing else ():
        failed = catalog.failed_files(root.path)
        found.update(
            file.track_id
            for path, file in catalog.known_files(root.path).items()
            if file.state is FileState.MISSING and path not in failed and is_there(Path(os.fsdecode(path)))
        )
    return MissingTracks(
        gone=tuple(track_id for track_id in missing if track_id not in found),
        returned=tuple(track_id for track_id in missing if track_id in found),
    )
