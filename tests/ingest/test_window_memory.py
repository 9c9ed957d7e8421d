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


def test_a_window_that_is_filled_at_its_place_is_not_copied(ends: tuple[WindowMemory, WindowMemory]) -> None:
    putting, taking = ends
    window = putting.allocate(LENGTH - 1)
    window[:] = 5.0
    place = putting.put(window)
    assert place is not None
    taken = taking.take(place, len(window))
    window[:] = 6.0
    assert np.array_equal(taken, np.full(LENGTH - 1, 6.0))


def test_a_place_stays_with_its_reader_when_the_window_is_dropped(
    ends: tuple[WindowMemory, WindowMemory],
) -> None:
    putting, taking = ends
    window = putting.allocate(LENGTH)
    window[:] = 5.0
    place = putting.put(window)
    assert place is not None
    taken = taking.take(place, LENGTH)
    del window
    others = [putting.allocate(LENGTH) for _ in range(PLACES)]
    for other in others:
        other[:] = 0.0
    assert np.array_equal(taken, np.full(LENGTH, 5.0))


def test_a_window_that_is_never_put_leaves_its_place(ends: tuple[WindowMemory, WindowMemory]) -> None:
    putting, _ = ends
    for _ in range(2 * PLACES):
        window = putting.allocate(LENGTH)
    full = np.zeros(LENGTH, np.float32)
    assert sum(putting.put(full) is not None for _ in range(PLACES)) == PLACES - 1
    del window
    assert putting.put(full) is not None


def test_without_a_free_place_a_window_is_filled_elsewhere(ends: tuple[WindowMemory, WindowMemory]) -> None:
    putting, taking = ends
    windows = [putting.allocate(LENGTH) for _ in range(PLACES + 1)]
    places = [putting.put(window) for window in windows]
    assert None not in places[:PLACES]
    assert places[PLACES] is None
    assert len(windows[PLACES]) == LENGTH
    del windows
    assert places[0] is not None
    taking.take(places[0], LENGTH)
    assert putting.put(np.zeros(LENGTH, np.float32)) == places[0]
    assert len(putting.allocate(LENGTH + 1)) == LENGTH + 1


def test_memory_whose_descriptor_is_lost_is_refused() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        with ours:
            ours.send(b"\0")
        with pytest.raises(ConnectionResetError):
            accept_memory(theirs, LENGTH)
