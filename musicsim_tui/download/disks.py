"""Disks that come and go: where downloads are, and whether that disk is there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from musicsim_tui.library.catalog import Catalog


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
