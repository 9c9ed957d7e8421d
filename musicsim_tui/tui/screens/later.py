"""Views that are not there yet say so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Static

from musicsim_tui.tui.screens.view import View

if TYPE_CHECKING:
    from textual.app import ComposeResult


class LaterView(View):
    """One friendly sentence."""

    def __init__(self, text: str, id: str) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._text = text

    def compose(self) -> ComposeResult:
        yield Static(self._text, classes="later", markup=False)
