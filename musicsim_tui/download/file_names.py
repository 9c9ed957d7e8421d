"""File names that every file system takes: Linux, macOS, Windows, exFAT sticks, network shares."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from musicsim_tui.download.titles import clean_text

MAX_NAME_BYTES = 255
"""Of ext4, XFS, APFS and most others; NTFS and exFAT count 255 UTF-16 units, which are never more."""
_MAX_ID_BYTES = 64
_MAX_SUFFIX_BYTES = 16

_REPLACED = str.maketrans(
    {"/": "-", "\\": "-", "|": "-", ":": "-", '"': "'", "<": "", ">": "", "?": "", "*": ""}
)
_RESERVED = re.compile(r"(?:CON|PRN|AUX|NUL|CONIN\$|CONOUT\$|(?:COM|LPT)[0-9¹²³])", re.IGNORECASE)
"""Device names of Windows, which it sees in front of any suffix as well."""
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"


def safe_name(artist: str, title: str, source_id: str, suffix: str = ".mp3", number: int = 1) -> str:
    """`Artist - Title [id].mp3` as one name that every file system takes; at most 255 bytes of UTF-8.

    No separators, no device names of Windows, no leading dot or dash, no control or direction-turning
    characters; emoji and every script stay; composed Unicode. Names are shortened, id and number never: names
    of different ids differ, and so do `Artist - Title (2) [id].mp3` and those that follow it. The result does
    not depend on the platform.
    """
    suffix = re.sub(r"[^.0-9A-Za-z]", "", suffix)[:_MAX_SUFFIX_BYTES]
    end = f"{f' ({number})' if number > 1 else ''} [{safe_id(source_id)}]{suffix}"
    room = MAX_NAME_BYTES - len(end.encode()) - 1  # one byte for the mark in front of a device name
    artist, title = _component(artist), _component(title)
    if artist:
        artist = _shortened(artist, max(room // 2, room - len(title.encode()) - 3))
        title = _shortened(title, room - len(artist.encode()) - 3)
    name = " - ".join(part for part in (artist, _shortened(title, room)) if part)
    return _not_a_device((name + end).lstrip())


def safe_folder(title: str, fallback: str) -> str:
    """A playlist's title as the name of a folder; `fallback`, such as its id, where nothing is left of it."""
    name = _shortened(_component(title), MAX_NAME_BYTES - 1)
    if not name:
        name = re.sub("^-", "_-", safe_id(fallback))
    return _not_a_device(name)


def same_name(name: str) -> str:
    """Equal for names that some file system takes for one: neither capitals nor composition count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def safe_id(source_id: str) -> str:
    """An id as part of a file name: itself where it is harmless, else 32 hexadecimal digits made from it."""
    harmless = re.fullmatch(r"[0-9A-Za-z_][0-9A-Za-z_.-]*[0-9A-Za-z_-]|[0-9A-Za-z_-]", source_id)
    if harmless and len(source_id) <= _MAX_ID_BYTES and ".." not in source_id:
        return source_id
    if re.fullmatch(r"-[0-9A-Za-z_-]+", source_id) and len(source_id) <= _MAX_ID_BYTES:
        return source_id  # YouTube has ids that begin with a dash
    return hashlib.blake2b(source_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _component(text: str) -> str:
    text = "".join(char for char in text.translate(_REPLACED) if not _is_noncharacter(char))
    text = re.sub(r"-{2,}", "-", clean_text(text))
    return _trimmed(re.sub(r"\.{2,}", ".", text))


def _trimmed(text: str) -> str:
    return text.lstrip(" .-~").rstrip(" ." + _JOINERS[:2])


def _is_noncharacter(char: str) -> bool:
    """Code points that Unicode never assigns (chapter 23.7); some file systems refuse them."""
    code = ord(char)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def _shortened(text: str, size: int) -> str:
    """At most `size` bytes, not cut inside a character and what is combined with it."""
    if len(text.encode()) <= size:
        return text
    kept = text.encode()[: max(size, 0)].decode("utf-8", "ignore")
    while kept and _continues(text[len(kept)], kept[-1]):
        kept = kept[:-1]
    return _trimmed(kept)


def _continues(following: str, last: str) -> bool:
    return following in _JOINERS or last in _JOINERS[:2] or unicodedata.combining(following) != 0


def _not_a_device(name: str) -> str:
    return f"_{name}" if _RESERVED.fullmatch(name.split(".", 1)[0].strip()) else name
