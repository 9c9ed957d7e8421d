"""Windows on their way out of a decoder's process, in memory that it shares with ours.

Through a socket a window, about a megabyte, is copied four times: a tenth of the work of decoding it. One
that is cut where it is to be read is not copied at all.
"""

from __future__ import annotations

import mmap
import os
import socket
import tempfile
import weakref
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.windows import allocate
from musicsim_tui.child import send_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from musicsim_tui.track import Samples

PLACES = 10
"""Windows that wait for the embedder are seldom more: the others go through the socket."""
OPERATION = "memory"
"""The request that offers memory; its descriptor follows the frame."""
_FREE, _TAKEN = 0, 1


class WindowMemory:
    """`PLACES` windows of up to `length` samples, float32. A byte for each place tells whether it is free.
    Only the decoder takes places; it frees those that were never `put`, the other side the ones that were."""

    def __init__(self, descriptor: int, length: int) -> None:
        self._length = length
        self._mapping = mmap.mmap(descriptor, _bytes(length))
        self._state: NDArray[np.uint8] = np.frombuffer(self._mapping, np.uint8, PLACES)
        self._allocated: dict[int, tuple[int, weakref.finalize[..., Samples]]] = {}
        """By the identity of the array: its place, and what frees that with the array."""

    def allocate(self, length: int) -> Samples:
        """A free place to fill before it is `put`; memory of this process alone when there is none."""
        place = self._occupied(length)
        if place is None:
            return allocate(length)
        samples = self._view(place, length)
        self._allocated[id(samples)] = place, weakref.finalize(samples, self._let_go, id(samples))
        return samples

    def put(self, samples: Samples) -> int | None:
        """Tell at which place a window is, copied there unless it was filled there; None when none is free.
        The other side may change it from now on."""
        if id(samples) in self._allocated:
            place, freeing = self._allocated.pop(id(samples))
            freeing.detach()
            return place
        copy = self._occupied(len(samples))
        if copy is not None:
            self._view(copy, len(samples))[:] = samples
        return copy

    def _occupied(self, length: int) -> int | None:
        """A place that was free, None where there is none for as many samples."""
        free = np.flatnonzero(self._state == _FREE)
        if not len(free) or length > self._length:
            return None
        self._state[free[0]] = _TAKEN
        return int(free[0])

    def _let_go(self, identity: int) -> None:
        """Nobody holds an array any more that was never `put`."""
        place, _ = self._allocated.pop(identity)
        self._free(place)

    def take(self, place: int, length: int) -> Samples:
        """The window at a place, which is free again as soon as nobody holds the array any more."""
        samples = self._view(place, length)
        weakref.finalize(samples, self._free, place)
        return samples

    def _view(self, place: int, length: int) -> Samples:
        offset = mmap.PAGESIZE + place * self._length * np.dtype(np.float32).itemsize
        return np.frombuffer(self._mapping, np.float32, length, offset)

    def _free(self, place: int) -> None:
        self._state[place] = _FREE


def offer_memory(connection: socket.socket, length: int) -> WindowMemory:
    """Memory for windows, offered to the decoder at the other end. Raises OSError."""
    descriptor = _anonymous_file(_bytes(length))
    try:
        memory = WindowMemory(descriptor, length)
        send_frame(connection, {"op": OPERATION, "length": length}, b"")
        socket.send_fds(connection, [b"\0"], [descriptor])
    finally:
        os.close(descriptor)
    return memory


def accept_memory(connection: socket.socket, length: int) -> WindowMemory:
    """The memory whose offer has just been read. Raises OSError."""
    _, descriptors, _, _ = socket.recv_fds(connection, 1, 1)
    if not descriptors:
        raise ConnectionResetError("the descriptor of the memory has not come")
    try:
        return WindowMemory(descriptors[0], length)
    finally:
        os.close(descriptors[0])


def _bytes(length: int) -> int:
    """Size of the memory: a page for the states, then the places."""
    return mmap.PAGESIZE + PLACES * length * np.dtype(np.float32).itemsize


def _anonymous_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("musicsim-windows", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, size)
        return descriptor
    with tempfile.TemporaryFile() as file:
        file.write(bytes(size))  # a full disk fails here, and not a process that touches a page
        file.flush()
        return os.dup(file.fileno())
