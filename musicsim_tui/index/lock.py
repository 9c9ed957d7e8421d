"""One process writes an index: file locks that the kernel releases when their holder ends."""

from __future__ import annotations

import fcntl
import logging
import os
import selectors
import threading
import time
from typing import TYPE_CHECKING

from musicsim_tui.index.failures import locked

if TYPE_CHECKING:
    import socket
    from pathlib import Path

LOCK_NAME = "lock"
_RETRY_SECONDS = 0.05

_log = logging.getLogger(__name__)


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


class WriterLock:
    """Lets one thread at a time write to an index, and of several processes one when there is a `path`."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._threads = threading.Lock()
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Take the lock if nobody has it; whether it was free. A disk that cannot lock counts as free."""
        if not self._threads.acquire(blocking=False):
            return False
        if self._path is None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        except OSError as error:
            _log.warning("no lock on %s: %s", self._path, error.strerror)
        return True

    def release(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        self._threads.release()
