"""bliss over the same files: as its documentation shows it, and on every core at once.

The Python package has no call for many songs: `Song(path)` analyses one, on several threads of its own. So
there are two contestants: songs one after the other, as documented, and a pool with a process for each core,
which is the fastest that can be had of it.
"""

from __future__ import annotations

import os
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from musicsim_tui.track import Vectors
    from tests.benchmarks.contest import Work


def one_after_the_other(paths: list[Path]) -> Work:
    _descriptors(str(paths[0]))
    return lambda: sum(len(_descriptors(str(path))) > 0 for path in paths)


def on_every_core(paths: list[Path]) -> Work:
    pool = get_context("spawn").Pool(os.cpu_count())  # its processes end with this one
    names = [str(path) for path in paths]
    pool.map(_descriptors, names[:4], chunksize=1)
    return lambda: sum(len(each) > 0 for each in pool.imap_unordered(_descriptors, names))


def analyse(paths: list[Path]) -> Vectors:
    """Shape (files, descriptors)."""
    return np.asarray([_descriptors(str(path)) for path in paths], dtype=np.float32)


def _descriptors(path: str) -> list[float]:
    import bliss_audio

    found: list[float] = bliss_audio.Song(path).analysis
    return found
