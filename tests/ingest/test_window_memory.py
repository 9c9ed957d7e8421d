from __future__ import annotations

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from musicsim_tui.child import receive_frame
from musicsim_tui.ingest.window_memory import PLACES, WindowMemory, accept_memory, offer_memory

LENGTH = 1000


@pytest.fixture
def ends() -> Iterator[tuple[WindowMemory, WindowMemory]]:
    """Where windows are put, and where they are taken."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        taking = offer_memory(ours, LENGTH)
        frame = receive_frame(theirs)
        assert frame is not None
        yield accept_memory(theirs, frame[0]["length"]), taking


def test_every_place_keeps_its_window_until_nobody_holds_it(ends: tuple[WindowMemory, WindowMemory]) -> None:
    putting, taking = ends
    windows = [np.full(LENGTH - number, number, np.float32) for number in range(PLACES)]
    places = [putting.put(window) for window in windows]
    assert sorted(place for place in places if place is not None) == list(range(PLACES))
    taken = [
        taking.take(place, len(window))
        for place, window in zip(places, windows, strict=True)
        if place is not None
    ]
    assert putting.put(windows[0]) is None
    assert all(np.array_equal(found, put) for found, put in zip(taken, windows, strict=True))
    part = taken[3][5:]
    del taken[3]
    assert putting.put(windows[0]) is None, "a part of the window is still held"
    assert np.array_equal(part, windows[3][5:])
    del part
    assert putting.put(windows[0]) == places[3]


def test_a_window_that_is_too_long_goes_another_way(ends: tuple[WindowMemory, WindowMemory]) -> None:
    putting, _ = ends
    assert putting.put(np.zeros(LENGTH + 1, np.float32)) is None


def test_memory_whose_descriptor_is_lost_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.send(b"\0")
        with pytest.raises(ConnectionResetError):
            accept_memory(theirs, LENGTH)
