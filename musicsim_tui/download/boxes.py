"""MP4 files that were cut off: nothing decodes them, since what explains the sound stands at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_HEADER_BYTES = 8
_LONG_HEADER_BYTES = 16


def is_cut_off(path: Path) -> bool:
    """Whether a file is the beginning of an MP4 file: its outermost boxes (ISO/IEC 14496-12, 4.2) go on
    behind its end. Raises OSError."""
    end = path.stat().st_size
    with path.open("rb") as file:
        place = 0
        while place < end:
            file.seek(place)
            header = file.read(_LONG_HEADER_BYTES)
            if place == 0 and header[4:8] != b"ftyp":
                return False
            size = int.from_bytes(header[:4], "big")
            if size == 1:
                size = int.from_bytes(header[8:16], "big")
            if size == 0:
                return False  # the last box takes all that is there
            if size < _HEADER_BYTES:
                return len(header) < _HEADER_BYTES
            place += size
    return place > end
