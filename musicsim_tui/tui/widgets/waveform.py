"""The outline of a sound, drawn with characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from musicsim_tui.tui.glyphs import Glyphs


def reduce_peaks(peaks: bytes | Sequence[float], columns: int) -> list[float]:
    """The highest peak of each of `columns` equal parts, shape (columns,), on the scale of `peaks`."""
    count = len(peaks)
    if not count or columns <= 0:
        return [0.0] * max(0, columns)
    highest = []
    for column in range(columns):
        first = column * count // columns
        last = max(first + 1, (column + 1) * count // columns)
        highest.append(float(max(peaks[first:last])))
    return highest


def outline(peaks: bytes | Sequence[float], width: int, rows: int, glyphs: Glyphs) -> list[str]:
    """Bars as high as the peaks, `width` cells wide and `rows` lines high, the tallest filling them all."""
    heights = reduce_peaks(peaks, width)
    top = max(heights, default=0.0)
    steps = len(glyphs.levels)
    filled = [0 if not top else max(1, round(height / top * rows * steps)) for height in heights]
    lines = []
    for row in reversed(range(rows)):
        below = row * steps
        lines.append(
            "".join(
                " " if level <= below else glyphs.levels[min(steps, level - below) - 1] for level in filled
            )
        )
    return lines
