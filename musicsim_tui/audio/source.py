"""Opens a file as audio: one regular file, read by descriptor, with every failure put into words.

FFmpeg never sees a file name. A name can look like a link ("http:", "concat:", "pipe:0"), and a playlist can
pretend to be a song; so FFmpeg reads through a descriptor that is opened here, may open nothing else, and
recognises only containers that hold audio themselves.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from musicsim_tui.errors import AudioError, MusicSimError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet

    from musicsim_tui.jobs import CancelToken

_BUFFER_BYTES = 1 << 17
_CONTAINERS = (
    "3g2,3gp,aac,ac3,aiff,amr,amrnb,amrwb,ape,asf,au,avi,caf,dsf,dts,dtshd,eac3,flac,flv,iff,loas,m4a,matroska,"
    "mlp,mov,mp3,mp4,mpc,mpc8,mpeg,mpegts,oga,ogg,oma,qcp,qoa,rm,shn,spdif,tak,truehd,tta,voc,w64,wav,webm,wv,xwma"
)
"""Demuxers that read one file; none of the playlist, concatenation, image or device ones."""
_CONFINED = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}

_MAX_SAMPLE_RATE = 1_536_000
_MAX_CHANNELS = 64
_ENCRYPTED_TAGS = frozenset({"drms", "enca", "aavd"})
"""Sample descriptions of protected audio: FairPlay, ISO 23001-7 Common Encryption, Audible."""
_MAX_FAILED_READS = 32
"""Demuxing failures in a row, without a packet between them, after which the rest is given up."""

_AUDIO_SIGNATURES = (
    b"ID3",
    b"fLaC",
    b"OggS",
    b"RIFF",
    b"RF64",
    b"FORM",
    b"\x1a\x45\xdf\xa3",
    b"0&\xb2u",
    b"caff",
)

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


def _not_audio(head: bytes) -> AudioError:
    """For a file in which no container is found. `head` is how it begins."""
    if not any(head):
        return AudioError(
            "The file holds nothing but zeros.", "Its download or copy did not finish: fetch it again."
        )
    if head.startswith(_AUDIO_SIGNATURES) or head[4:8] == b"ftyp":
        return AudioError(
            "The file begins like audio but is damaged or cut off.",
            "Fetch or copy it again from where it came.",
        )
    return AudioError(
        "The file is not audio.", "Leave it out, or convert it to MP3, FLAC or another audio format."
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
        self._fd = _open_regular_file(path)

    def read(self, size: int) -> bytes:
        if self._failure is not None or (self._cancel is not None and self._cancel.cancelled):
            return b""
        try:
            return os.read(self._fd, size)
        except OSError as error:
            self._failure = error
            return b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return os.lseek(self._fd, offset, whence)
        except OSError as error:
            if error.errno != errno.EINVAL:  # EINVAL: FFmpeg asked for a place before the start
                self._failure = error
            return -1

    def tell(self) -> int:
        return self.seek(0, os.SEEK_CUR)

    def head(self, size: int = 512) -> bytes:
        """The first bytes, wherever reading stands; empty when they cannot be read."""
        try:
            return os.pread(self._fd, size, 0)
        except OSError as error:
            self._failure = error
            return b""

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


@dataclass(slots=True, eq=False)
class AudioSource:
    """An open file and its first audio stream. `damaged` counts what could not be read or decoded so far."""

    container: InputContainer
    stream: AudioStream
    reader: FileReader
    damaged: int = 0

    def packets(self) -> Iterator[Packet[AudioStream]]:
        """The encoded packets of the stream, in file order; damaged places are passed over.

        Raises Cancelled, or StorageError when the disk fails before the end.
        """
        from av.error import FFmpegError

        failed_in_a_row = 0
        while failed_in_a_row < _MAX_FAILED_READS:
            try:
                for packet in self.container.demux(self.stream):
                    self.reader.check()
                    if packet.size:  # an empty one would end the decoder, and comes at the end only
                        failed_in_a_row = 0
                        yield packet
                break
            except FFmpegError:
                self.reader.check()
                self.damaged += 1
                failed_in_a_row += 1
        self.reader.check()


@contextmanager
def open_audio(path: Path, cancel: CancelToken | None = None) -> Iterator[AudioSource]:
    """The first audio stream of a local file.

    Raises AudioError when it is no audio or cannot be used, StorageError when the disk fails, Cancelled.
    """
    import av
    from av.error import FFmpegError

    reader = FileReader(path, cancel)
    try:
        reader.check()
        try:
            container = av.open(
                reader,
                "r",
                container_options=_CONFINED,
                metadata_errors="surrogateescape",
                buffer_size=_BUFFER_BYTES,
            )
        except (FFmpegError, ValueError) as error:
            head = reader.head()
            reader.check()
            raise _not_audio(head) from error
        with container:
            reader.check()
            yield AudioSource(container, _first_audio_stream(container), reader)
    finally:
        reader.close()


def _first_audio_stream(container: InputContainer) -> AudioStream:
    from av.stream import Discard

    if not container.streams.audio:
        raise AudioError(
            "There is no sound in the file.", "It holds only pictures, video or text: leave it out."
        )
    stream = container.streams.audio[0]
    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    if stream.codec_tag in _ENCRYPTED_TAGS:
        raise AudioError(
            "The audio is locked by copy protection.", "Get the track in a format without protection (DRM)."
        )
    if stream.codec_context is None:
        raise AudioError("The audio has a format that cannot be decoded.", "Convert it to MP3 or FLAC.")
    if stream.sample_rate > _MAX_SAMPLE_RATE or stream.channels > _MAX_CHANNELS:
        raise AudioError("The file begins like audio but is damaged or cut off.", "Fetch or copy it again.")
    return stream
