"""Cuts what is played out of a stream of blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from musicsim_tui.track import Samples


def excerpt(blocks: Iterable[Samples], samples: int | None, factor: float = 1.0) -> Iterator[Samples]:
    """The first `samples` samples of blocks of shape (channels, n), or all, with a gain."""
    for block in blocks:
        wanted = block if samples is None else block[:, :samples]
        if wanted.shape[1]:
            yield wanted if factor == 1.0 else wanted * np.float32(factor)
        if samples is not None:
            samples -= wanted.shape[1]
            if samples <= 0:
                return
