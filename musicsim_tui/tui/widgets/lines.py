"""Single lines that stand on every screen: tabs on top, the job and what plays, the keys at the bottom."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from musicsim_tui.tui.text import cells, fit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import ClassVar

    from textual import events


class Pieces(Widget):
    """One line of pieces on the left, a text on the right; a click on a piece tells which one."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"line--key", "line--word", "line--active", "line--note"}
    DEFAULT_CSS = "Pieces { height: 1; }"

    class Pressed(Message):
        """A piece was clicked."""

        def __init__(self, line: Pieces, name: str) -> None:
            super().__init__()
            self.line = line
            self.name = name

        @property
        def control(self) -> Pieces:
            return self.line

    def __init__(self, *, gap: int = 2, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._gap = gap
        self._choice: tuple[Sequence[tuple[str, str, str]], ...] = ((),)
        self._active = ""
        self._notes: tuple[str, ...] = ("",)
        self._places: list[tuple[int, int, str]] = []

    def set_pieces(self, *choice: Sequence[tuple[str, str, str]], active: str = "") -> None:
        """Show pieces of name, key and word: the first choice that there is room for, else the last. The
        active piece stands out."""
        if (choice, active) != (self._choice, self._active):
            self._choice, self._active = choice, active
            self.refresh()

    def set_note(self, *notes: str) -> None:
        """Show a text, fit to be shown, at the right end: the first for which the pieces leave room."""
        if notes != self._notes:
            self._notes = notes
            self.refresh()

    @property
    def note(self) -> str:
        return self._notes[0]

    def _fitting(self, width: int) -> tuple[Sequence[tuple[str, str, str]], str]:
        """The longest pieces but the last for which the longest note leaves room; else the longest for which
        the shortest does, and the longest note beside them."""
        whole = [(pieces, self._notes[0]) for pieces in self._choice[:-1]]
        for pieces, note in (*whole, *product(self._choice, self._notes)):
            used = 1 + sum(cells(key) + 1 + cells(word) + self._gap for _, key, word in pieces)
            if used + cells(note) + 1 <= width:
                return pieces, note
        return self._choice[-1], self._notes[-1]

    def on_click(self, event: events.Click) -> None:
        for start, end, name in self._places:
            if start <= event.x < end:
                event.stop()
                self.post_message(self.Pressed(self, name))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        styles = {
            name: base + self.get_component_rich_style(f"line--{name}")
            for name in ("key", "word", "active", "note")
        }
        pieces, note = self._fitting(width)
        note = fit(note, min(cells(note), max(0, width // 2)))
        room = width - (cells(note) + 2 if note else 1)
        segments = [Segment(" ", base)]
        self._places = []
        used = 1
        for name, key, word in pieces:
            size = cells(key) + 1 + cells(word)
            if used + size > room:
                break
            active = name == self._active
            segments.append(Segment(key, styles["active" if active else "key"]))
            segments.append(Segment(f" {word}", styles["active" if active else "word"]))
            self._places.append((used, used + size, name))
            segments.append(Segment(" " * self._gap, base))
            used += size + self._gap
        if note:
            segments.append(Segment(" " * max(0, width - used - cells(note) - 1), base))
            segments.append(Segment(note, styles["note"]))
        return Strip(segments).adjust_cell_length(width, base)
