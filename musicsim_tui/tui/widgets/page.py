"""A text longer than the screen, walked through with the keys of lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from musicsim_tui.tui.keymap import Where, bindings

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType


class Page(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Lines that scroll."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.LISTS)

    def __init__(self, text: str | Content = "", *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._text = text

    def compose(self) -> ComposeResult:
        yield Static(self._text, markup=False)

    def show(self, text: Content, *, at_end: bool = False) -> None:
        """Show a text; `at_end` shows its end, unless the person has gone up in what was there before."""
        self._follows = at_end and self.scroll_offset.y >= self.max_scroll_y
        self.query_one(Static).update(text)
        if self._follows:
            self.call_after_refresh(self._follow)

    _follows = False

    def _follow(self) -> None:
        if self._follows:  # unless a key has led elsewhere meanwhile
            self.scroll_end(animate=False)

    def _by(self, lines: int) -> None:
        self._follows = False
        self.scroll_relative(y=lines, animate=False)

    def action_cursor_up(self) -> None:
        self._by(-1)

    def action_cursor_down(self) -> None:
        self._by(1)

    def action_cursor_first(self) -> None:
        self._follows = False
        self.scroll_home(animate=False)

    def action_cursor_last(self) -> None:
        self.scroll_end(animate=False)

    def action_half_down(self) -> None:
        self._by(max(1, self.size.height // 2))

    def action_half_up(self) -> None:
        self._by(-max(1, self.size.height // 2))

    def action_cursor_page_down(self) -> None:
        self._by(max(1, self.size.height - 1))

    def action_cursor_page_up(self) -> None:
        self._by(-max(1, self.size.height - 1))
