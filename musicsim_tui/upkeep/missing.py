"""Which tracks have lost their files for good, by a fresh look at the disk."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.library.records import FileStamp, FileState
from musicsim_tui.paths import is_behind_broken_link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import KnownFile
    from musicsim_tui.track import TrackId


@dataclass(frozen=True, slots=True)
class MissingTracks:
    """Tracks without a present file. Of those `spared` one may be there all the same: the catalog has not
    noticed that it came back, or its disk is away."""

    gone: tuple[TrackId, ...]
    spared: tuple[TrackId, ...]


def look_for_missing(catalog: Catalog, why_offline: Callable[[Path], str | None]) -> MissingTracks:
    """Look below the remembered folders for the last files of the tracks that are marked as missing.

    Elsewhere nobody looks: a folder that was forgotten with its tracks is given up on purpose.
    `why_offline` tells why a root cannot be reached. Raises CatalogError.
    """
    missing = catalog.missing_ids()
    spared: set[TrackId] = set()
    for root in catalog.roots() if missing else ():
        offline = why_offline(root.path) is not None
        failed = catalog.failed_files(root.path)
        spared.update(
            file.track_id
            for path, file in catalog.known_files(root.path).items()
            if file.state is FileState.MISSING and (offline or _may_be_back(path, file, failed))
        )
    return MissingTracks(
        gone=tuple(track_id for track_id in missing if track_id not in spared),
        spared=tuple(track_id for track_id in missing if track_id in spared),
    )


def _may_be_back(path: bytes, file: KnownFile, failed: dict[bytes, FileStamp | None]) -> bool:
    """Whether something is in the place of a file that is not known to be something else."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        # Into a disk that is away, perhaps.
        return os.path.islink(path) or is_behind_broken_link(os.fsdecode(path))
    except NotADirectoryError:
        return False
    except OSError:
        return True
    if stat.S_ISDIR(status.st_mode):
        return False
    now = FileStamp(status.st_size, status.st_mtime_ns)
    return now == file.stamp or failed.get(path) != now
