"""A list to choose from, in boxes and on the first screen, with the keys of every list."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.widgets import OptionList

from musicsim_tui.tui.keymap import Where, bindings

if TYPE_CHECKING:
    from textual.binding import BindingType


class Choices(OptionList, inherit_bindings=False):
    """Options, moved through as rows are. Before it is drawn it has no pages to turn."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.LISTS)

    def action_cursor_first(self) -> None:
        self.action_first()

    def action_cursor_last(self) -> None:
        self.action_last()

    def action_half_down(self) -> None:
        self._move(0.5)

    def action_half_up(self) -> None:
        self._move(-0.5)

    def action_cursor_page_down(self) -> None:
        self._move(1.0)

    def action_cursor_page_up(self) -> None:
        self._move(-1.0)

    def _move(self, pages: float) -> None:
        region = self.scrollable_content_region
        if not region or not self.option_count:
            return
        lines_each = max(1, self.virtual_size.height // self.option_count)
        step = max(1, int(abs(pages) * region.height) // lines_each)
        place = (self.highlighted or 0) + (step if pages > 0 else -step)
        self.highlighted = min(self.option_count - 1, max(0, place))

    def action_choose(self) -> None:
        self.action_select()
