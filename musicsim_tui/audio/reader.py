"""Reads one regular file for FFmpeg, and puts what the disk or the share does into words."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from musicsim_tui.audio.endings import missing_end
from musicsim_tui.audio.flac import is_one_stream
from musicsim_tui.audio.trailers import end_of_audio, tells_length
from musicsim_tui.errors import AudioError, MusicSimError, StorageError

if TYPE_CHECKING:
    import re
    from pathlib import Path

    from musicsim_tui.audio.endings import MissingEnd
    from musicsim_tui.jobs import CancelToken

_SEARCH_BYTES = 1 << 20
_LONGEST_MATCH = 64
"""Bytes by which the pieces of a search overlap."""

# The file itself, or what the person may do with it. Any other errno is the disk's or the share's.
_FAULTS_OF_THE_FILE: dict[int, tuple[str, str]] = {
    errno.ENOENT: ("The file is not there any more.", "It was moved, renamed or deleted: check the path."),
    errno.ENOTDIR: ("The file is not there any more.", "A folder of its path is now a file: check the path."),
    errno.EISDIR: ("This is a folder, not an audio file.", "Name a file inside it."),
    errno.EACCES: (
        "The file may not be read.",
        "Give yourself permission to read it and the folders above it.",
    ),
    errno.EPERM: (
        "The file may not be read.",
        "Give yourself permission to read it and the folders above it.",
    ),
    errno.ELOOP: (
        "The file is a link that leads in a circle.",
        "Replace the link with the file it should lead to.",
    ),
    errno.ENAMETOOLONG: (
        "The path is too long for this disk.",
        "Check the path, or shorten the names in it.",
    ),
}


def describe_os_error(error: OSError, path: Path) -> MusicSimError:
    """AudioError when the file is at fault, StorageError when it is the disk or share below it."""
    number = error.errno or 0
    words = _FAULTS_OF_THE_FILE.get(number)
    if words is None or (number == errno.ENOENT and not os.path.exists(path.parent)):
        return storage_error(error)
    return AudioError(*words)


def storage_error(error: OSError) -> StorageError:
    """What a failing disk or share did, in words."""
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return StorageError(
            "Too many files are open at once.", "Raise the limit (ulimit -n) or lower the number of threads."
        )
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("The disk is full.", "Free some space, then try again.")
    if error.errno == errno.EROFS:
        return StorageError("The disk can only be read.", "Make it writable or choose another folder.")
    if error.errno == errno.ENOENT:
        return StorageError(
            "The folder of the file cannot be reached.", "Connect the disk or share it is on, then try again."
        )
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return StorageError(
        f"The disk or network share failed: {reason}.",
        "Check that it is connected and healthy, then try again.",
    )


class FileReader:
    """The file object that FFmpeg reads from.

    FFmpeg turns a failed read into an early end; here the failure is kept and `check` raises it, so that a
    disk that fails in the middle is never taken for a short track.
    """

    def __init__(self, path: Path, cancel: CancelToken | None) -> None:
        self._path = path
        self._cancel = cancel
        self._failure: OSError | None = None
        self.interrupted = False
        """Whether a read gave less than there is, and `check` tells why."""
        self._start = 0
        self._fd = _open_regular_file(path)

    def read(self, size: int) -> bytes:
        if self._failure is not None or (self._cancel is not None and self._cancel.cancelled):
            self.interrupted = True
            return b""
        try:
            return os.read(self._fd, size)
        except OSError as error:
            self._fail(error)
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            start = self._start if whence == os.SEEK_SET else 0
            return os.lseek(self._fd, start + offset, whence) - self._start
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: FFmpeg asked for a place before the start
                self._fail(error)
            return -1

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def start_at(self, offset: int) -> None:
        """From here on, the file begins `offset` bytes further in."""
        self._start += offset
        self.seek(0)

    def head(self, size: int = 512) -> bytes:
        """The first bytes, wherever reading stands; empty when they cannot be read."""
        return self._read_at(0, size)

    def begins_with_length(self) -> bool:
        """Whether an MP3 begins with a frame that tells its length, behind its ID3v2 tag."""
        try:
            return tells_length(self._read_at)
        except OSError as error:
            self._fail(error)
            return False

    def tail(self, size: int) -> bytes:
        """The last bytes; empty when they cannot be read."""
        try:
            end = os.fstat(self._fd).st_size - self._start
        except OSError as error:
            self._fail(error)
            return b""
        return self._read_at(max(0, end - size), size)

    def missing_end(self) -> MissingEnd | None:
        """What the file tells of its end, where that is missing."""
        try:
            return missing_end(self._read_at, os.fstat(self._fd).st_size)
        except OSError as error:
            self._fail(error)
            return None

    def is_one_flac(self) -> bool:
        """Whether the file is one FLAC stream from end to end, as far as that can be told."""
        try:
            return is_one_stream(self._read_at, os.fstat(self._fd).st_size - self._start)
        except OSError as error:
            self._fail(error)
            return False

    def end_of_audio(self) -> int:
        """Where appended tags begin, else the size of the file."""
        try:
            return end_of_audio(self._read_at, os.fstat(self._fd).st_size)
        except OSError as error:
            self._fail(error)
            return 0

    def find(self, pattern: re.Pattern[bytes], offset: int) -> int | None:
        """Where the next match is, at `offset` or behind it; None when there is none or reading fails."""
        while piece := self._read_at(offset, _SEARCH_BYTES):
            if match := pattern.search(piece):
                return offset + match.start()
            if len(piece) <= _LONGEST_MATCH or (self._cancel is not None and self._cancel.cancelled):
                break
            offset += len(piece) - _LONGEST_MATCH
        return None

    def _read_at(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, self._start + offset)
        except OSError as error:
            self._fail(error)
            return b""

    def _fail(self, error: OSError) -> None:
        self._failure = error
        self.interrupted = True

    def check(self) -> None:
        """Raise Cancelled, StorageError or AudioError if reading was cut short."""
        if self._cancel is not None:
            self._cancel.check()
        if self._failure is not None:
            raise describe_os_error(self._failure, self._path) from self._failure

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _open_regular_file(path: Path) -> int:
    """A descriptor for a file that has bytes. Looks first: opening a FIFO or a device can have effects."""
    try:
        _refuse_unless_regular(os.stat(path))
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            _refuse_unless_regular(os.fstat(fd))  # it may have been swapped since it was looked at
        except BaseException:
            os.close(fd)
            raise
    except OSError as error:
        raise describe_os_error(error, path) from error
    except ValueError as error:  # a NUL, or a character that no file name can hold
        raise AudioError(*_FAULTS_OF_THE_FILE[errno.ENOENT]) from error
    return fd


def _refuse_unless_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise AudioError(*_FAULTS_OF_THE_FILE[errno.EISDIR])
    if not stat.S_ISREG(status.st_mode):
        raise AudioError("This is a pipe or a device, not a file.", "Save the audio to a file first.")
    if status.st_size == 0:
        raise AudioError("The file is empty.", "Its download or copy did not finish: fetch it again.")
