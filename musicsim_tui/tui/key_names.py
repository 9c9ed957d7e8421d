"""The names that keys have in `config.toml`."""

from __future__ import annotations

import unicodedata

from textual.keys import KEY_NAME_REPLACEMENTS, KEY_TO_UNICODE_NAME, Keys, key_to_character

_MODIFIERS = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})
_RENAMED = frozenset(KEY_NAME_REPLACEMENTS.values())
"""Keys whose names no longer lead to their characters: slash, minus, plus ..."""
_NAMED = frozenset({key.value for key in Keys if "<" not in key.value} | set(KEY_TO_UNICODE_NAME) | _RENAMED)
_OTHER_NAMES = {"pgdn": "pagedown", "pgup": "pageup", "esc": "escape", "return": "enter", "del": "delete"}


def known_key(written: str) -> str | None:
    """The name by which a key press is known: `?`, `ctrl+f`, `pagedown`; None when there is no such key."""
    name = written.strip()
    if len(name) > 1:
        *modifiers, last = name.split("+")
        last = last if len(last) == 1 else last.lower()
        name = "+".join([*(modifier.lower() for modifier in modifiers), _OTHER_NAMES.get(last, last)])
    return name if _exists(name) else None


def is_text(key: str) -> bool:
    """Whether a field takes this key press as a character."""
    character = key_to_character(key)
    return key in _RENAMED or (character is not None and character.isprintable())


def _exists(name: str) -> bool:
    if len(name) == 1:
        return name.isprintable() and name != " "
    *modifiers, last = name.split("+")
    if not _MODIFIERS.issuperset(modifiers) or not last:
        return False
    return name in _NAMED or last in _NAMED or _is_character(last)


def _is_character(name: str) -> bool:
    """Whether it is a printable character, or the name of one: `a`, `latin_small_letter_e_with_acute`."""
    if len(name) == 1:
        return name.isprintable() and name != " "
    try:
        return unicodedata.lookup(name.replace("_", " ")).isprintable()
    except KeyError:
        return False
