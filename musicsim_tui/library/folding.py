"""Text as people compare it: without case, accents and spacing; and the keys that sort tracks."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePath

LONGEST_TAG = 2_000
"""Characters kept of a tag; more is damage, not a title."""

SEPARATOR = "\x1f"
"""Stands between the parts of a sort key; folded text holds no control characters."""

UNKNOWN_LAST = "\U0010ffff"
"""Stands for an empty first part, so that the unnamed sort behind the named."""

YEAR_UNKNOWN = 10_000
"""Stands for an unknown year in the order of years: behind every year."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

# Letters with a stroke or a ligature, which Unicode does not decompose.
_PLAIN_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
    | {"\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)


def clean(text: str) -> str:
    """`text` as SQLite can store and a terminal can show it: no lone surrogates, no control characters."""
    text = text[:LONGEST_TAG].strip()
    if text.isprintable():
        return text
    return _without_controls(without_surrogates(text)).strip()


def without_surrogates(text: str) -> str:
    """`text` with what is no character, such as bytes of a path or an argument, as replacement characters."""
    return _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def display_path(path: bytes) -> str:
    """A path for people: bytes that are no text become replacement characters."""
    return path.decode("utf-8", "replace")


def fold(text: str) -> str:
    """`text` without case, accents and extra spacing; idempotent.

    Compatibility decomposition (Unicode Annex 15, NFKD) with the combining marks dropped, casefolded.
    """
    if text.isascii():
        folded = text.lower()
    else:
        decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        folded = "".join(char for char in decomposed if not unicodedata.combining(char))
        folded = folded.translate(_PLAIN_LETTERS).replace(UNKNOWN_LAST, "")
    if not folded.isprintable():
        folded = _without_controls(folded)
    return " ".join(folded.split())


def order_key(*parts: str) -> str:
    """A key that sorts by the first part, then the next, all folded; an empty first part sorts last.

    Every part can be searched in it as well: the separator keeps a match from running over two parts.
    """
    folded = [fold(part) for part in parts]
    return SEPARATOR.join([folded[0] or UNKNOWN_LAST, *folded[1:]])


def shown_title(title: str, path: bytes) -> str:
    """The tagged title, else the file's name without its ending."""
    return title or clean(PurePath(display_path(path)).stem)


def _without_controls(text: str) -> str:
    return "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
