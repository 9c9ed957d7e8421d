"""The signs the app draws with: a rich set, and one for terminals and screen readers that want ASCII."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """`levels` are bar heights from lowest to highest; `parts` are eighths of a cell, then the full one."""

    cursor: str = ">"
    playing: str = "▶"
    marked: str = "●"
    ellipsis: str = "…"
    dash: str = "—"
    dot: str = "·"
    up: str = "↑"
    down: str = "↓"
    full: str = "█"
    track: str = "─"
    parts: str = "▏▎▍▌▋▊▉█"
    levels: str = "▁▂▃▄▅▆▇█"

    def bar(self, share: float, cells: int) -> str:
        """A bar of at most `cells` cells for a share from 0 to 1, exact to a part of a cell."""
        steps = len(self.parts)
        filled = round(min(1.0, max(0.0, share)) * cells * steps)
        whole, rest = divmod(filled, steps)
        return self.full * whole + (self.parts[rest - 1] if rest else "")


UNICODE = Glyphs()
ASCII = Glyphs(
    playing="P",
    marked="*",
    ellipsis="~",
    dash="-",
    dot="-",
    up="^",
    down="v",
    full="#",
    track="-",
    parts="#",
    levels="_.-=+*#@",
)
