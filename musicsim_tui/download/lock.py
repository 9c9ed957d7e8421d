"""Who works on a library's queue: one process at a time, and nobody once it is dead."""

from __future__ import annotations

import fcntl
from typing import IO, TYPE_CHECKING

from musicsim_tui.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path


class QueueLock:
    """A lock on a file (flock): it goes with the process, and two in one process exclude each other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Whether it is ours now. Raises StorageError when the file cannot be written."""
        if self._file is not None:
            return True
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            file = self._path.open("ab")
        except OSError as error:
            raise StorageError(
                f"{self._path} cannot be written: {error.strerror or error}.",
                "Make its folder writable, or choose another one with --data-dir.",
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError:
            file.close()
            raise
        self._file = file
        return True

    def let_go(self) -> None:
        """Let others have it; idempotent."""
        if self._file is not None:
            self._file.close()
            self._file = None
