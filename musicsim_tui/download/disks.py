"""Disks that come and go: where downloads are, and whether that disk is there."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.errors import StorageError

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog


def require_folder(folder: Path) -> None:
    """Make a folder, unless it is there. Raises StorageError when nothing can be put in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unusable(folder, error) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))


def unusable(folder: Path, error: OSError) -> StorageError:
    """Why nothing can be put in a folder, and what to do about that."""
    if isinstance(error, FileExistsError | NotADirectoryError):
        place = next((place for place in (folder, *folder.parents) if os.path.lexists(place)), folder)
        reason = f"{place} is no folder"
    else:
        reason = error.strerror or type(error).__name__
    return StorageError(
        f"Nothing can be put in {folder}: {reason}.",
        "Make it a folder that can be written, or fetch the playlist with --dest DIR into another one.",
    )


def remember_disk(catalog: Catalog, base: Path) -> None:
    """Note on which disk the folder of all downloads is, now that something is in it."""
    with suppress(OSError):
        catalog.set_meta(_key(base), str(base.stat().st_dev))


def disk_is_away(catalog: Catalog, base: Path, *, unless_known: bool = False) -> bool:
    """Whether the folder is missing or empty where another disk is than before: its own is not mounted.

    `unless_known` is the answer for a folder that is missing or empty and of which nothing was noted.
    """
    with suppress(OSError), os.scandir(base) as content:
        if next(content, None) is not None:
            return False
    known = catalog.get_meta(_key(base))
    if known is None:
        return unless_known
    place = next((folder for folder in (base, *base.parents) if folder.exists()), None)
    return place is None or str(place.stat().st_dev) != known


def _key(base: Path) -> str:
    return f"downloads:disk:{os.fsencode(base).hex()}"
