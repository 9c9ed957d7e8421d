"""One process writes an index folder: a file lock that the kernel releases when its holder ends."""

from __future__ import annotations

import fcntl
import os
import selectors
import time
from typing import TYPE_CHECKING

from musicsim_tui.index.failures import locked

if TYPE_CHECKING:
    import socket

LOCK_NAME = "lock"
_RETRY_SECONDS = 0.05


def take_lock(connection: socket.socket, patience: float) -> int:
    """Lock the current folder until this process ends or closes the descriptor returned.

    The lock file names the application that the worker serves. Raises IndexLocked when another process still
    holds the lock after `patience` seconds, ConnectionResetError when the application goes away meanwhile.
    """
    descriptor = os.open(LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 20, 0).decode("ascii", "replace")
                raise locked(holder.strip()) from None
        if has_input(connection, _RETRY_SECONDS):
            raise ConnectionResetError("the application is gone")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getppid()).encode("ascii"), 0)
    return descriptor


def has_input(connection: socket.socket, seconds: float | None) -> bool:
    """Whether something, or the end, can be read within `seconds`; None waits for ever."""
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(seconds))
