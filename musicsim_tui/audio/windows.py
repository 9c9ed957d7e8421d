"""Cuts a track into the windows that an embedder hears."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TypeAlias

    from musicsim_tui.track import Samples

    Allocate: TypeAlias = Callable[[int], Samples]
    """Gives an array of so many samples, whatever it holds."""

WINDOW_SECONDS = 10.0
HOP_SECONDS = 10.0
MIN_WINDOW_SECONDS = 1.0
"""Shorter tracks are padded with silence to this length."""
SILENCE_DBFS = -60.0
"""RMS below which a window counts as silent: under the noise floor of vinyl and tape, where a network hears
only dither and hiss."""
TYPICAL_SECONDS = 240.0
"""Length that a plan assumes when the container tells none."""

_SILENCE_POWER = 10 ** (SILENCE_DBFS / 10)


@dataclass(frozen=True, slots=True, eq=False)
class AudioWindow:
    """A piece of a track: `start` in seconds, `samples` of shape (samples,), and whether it is silent."""

    start: float
    samples: Samples
    silent: bool


def full_windows(seconds: float) -> int:
    """How many whole windows fit on the grid."""
    if seconds < WINDOW_SECONDS:
        return 0
    return int((seconds - WINDOW_SECONDS) // HOP_SECONDS) + 1


def plan_starts(seconds: float, coverage: int | None) -> list[float]:
    """Start times of the windows to hear in a track of this length; never empty.

    `coverage` None means every window; n means at most n of them, the middles of n equal shares of the
    grid, so that they are windows of the full grid and neither the very start nor the very end is favoured.
    """
    total = max(1, full_windows(seconds))
    if coverage is None or _checked(coverage) >= total:
        return [index * HOP_SECONDS for index in range(total)]
    return [_chosen(order, total, coverage) * HOP_SECONDS for order in range(coverage)]


def _chosen(order: int, total: int, coverage: int) -> int:
    """Index on the grid of the chosen window number `order`."""
    return (2 * order + 1) * total // (2 * coverage) if coverage < total else order


def _checked(coverage: int) -> int:
    if coverage < 1:
        raise ValueError(f"coverage must be at least 1, not {coverage}")
    return coverage


def allocate(length: int) -> Samples:
    """A new array of so many samples."""
    return np.empty(length, dtype=np.float32)


def cut_windows(
    blocks: Iterable[Samples],
    rate: int,
    *,
    coverage: int | None = None,
    expected_seconds: float | None = None,
    allocate: Allocate = allocate,
) -> Iterator[AudioWindow]:
    """Windows of `WINDOW_SECONDS`, one each `HOP_SECONDS`, as the blocks (shape (samples,), at `rate` Hz)
    come in.

    A last, partial window is dropped when there is a full one; a shorter track is one window of its own
    length, padded to `MIN_WINDOW_SECONDS`. No samples, no windows. Windows with an RMS below `SILENCE_DBFS`
    are flagged.

    With `coverage` n the windows are those of `plan_starts(expected_seconds, n)`; without an expected
    length, those for `TYPICAL_SECONDS`. Should the track end before the first of them, its last window
    stands in; should it go on after the plan has ended with fewer than n, the next ones follow. So there is
    always at least one, and never more than n.

    The blocks are taken to their end, for whoever else watches them. Two windows and a block are held at
    most. A window is filled where `allocate` says, and is not touched any more once it is given out.
    """
    windows = _all_windows(blocks, rate, allocate)
    return windows if coverage is None else _spread(windows, _checked(coverage), expected_seconds)


def _spread(
    windows: Iterator[AudioWindow], coverage: int, expected_seconds: float | None
) -> Iterator[AudioWindow]:
    if expected_seconds is None or not math.isfinite(expected_seconds):
        expected_seconds = TYPICAL_SECONDS
    total = max(1, full_windows(expected_seconds))
    delivered = 0
    stand_in: AudioWindow | None = None
    for index, window in enumerate(windows):
        if delivered < coverage and index == _chosen(delivered, total, coverage):
            delivered, stand_in = delivered + 1, None
            yield window
        elif not delivered:
            stand_in = window
    if stand_in is not None:
        yield stand_in


def _all_windows(blocks: Iterable[Samples], rate: int, allocate: Allocate) -> Iterator[AudioWindow]:
    length = round(WINDOW_SECONDS * rate)
    samples = allocate(length)
    index = filled = 0
    for block in blocks:
        used = 0
        while used < len(block):
            taken = min(length - filled, len(block) - used)
            samples[filled : filled + taken] = block[used : used + taken]
            used, filled = used + taken, filled + taken
            if filled == length:
                yield AudioWindow(index * HOP_SECONDS, samples, _is_silent(samples))
                samples = allocate(length)
                index, filled = index + 1, 0
    if filled and not index:
        padding = max(0, round(MIN_WINDOW_SECONDS * rate) - filled)
        yield AudioWindow(0.0, np.pad(samples[:filled], (0, padding)), _is_silent(samples[:filled]))


def _is_silent(samples: Samples) -> bool:
    enough = _SILENCE_POWER * len(samples)
    beginning = samples[: len(samples) // 16]  # of music, louder by far than it must be
    return all(float(np.einsum("i,i->", part, part)) < enough for part in (beginning, samples))
