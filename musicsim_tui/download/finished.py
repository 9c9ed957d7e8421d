"""Finished files of earlier downloads, found by the id in their names."""

from __future__ import annotations

import os
from pathlib import Path

from musicsim_tui.download.file_names import safe_id


def finished_before(folder: Path, source_id: str) -> Path | None:
    """The file that a download put there before it could be noted, or that another library fetched.

    Files get their final names only when they are verified: the name is proof enough.
    """
    mark = f"[{safe_id(source_id)}]"
    try:
        with os.scandir(folder) as content:
            names = [entry.name for entry in content if mark in entry.name and entry.is_file()]
    except OSError:
        return None
    found = [name for name in names if name[0] != "." and _ends_with(os.path.splitext(name)[0], mark)]
    return folder / min(found) if found else None


def is_named_after(path: Path, source_id: str) -> bool:
    """Whether a file has the name that a download of this source gets, by the id at its end."""
    return not path.name.startswith(".") and _ends_with(path.stem, f"[{safe_id(source_id)}]")


def _ends_with(stem: str, mark: str) -> bool:
    return stem == mark or stem.endswith(f" {mark}")
