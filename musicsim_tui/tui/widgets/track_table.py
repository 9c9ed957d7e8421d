"""A table that is as quick with 100,000 rows as with ten: it draws only the lines on the screen."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from musicsim_tui.tui.glyphs import UNICODE, Glyphs
from musicsim_tui.tui.keymap import Where, bindings
from musicsim_tui.tui.text import fit
from musicsim_tui.tui.widgets.columns import GAP, Column, lay_out
from musicsim_tui.tui.widgets.rows import ListedRows, Rows

if TYPE_CHECKING:
    from textual import events
    from textual.binding import BindingType

Row = TypeVar("Row")
Picked = TypeVar("Picked")

_GUTTER = 4
"""Cells before the first column: blank, cursor or playing sign, mark, blank."""
_KEPT_STRIPS = 1_000
_NEAR = 60
"""How many rows around the cursor are looked through for the row it stood on, after a change."""


class TrackTable(ScrollView, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows with a cursor, marks and a playing sign; the heading stays on top.

    `key` names a row across changes of the list; `trouble` gives words for a row that cannot be played, which
    is then drawn faint.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings(Where.LISTS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--heading",
        "table--strong",
        "table--plain",
        "table--faint",
        "table--cursor",
        "table--cursor-away",
        "table--mark",
        "table--playing",
        "table--bar",
        "table--note",
    }

    class Highlighted(Message):
        """The cursor stands on another row, or on none."""

    class Chosen(Message, Generic[Picked]):
        """A row was chosen with enter or a double click."""

        def __init__(self, row: Picked) -> None:
            super().__init__()
            self.row = row

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        *,
        faint: Callable[[Row], bool] = lambda _row: False,
        glyphs: Glyphs = UNICODE,
        id: str | None = None,  # noqa: A002 - Textual's own name
    ) -> None:
        super().__init__(id=id)
        self._columns = columns
        self._key = key
        self._faint = faint
        self._glyphs = glyphs
        self._rows: Rows[Row] = ListedRows()
        self._layout: list[tuple[Column[Row], int]] = []
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(_KEPT_STRIPS)
        self._styles_now: dict[str, Style] = {}
        self._cursor = 0
        self._cursor_key: Hashable = None
        self._to_the_end = False
        self._marks: Container[Hashable] = frozenset()
        self._playing: Hashable = None
        self._note = ""
        self._sorted = ("", False)
        self.cursor_while_away = True
        """Whether the cursor's sign stands there while the keys go elsewhere."""

    # What it shows

    @property
    def rows(self) -> Rows[Row]:
        return self._rows

    @property
    def cursor(self) -> int:
        """The index of the row that the cursor stands on."""
        return self._cursor

    @property
    def row_at_cursor(self) -> Row | None:
        return self._rows.row(self._cursor)

    @property
    def page_rows(self) -> int:
        """Rows that fit on the screen below the heading."""
        return max(1, self.size.height - 1)

    def show(self, rows: Rows[Row], *, keep: bool = False, note: str = "") -> None:
        """Show other rows; `keep` leaves the cursor on the same row, if that is near where it was.

        `note` is what stands there when there are none.
        """
        before = self._cursor
        self._rows = rows
        self._note = note
        self._strips.clear()
        self._make_room(rows.total)
        if keep:
            self._cursor = self._near(before)
            if moved := self._cursor - before:
                self.scroll_to(y=self.scroll_offset.y + moved, animate=False)
        else:
            self._cursor = 0
            self._to_the_end = False
            self.scroll_to(y=0, animate=False)
        self._cursor = max(0, min(self._cursor, rows.total - 1))
        self.look()
        self.refresh()
        self._moved()

    def total_changed(self) -> None:
        """It has become known how many rows there are; a cursor that was sent to the end goes there."""
        total = self._rows.total
        shorter = total + 1 < self.virtual_size.height
        self._make_room(total)
        if self._to_the_end or self._cursor >= total:
            self.move_to(total - 1, to_the_end=self._to_the_end)
        else:
            self.look()
        if shorter:
            self.refresh()

    def _make_room(self, total: int) -> None:
        """Be as long as so many rows. Laying out everything anew, which draws it all, is left out where only
        the scroll bar changes."""
        size = Size(self._inner_width, total + 1)
        scrolls = size.height > self.size.height
        if not (scrolls and self.show_vertical_scrollbar and size.width == self.virtual_size.width):
            self.virtual_size = size
        elif size != self.virtual_size:
            self.set_reactive(TrackTable.virtual_size, size)
            self.vertical_scrollbar.window_virtual_size = size.height

    def set_columns(self, columns: Sequence[Column[Row]]) -> None:
        """Show other columns of the same rows."""
        self._columns = columns
        self._lay_out()

    def rows_changed(self) -> None:
        """Rows that were on their way have come."""
        self._strips.clear()
        self.refresh()
        self._moved()

    def set_marks(self, marks: Container[Hashable]) -> None:
        """Draw these rows as marked; to be called again when others are."""
        self._marks = marks
        self._strips.clear()
        self.refresh()

    def set_playing(self, key: Hashable) -> None:
        """Draw this row as the one that plays; None for none."""
        if key != self._playing:
            self._playing = key
            self._strips.clear()
            self.refresh()

    def set_sorted(self, column: str, *, descending: bool) -> None:
        """Show which column gives the order."""
        self._sorted = (column, descending)
        self.refresh()

    def _near(self, place: int) -> int:
        """Where the row of the cursor's key is now; its old place when it is not around there."""
        if self._cursor_key is None:
            return place
        for distance in range(_NEAR):
            for index in (place + distance, place - distance):
                row = self._rows.row(index) if 0 <= index < self._rows.total else None
                if row is not None and self._key(row) == self._cursor_key:
                    return index
        return place

    # Moving

    def move_to(self, index: int, *, to_the_end: bool = False) -> None:
        """Put the cursor on a row and bring that into view; `to_the_end` when it is meant to be the last."""
        self._to_the_end = to_the_end
        index = max(0, min(index, self._rows.total - 1))
        before, self._cursor = self._cursor, index
        top = self.scroll_offset.y
        if index < top:
            self.scroll_to(y=index, animate=False)
        elif index >= top + self.page_rows:
            self.scroll_to(y=index - self.page_rows + 1, animate=False)
        for line in (before, index):
            self.refresh(Region(0, line + 1 - self.scroll_offset.y, self.size.width, 1))
        self.look()
        self._moved()

    def _moved(self) -> None:
        row = self.row_at_cursor
        key = None if row is None else self._key(row)
        if row is not None or not self._rows.total:
            if key != self._cursor_key:
                self.post_message(self.Highlighted())
            self._cursor_key = key

    def action_cursor_up(self) -> None:
        self.move_to(self._cursor - 1)

    def action_cursor_down(self) -> None:
        self.move_to(self._cursor + 1)

    def action_cursor_first(self) -> None:
        self.move_to(0)

    def action_cursor_last(self) -> None:
        self.move_to(self._rows.total - 1, to_the_end=True)

    def action_half_down(self) -> None:
        self.move_to(self._cursor + max(1, self.page_rows // 2))

    def action_half_up(self) -> None:
        self.move_to(self._cursor - max(1, self.page_rows // 2))

    def action_cursor_page_down(self) -> None:
        self.move_to(self._cursor + self.page_rows)

    def action_cursor_page_up(self) -> None:
        self.move_to(self._cursor - self.page_rows)

    def action_choose(self) -> None:
        row = self.row_at_cursor
        if row is not None:
            self.post_message(self.Chosen(row))

    def on_click(self, event: events.Click) -> None:
        index = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or not 0 <= index < self._rows.total:
            return
        event.stop()
        self.focus()
        self.move_to(index)
        if event.chain == 2:
            self.action_choose()

    # Drawing

    @property
    def _inner_width(self) -> int:
        return self.scrollable_content_region.width or self.size.width

    def _lay_out(self) -> None:
        self._layout = lay_out(self._columns, self._inner_width - _GUTTER - 1)
        self._strips.clear()
        self.refresh()

    def on_resize(self) -> None:
        self.virtual_size = Size(self._inner_width, self._rows.total + 1)
        self._lay_out()
        if self._rows.total:
            self.move_to(self._cursor)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._styles_now.clear()
        self._strips.clear()

    def watch_has_focus(self, _has_focus: bool) -> None:
        super().watch_has_focus(_has_focus)
        self._strips.clear()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.look()

    def look(self) -> None:
        """Tell the rows which of them are on the screen."""
        top = int(self.scroll_offset.y)
        last = min(self._rows.total, top + self.page_rows) - 1
        if last >= top:
            self._rows.look(top, last)

    def _style(self, name: str) -> Style:
        if not self._styles_now:
            names = {name.removeprefix("table--") for name in self.COMPONENT_CLASSES}
            whole = {name: self.get_component_rich_style(f"table--{name}") for name in names}
            self._styles_now = {
                name: style.without_color + Style(color=style.color) for name, style in whole.items()
            }
            # The cursor's colours are blended with what lies below it only in the whole style.
            for name in ("cursor", "cursor-away"):
                self._styles_now[name] = Style(bgcolor=whole[name].bgcolor, bold=whole[name].bold)
            self._styles_now["base"] = self.rich_style
        return self._styles_now[name]

    def render_line(self, y: int) -> Strip:
        width = self._inner_width
        base = self._style("base")
        if y == 0:
            return self._heading(width)
        index = y - 1 + int(self.scroll_offset.y)
        if index >= self._rows.total:
            note = self._note if not self._rows.total and y == 2 else ""
            return Strip([Segment(fit(" " * _GUTTER + note, width), base + self._style("note"))], width)
        row = self._rows.row(index)
        at_cursor = index == self._cursor
        if row is None:
            waiting = f" {self._glyphs.cursor if at_cursor else ' '}  {self._glyphs.ellipsis}"
            return Strip([Segment(fit(waiting, width), base + self._style("faint"))], width)
        key = self._key(row)
        state = (index, width, at_cursor and (2 if self.has_focus else 1))
        strip = self._strips.get(state)
        if strip is None:
            strip = self._draw(row, key, width, at_cursor=at_cursor)
            self._strips[state] = strip
        return strip

    def _heading(self, width: int) -> Strip:
        style = self._style("base") + self._style("heading")
        column_sorted, descending = self._sorted
        parts = []
        for column, cells in self._layout:
            sign = self._glyphs.down if descending else self._glyphs.up
            text = f"{column.heading} {sign}" if column.id == column_sorted else column.heading
            parts.append(fit(text, cells, right=column.right, ellipsis=self._glyphs.ellipsis))
        text = " " * _GUTTER + (" " * GAP).join(parts)
        return Strip([Segment(fit(text, width), style)], width)

    def _draw(self, row: Row, key: Hashable, width: int, *, at_cursor: bool) -> Strip:
        base = self._style("base")
        if at_cursor:
            base += self._style("cursor" if self.has_focus else "cursor-away")
        plays, marked, faint = key == self._playing, key in self._marks, self._faint(row)
        glyphs = self._glyphs
        points = at_cursor and (self.has_focus or self.cursor_while_away)
        sign = glyphs.playing if plays else glyphs.cursor if points else " "
        segments = [
            Segment(f" {sign}", base + self._style("playing") if plays else base),
            Segment(f"{glyphs.marked if marked else ' '} ", base + self._style("mark")),
        ]
        used = _GUTTER
        for place, (column, cells) in enumerate(self._layout):
            text = fit(column.cell(row), cells, right=column.right, ellipsis=glyphs.ellipsis)
            tone = "faint" if faint else "playing" if plays and place == 0 else column.tone
            gap = " " * GAP if place + 1 < len(self._layout) else ""
            segments.append(Segment(text + gap, base + self._style(tone)))
            used += cells + len(gap)
        if used < width:
            segments.append(Segment(" " * (width - used), base))
        return Strip(segments).adjust_cell_length(width, base)

    def sees(self, key: Hashable) -> bool:
        """Whether a row of this key is on the screen."""
        top = int(self.scroll_offset.y)
        shown = (self._rows.row(index) for index in range(top, min(top + self.page_rows, self._rows.total)))
        return any(row is not None and self._key(row) == key for row in shown)
