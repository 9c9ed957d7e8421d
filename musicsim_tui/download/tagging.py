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

_MP4_NAMES = {"title": "\xa9nam", "artist": "\xa9ART"}
_ASF_NAMES = {"title": "Title", "artist": "Author"}


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

    An MP3 gets what `tag_mp3` writes; Matroska and damaged containers are left as they are. Raises OSError.
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


def write_names(path: Path, *, title: str | None, artist: str | None) -> bool:
    """Change title and artist in the tags of a file and leave all else; None leaves one, "" removes it.

    Whether the container has a place for them and is whole enough to be written. Raises OSError.
    """
    import mutagen
    from mutagen.asf import ASFTags
    from mutagen.id3 import ID3, TIT2, TPE1
    from mutagen.mp4 import MP4Tags

    written = False
    with _errors_of_the_disk():
        file = mutagen.File(path)
        if file is None:
            return False
        if file.tags is None:
            file.add_tags()
        tags = file.tags
        names = {key: text for key, text in (("title", title), ("artist", artist)) if text is not None}
        if isinstance(tags, ID3):
            for key, text in names.items():
                frame = TIT2 if key == "title" else TPE1
                tags.delall(frame.__name__)
                if text:
                    tags.add(frame(encoding=_UTF_16, text=[text]))
            version = 4 if tags.version[:2] == (2, 4) else 3
            if version == 3:
                tags.update_to_v23()
            file.save(v2_version=version)
        else:
            called = {MP4Tags: _MP4_NAMES, ASFTags: _ASF_NAMES}.get(type(tags), {})
            for key, text in names.items():
                name = called.get(key, key)
                if text:
                    tags[name] = [text]
                elif name in tags:
                    del tags[name]
            file.save()
        _flush(path)
        written = True
    return written


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
