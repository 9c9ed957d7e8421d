"""Paths that people meet in the app."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def nearest_folder(path: Path) -> Path:
    """The folder itself, or the nearest above it that exists."""
    return next((folder for folder in (path, *path.parents) if os.path.isdir(folder)), path)
