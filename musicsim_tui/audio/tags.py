"""Reads title, artist, album and year out of whatever a container calls them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from musicsim_tui.audio.source import open_audio
from musicsim_tui.track import Tags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAX_LENGTH = 1000
"""Characters kept of a tag: some files carry whole web pages in them."""

_TITLE = ("title",)
_ARTIST = ("artist", "album_artist", "albumartist", "album artist", "performer", "author")
_ALBUM = ("album",)
_YEAR = ("date", "year", "tyer", "tdrc", "tdrl", "originaldate", "original_year", "tdor", "tory")

# Bidirectional embeddings, overrides and isolates: they let a title rewrite the line it stands in.
_REORDERING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_YEAR_PATTERN = re.compile(
    r"(?<!\d)([12]\d{3})(?!\d)|(?<!\d)([12]\d{3})(?:0\d|1[0-2])[0-3]\d(?!\d)", re.ASCII
)


def tags_of(path: Path) -> Tags:
    """The tags of a file, without reading further than its head.

    Raises AudioError when it is no audio, StorageError when the disk fails.
    """
    with open_audio(path) as source:
        return read_tags(source.container.metadata, source.stream.metadata)


def read_tags(*sources: Mapping[str, str]) -> Tags:
    """Tags out of metadata mappings, the first one that says something winning for each tag.

    Keys are taken in any case. Values may hold surrogate escapes (PEP 383) where their bytes are no UTF-8;
    those are read as Windows-1252, which ID3v1 and RIFF INFO mostly are. The artist falls back to the
    artist of the album. Whatever the values hold, the result is clean single-line text of at most
    `MAX_LENGTH` characters.
    """
    folded = [{key.casefold(): value for key, value in source.items()} for source in sources]
    return Tags(
        title=_first_text(folded, _TITLE),
        artist=_first_text(folded, _ARTIST),
        album=_first_text(folded, _ALBUM),
        year=next(
            (year for value in _values(folded, _YEAR) if (year := _year(_clean(value))) is not None), None
        ),
    )


def _values(sources: list[dict[str, str]], keys: tuple[str, ...]) -> list[str]:
    return [source[key] for key in keys for source in sources if key in source]


def _first_text(sources: list[dict[str, str]], keys: tuple[str, ...]) -> str:
    return next((text for value in _values(sources, keys) if (text := _clean(value))), "")


def _clean(value: str) -> str:
    text = _repaired(value[: 4 * MAX_LENGTH])
    return " ".join("".join(map(_harmless, text)).split())[:MAX_LENGTH].strip()


def _repaired(text: str) -> str:
    """Undoes surrogate escapes; replaces surrogates that stand for no byte."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeEncodeError:
        return "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= char <= "\udfff" else char for char in text)
    except UnicodeDecodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")


def _harmless(char: str) -> str:
    if char in _REORDERING:
        return ""
    return " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char


def _year(text: str) -> int | None:
    match = _YEAR_PATTERN.search(text)
    return int(match[1] or match[2]) if match else None
