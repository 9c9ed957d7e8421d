"""The order of the library."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.content import Content
from textual.widgets.option_list import Option

from musicsim_tui.tui.keymap import BY_ID, Where, bindings
from musicsim_tui.tui.screens.boxes import Box, frame, words
from musicsim_tui.tui.widgets.choices import Choices

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

_ORDERS = (
    ("title", "A to Z"),
    ("artist", "A to Z"),
    ("album", "A to Z"),
    ("len", "shortest first"),
    ("added", "oldest first"),
    ("year", "oldest first"),
)


class SortScreen(Box[tuple[str, bool]]):
    """Choose an order; the one in use is turned round by choosing it again."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.SORT)

    def __init__(self, sort: str, *, descending: bool) -> None:
        super().__init__()
        self._sort = sort
        self._descending = descending

    def compose(self) -> ComposeResult:
        with frame("Sort by"):
            options = Choices(id="orders")
            for name, way in _ORDERS:
                key, label = self.key(f"sort.{name}"), BY_ID[f"sort.{name}"].label
                now = name == self._sort
                way = "now; choose it again to turn it round" if now else way
                options.add_option(
                    Option(
                        Content.assemble((f"{key}  ", "$accent"), f"{label:<10}", (way, "$foreground-muted")),
                        id=name,
                    )
                )
            options.highlighted = next(
                (place for place, order in enumerate(_ORDERS) if order[0] == self._sort), 0
            )
            yield options
            yield words(f"{self.key('escape')} leaves it as it is", classes="hint")

    @on(Choices.OptionSelected)
    def _choose(self, event: Choices.OptionSelected) -> None:
        self.action_sort(str(event.option.id))

    def action_sort(self, name: str) -> None:
        turned = not self._descending if name == self._sort else False
        self.dismiss((name, turned))
