"""Writes what is known of a download into the file: names, date, where it came from, the cover."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.download.titles import Labels

_PICTURE_TYPES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_FRONT_COVER = 3
_UTF_16 = 1
"""The encoding of ID3v2.3 that holds every character."""


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture as it came, and its media type."""

    data: bytes
    media_type: str


def cover_of(data: bytes) -> Cover | None:
    """A JPEG or PNG, told by its first bytes; None for anything else, which few players show."""
    return next((Cover(data, kind) for magic, kind in _PICTURE_TYPES if data.startswith(magic)), None)


def tag_mp3(path: Path, labels: Labels, link: str, cover: Cover | None) -> None:
    """Names, date, source link (WOAS) and cover (APIC) as ID3v2.3, flushed to the disk. Raises OSError."""
    from mutagen.id3 import APIC, ID3, TALB, TDRC, TIT2, TPE1, WOAS

    with _errors_of_the_disk():
        tags = ID3()
        for frame, text in (
            (TIT2, labels.title),
            (TPE1, labels.artist),
            (TALB, labels.album),
            (TDRC, labels.date),
        ):
            if text:
                tags.add(frame(encoding=_UTF_16, text=[text]))
        tags.add(WOAS(url=link))
        if cover is not None:
            tags.add(APIC(encoding=0, mime=cover.media_type, type=_FRONT_COVER, desc="", data=cover.data))
        tags.update_to_v23()
        tags.save(path, v2_version=3)
        _flush(path)


def tag_original(path: Path, labels: Labels, link: str, cover: Cover | None) -> None:
    """Names and date into a file that is kept as it came, where its container has a place for them.

    An MP3 gets what `tag_mp3` writes; WebM and damaged containers are left as they are. Raises OSError.
    """
    import mutagen

    if path.suffix == ".mp3":
        tag_mp3(path, labels, link, cover)
        return
    with _errors_of_the_disk():
        file = mutagen.File(path, easy=True)
        if file is None:
            return
        if file.tags is None:
            file.add_tags()
        for key in ("title", "artist", "album", "date"):
            if text := getattr(labels, key):
                file[key] = text
        file.save()
        _flush(path)


@contextmanager
def _errors_of_the_disk() -> Iterator[None]:
    """mutagen wraps the disk's errors; what else it finds wrong leaves the file as it is."""
    from mutagen import MutagenError

    try:
        yield
    except MutagenError as error:
        if error.args and isinstance(error.args[0], OSError):
            raise error.args[0] from error


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
