"""Paths as the catalog keeps them: absolute, as bytes, because a file's name need not be text."""

from __future__ import annotations

import os
from pathlib import Path

_SEPARATOR = os.fsencode(os.sep)


def path_bytes(path: Path) -> bytes:
    """The absolute path; links are not followed."""
    return os.fsencode(path if path.is_absolute() else os.path.abspath(path))


def below(folder: bytes) -> tuple[bytes, bytes]:
    """First and last-but-outside path below a folder, in the order of bytes."""
    first = folder if folder.endswith(_SEPARATOR) else folder + _SEPARATOR
    return first, first[:-1] + bytes([first[-1] + 1])


def inside(path: bytes, folder: bytes) -> bool:
    first, end = below(folder)
    return first <= path < end
