"""The line above the library: the filter, and how many tracks it admits or why it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Static

from musicsim_tui.tui.text import cells, safe, shown
from musicsim_tui.tui.widgets.field import Field

if TYPE_CHECKING:
    from textual.app import ComposeResult


class FilterLine(Horizontal):
    """A field with a note at its right end."""

    def __init__(self, text: str, *, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._text = text
        self._noted = ("", False)

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-sign", markup=False)
        yield Field(
            self._text,
            placeholder="filter: words, artist:skiff, len>2:00, sound:piano",
            id="filter",
            compact=True,
            select_on_focus=False,
        )
        yield Static(id="filter-count", markup=False)

    def note(self, text: str, *, trouble: bool) -> None:
        """Say something at the right end; a shorter text leaves the room as it is, which is sooner drawn."""
        if (text, trouble) == self._noted:
            return
        self._noted = (text, trouble)
        line = self.query_one("#filter-count", Static)
        line.set_class(trouble, "-trouble")
        line.update(safe(text), layout=cells(shown(text)) > line.content_size.width)
