"""Playlists that other players read: extended M3U in UTF-8 (M3U8)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from musicsim_tui.errors import StorageError

if TYPE_CHECKING:
    from musicsim_tui.track import Track

_NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029\ud800-\udfff]+")
"""Line ends and other controls, and halves of a surrogate pair, which no encoding has."""


def m3u8(tracks: Iterable[Track], *, beside: Path | None = None) -> bytes:
    """An extended M3U playlist, UTF-8, one entry for every track that has a file: its first one.

    Each entry is an `#EXTINF` line with whole seconds, artist and title, then the path. With `beside`, the
    folder in which the playlist will lie, paths are relative to it; else they are absolute. A path that is
    not UTF-8 or would not survive as a line is written as a `file:` URI (RFC 8089), which is always absolute.
    """
    lines = [b"#EXTM3U"]
    for track in tracks:
        if track.paths:
            words = " - ".join(filter(None, (_line(track.tags.artist), _line(track.title))))
            lines.append(f"#EXTINF:{round(track.duration)},{words}".encode())
            lines.append(_entry(track.paths[0], beside))
    return b"\n".join(lines) + b"\n"


def write_whole(target: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all. Raises StorageError."""
    part = target.with_name(target.name + ".part")
    try:
        try:
            part.write_bytes(content)
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            f"{target} cannot be written: {error.strerror}.", "Choose a folder that you may write to."
        ) from error


def _line(text: str) -> str:
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def _entry(path: Path, beside: Path | None) -> bytes:
    absolute = os.path.abspath(os.fsencode(path))
    # Links are followed in both folders: ".." means the real parent, not the one the path spells.
    written = absolute if beside is None else _relative(absolute, os.path.realpath(os.fsencode(beside)))
    if _survives(written):
        return written
    return b"file://" + quote_from_bytes(absolute).encode("ascii")


def _relative(path: bytes, folder: bytes) -> bytes:
    parent, name = os.path.split(path)
    written = os.path.relpath(os.path.join(os.path.realpath(parent), name), folder)
    # A line that begins with "#" would be a comment.
    return b"./" + written if written.startswith(b"#") else written


def _survives(path: bytes) -> bool:
    try:
        text = path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text == text.strip() and not _NOT_IN_A_LINE.search(text) and "://" not in text
