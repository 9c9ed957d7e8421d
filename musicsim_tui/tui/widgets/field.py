"""A field that keeps every character that is typed into it, whatever keys are commands elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input

from musicsim_tui.tui.key_names import is_text

if TYPE_CHECKING:
    from textual.binding import BindingsMap
    from textual.dom import DOMNode
    from textual.widget import Widget


class Field(Input):
    """An input among widgets with single letters as commands."""

    def check_consume_key(self, key: str, character: str | None) -> bool:
        return is_text(key)


def keep_typing(
    focused: Widget | None, chain: list[tuple[DOMNode, BindingsMap]]
) -> list[tuple[DOMNode, BindingsMap]]:
    """A screen's chain of bindings without the keys that are characters for the field that has the focus,
    those a person rebound among them."""
    if isinstance(focused, Input):
        for node, bindings in chain:
            if node is not focused:
                for key in filter(is_text, list(bindings.key_to_bindings)):
                    del bindings.key_to_bindings[key]
    return chain
