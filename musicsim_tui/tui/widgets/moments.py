"""The query and the match side by side, each drawn from the moment on that they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from musicsim_tui.tui.text import fit
from musicsim_tui.tui.widgets.waveform import outline
from musicsim_tui.wording import clock

if TYPE_CHECKING:
    from musicsim_tui.tui.glyphs import Glyphs

SHOWN_SECONDS = 10.0
"""As much as one window: what was compared."""
_LEAST_WAVE = 4
_MOST_WAVE = 40
_GAP = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: where its moment begins, the outline of the whole, `duration` seconds of it."""

    start: float
    peaks: bytes
    duration: float
    plays: bool = False

    def moment(self) -> bytes:
        """The part of the outline that is drawn."""
        if not self.peaks or self.duration <= 0:
            return b""
        share = len(self.peaks) / self.duration
        first = min(len(self.peaks) - 1, int(self.start * share))
        return self.peaks[first : max(first + 1, round((self.start + SHOWN_SECONDS) * share))]


class MomentLine(Widget):
    """One line; the side that plays stands out, and has the playing sign."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"moment--word", "moment--wave", "moment--plays"}
    DEFAULT_CSS = "MomentLine { height: 1; }"

    def __init__(self, glyphs: Glyphs, flip_key: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._glyphs = glyphs
        self._hint = f"{flip_key} flips between the two"
        self._sides: tuple[Side, Side] | None = None

    def show(self, query: Side, match: Side) -> None:
        """Draw these two."""
        if (query, match) != self._sides:
            self._sides = (query, match)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if self._sides is None:
            return Strip([Segment(" " * width, base)], width)
        named = list(zip(("query", "match"), self._sides, strict=True))
        labels = [f"{name} {clock(side.start)}" for name, side in named]
        fixed = sum(2 + len(label) + 1 + _GAP for label in labels)
        hint = self._hint
        wave = (width - fixed - len(hint)) // 2
        if wave < _LEAST_WAVE:
            hint = ""
            wave = (width - fixed) // 2
        wave = max(0, min(_MOST_WAVE, wave))
        styles = {
            name: base + self.get_component_rich_style(f"moment--{name}")
            for name in ("word", "wave", "plays")
        }
        segments = []
        for label, (_, side) in zip(labels, named, strict=True):
            sign = self._glyphs.playing if side.plays else " "
            peaks = side.moment()
            drawn = outline(peaks, wave, 1, self._glyphs)[0] if peaks else self._glyphs.track * wave
            segments += [
                Segment(f"{sign} ", styles["plays"]),
                Segment(f"{label} ", styles["plays" if side.plays else "word"]),
                Segment(drawn + " " * _GAP, styles["plays" if side.plays else "wave"]),
            ]
        segments.append(Segment(fit(hint, len(hint)), styles["word"]))
        return Strip(segments).adjust_cell_length(width, base)
