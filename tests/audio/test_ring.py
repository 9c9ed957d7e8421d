from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.audio.ring import RingBuffer


def numbered(first: int, frames: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Frames that tell where they belong: n on the left, -n on the right."""
    numbers = np.arange(first, first + frames, dtype=np.float32)
    return np.stack([numbers, -numbers], axis=1)


@given(size=st.integers(1, 20), steps=st.lists(st.tuples(st.booleans(), st.integers(0, 25)), max_size=60))
def test_what_goes_in_comes_out_in_order(size: int, steps: list[tuple[bool, int]]) -> None:
    ring = RingBuffer(size)
    written = read = 0
    for writes, frames in steps:
        if writes:
            taken = ring.write(numbered(written, frames))
            assert taken == min(frames, size - (written - read))
            written += taken
        else:
            out = np.full((frames, 2), 99.5, dtype=np.float32)
            given_out = ring.read_into(out)
            assert given_out == min(frames, written - read)
            np.testing.assert_array_equal(out[:given_out], numbered(read, given_out))
            assert (out[given_out:] == 99.5).all()
            read += given_out
        assert ring.filled == written - read


def test_two_threads_lose_nothing() -> None:
    ring, total = RingBuffer(64), 6_000
    pieces = []

    def write() -> None:
        done = 0
        while done < total:
            done += ring.write(numbered(done, min(37, total - done)))

    writer = threading.Thread(target=write)
    writer.start()
    received = 0
    while received < total:
        out = np.empty((29, 2), dtype=np.float32)
        frames = ring.read_into(out)
        pieces.append(out[:frames])
        received += frames
    writer.join(timeout=30)
    np.testing.assert_array_equal(np.concatenate(pieces), numbered(0, total))


def test_no_room_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="room"):
        RingBuffer(0)
