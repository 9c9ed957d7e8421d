"""Sound for a pipe: a WAV stream whose length is not known when it begins."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from musicsim_tui.track import Samples

_UNKNOWN_BYTES = 0xFFFFFFFF
"""Stands for a length in a stream that nobody can go back in; players read on to its end."""
_PCM, _BITS = 1, 16
_FULL_SCALE = 32767


def wav_stream(blocks: Iterable[Samples], rate: int) -> Iterator[bytes]:
    """The pieces of a WAV file of 16 bits in stereo, from blocks of shape (2, samples).

    Samples beyond full scale are clipped. Layout: "Multimedia Programming Interface and Data Specifications
    1.0", IBM and Microsoft, 1991.
    """
    frame_bytes = 2 * _BITS // 8
    description = struct.pack("<IHHIIHH", 16, _PCM, 2, rate, rate * frame_bytes, frame_bytes, _BITS)
    unknown = struct.pack("<I", _UNKNOWN_BYTES)
    yield b"RIFF" + unknown + b"WAVEfmt " + description + b"data" + unknown
    for block in blocks:
        scaled = np.round(np.clip(block.T, -1.0, 1.0) * _FULL_SCALE)
        yield scaled.astype("<i2").tobytes()
