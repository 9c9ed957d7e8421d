"""A field that keeps every character that is typed into it, whatever keys are commands elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.keys import KEY_NAME_REPLACEMENTS, key_to_character
from textual.widgets import Input

if TYPE_CHECKING:
    from textual.binding import BindingsMap

_RENAMED = frozenset(KEY_NAME_REPLACEMENTS.values())
"""Keys whose names no longer lead to their characters: slash, minus, plus ..."""


class Field(Input):
    """An input among widgets with single letters as commands."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return key in _RENAMED or super().check_consume_key(key, character)

    def keep_from(self, bindings: BindingsMap) -> None:
        """Take away the keys that are characters here, those a person rebound among them."""
        for key in list(bindings.key_to_bindings):
            if self.check_consume_key(key, key_to_character(key)):
                del bindings.key_to_bindings[key]
