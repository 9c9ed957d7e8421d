"""The line that says what plays: its outline with the playhead in it, the time, the volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from musicsim_tui.audio.player import PlaybackState, Status
from musicsim_tui.tui.glyphs import UNICODE, Glyphs
from musicsim_tui.tui.text import cells, fit, shown
from musicsim_tui.tui.widgets.waveform import outline
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from textual import events

    from musicsim_tui.tui.preview import Playing

_LEAST_WAVE = 8
_MOST_TITLE = 36


class PlayingLine(Widget):
    """One line; a click in the outline seeks."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "playing--sign",
        "playing--played",
        "playing--ahead",
        "playing--word",
    }
    DEFAULT_CSS = "PlayingLine { height: 1; }"

    class Sought(Message):
        """A place in the outline was clicked, as a share of the track."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._glyphs = glyphs
        self._playing: Playing | None = None
        self._state = PlaybackState()
        self._drawn: tuple[object, ...] = ()
        self._wave = ("", 0, 0)
        self._place = (0, 0)

    def set_playing(self, playing: Playing | None, state: PlaybackState) -> None:
        """Show what plays; draws only when something that can be seen has changed."""
        shown_now = (playing, int(state.position), state.status, state.volume, state.muted, self._head(state))
        self._playing, self._state = playing, state
        if shown_now != self._drawn:
            self._drawn = shown_now
            self.refresh()

    def _head(self, state: PlaybackState) -> int:
        """The cell of the outline that the playhead stands in."""
        _, width = self._place
        return round(width * min(1.0, state.position / state.duration)) if state.duration else 0

    def on_click(self, event: events.Click) -> None:
        start, width = self._place
        if width and start <= event.x < start + width:
            event.stop()
            self.post_message(self.Sought((event.x - start + 0.5) / width))

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        playing, state = self._playing, self._state
        if playing is None or state.status is Status.STOPPED:
            return Strip([Segment(" " * width, base)], width)
        styles = {
            name: base + self.get_component_rich_style(f"playing--{name}")
            for name in ("sign", "played", "ahead", "word")
        }
        sign = self._glyphs.playing if state.status is Status.PLAYING else "="
        total = state.duration if state.duration is not None else playing.playable.duration
        time = f"{clock(state.position)}/{clock(total)}"
        volume = "muted" if state.muted else f"vol {state.volume}"
        name = shown(playing.playable.title)
        if playing.playable.artist:
            name += f" {self._glyphs.dash} {shown(playing.playable.artist)}"
        fixed = cells(sign) + 1 + 2 + len(time) + 2 + len(volume) + 2
        title_width = max(8, min(cells(name), _MOST_TITLE, width - fixed - _LEAST_WAVE))
        wave_width = max(0, min(60, width - fixed - title_width))
        title = fit(name, title_width, ellipsis=self._glyphs.ellipsis)
        start = cells(sign) + 1 + title_width + 2 + len(time) + 2
        self._place = (start, wave_width)
        wave = self._outline(playing, wave_width)
        head = self._head(state)
        segments = [
            Segment(f"{sign} ", styles["sign"]),
            Segment(title, base),
            Segment(f"  {time}  ", styles["word"]),
            Segment(wave[:head], styles["played"]),
            Segment(wave[head:], styles["ahead"]),
            Segment(f"  {volume}", styles["word"]),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _outline(self, playing: Playing, width: int) -> str:
        key = (id(playing), width)
        if self._wave[1:] != key:
            drawn = (
                outline(playing.peaks, width, 1, self._glyphs)[0]
                if playing.peaks
                else self._glyphs.track * width
            )
            self._wave = (drawn, *key)
        return self._wave[0]
