"""Other disks below a remembered folder: one that is away leaves an empty folder behind, or none."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from musicsim_tui.ingest.scan import is_left_out
from musicsim_tui.library.records import FileState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from musicsim_tui.library.catalog import Catalog
    from musicsim_tui.library.records import Root


def disks_away(catalog: Catalog, root: Root) -> list[Path]:
    """The folders below a root that held another disk when it was last walked, and now hold nothing of it.

    What is left out of the root is given up: its files are gone as any others are.
    """
    return [
        folder
        for folder, device in _remembered(catalog, root.path).items()
        if not is_left_out(folder, root.path, root.excludes)
        and _device_of(folder) != device
        and _nothing_is_left(catalog, folder)
    ]


def remember_disks(catalog: Catalog, root: Path, found: Mapping[Path, int], away: list[Path]) -> None:
    """Keep where other disks are mounted, by the walk that has found them, and those that are away."""
    before = _remembered(catalog, root)
    disks = {**{folder: before[folder] for folder in away}, **found}
    if disks != before:
        written = {os.fsencode(folder).hex(): device for folder, device in disks.items()}
        catalog.set_meta(_key(root), json.dumps(written) if written else None)


def _remembered(catalog: Catalog, root: Path) -> dict[Path, int]:
    written = json.loads(catalog.get_meta(_key(root)) or "{}")
    return {Path(os.fsdecode(bytes.fromhex(folder))): device for folder, device in written.items()}


def _key(root: Path) -> str:
    return f"disks:{os.fsencode(root).hex()}"


def _device_of(folder: Path) -> int | None:
    try:
        return folder.stat().st_dev
    except OSError:
        return None


def _nothing_is_left(catalog: Catalog, folder: Path) -> bool:
    """Whether files are known there, and not one of them is to be found."""
    known = catalog.known_files(folder).items()
    present = [path for path, file in known if file.state is FileState.PRESENT]
    return bool(present) and not any(map(os.path.lexists, present))
