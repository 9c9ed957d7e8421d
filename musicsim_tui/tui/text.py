"""Text from outside, made fit to be drawn: never markup, never more or fewer cells than there is room for."""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from musicsim_tui.wording import plain

_LONGEST = 2_000
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def shown(text: object) -> str:
    """One line without control or direction characters, of bounded length."""
    return plain(str(text)[:_LONGEST])


def writable(text: str) -> str:
    """`text` with a replacement for each byte of a file name that is no UTF-8: none can be written."""
    return _SURROGATE.sub("\ufffd", text)


def safe(text: object, style: str = "") -> Content:
    """Text from outside as something a widget shows as it is."""
    return Content.styled(shown(text), style) if style else Content(shown(text))


def cells(text: str) -> int:
    """How many cells of the terminal `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, *, right: bool = False, ellipsis: str = "…") -> str:
    """`text`, already fit to be shown, in exactly `width` cells."""
    if width <= 0:
        return ""
    length = cells(text)
    if length > width:
        text = set_cell_size(text, width - 1).rstrip() + ellipsis
        length = cells(text)
    padding = " " * (width - length)
    return padding + text if right else text + padding
