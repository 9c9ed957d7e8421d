"""Tells whether the end of a file is missing, by the sizes in bytes that its container tells.

A size that the writer of a stream could not know counts for nothing. Of formats that count their samples
FFmpeg tells the length; of bare MP3 and ADTS, whose frames just follow each other, nobody can tell.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

ReadAt = Callable[[int, int], bytes]
"""The bytes of a file from an offset on, at most so many; fewer at its end."""

_HEAD_BYTES = 12
_MOST_CHUNKS = 256
_MOST_BOXES = 1 << 16
"""More than any real file has, few enough to be looked at."""

_UNKNOWN_SIZES = (
    range(1),
    range(0x7F000000, 0x80001000),
    range(0xFFFFF000, 1 << 32),
    range(1 << 62, 1 << 64),
)
"""What stands where the size of a stream was not known: zero, or about the most that fits, signed or not."""

_WAV_LONG_SIZE = slice(8, 16)
"""Where the chunk "ds64" of RF64 (EBU Tech 3306) and BW64 has the size of the samples."""

_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_OBJECT_BYTES = 24
_ASF_DATA_BYTES = 50
"""The size of a Data Object without packets, which a stream's may tell (ASF Specification, 3.3 and 5.1)."""

_EBML_ID_BYTES = 4
_EBML_HEADER_BYTES = 12
_MATROSKA_SEGMENT = b"\x18\x53\x80\x67"

LONGEST_OGG_PAGE = 65_307
_OGG_HEADER_BYTES = 27

_BOX_HEADER_BYTES = 8
_LONG_BOX_HEADER_BYTES = 16
_OF_FRAGMENTS = frozenset({b"moof", b"mdat"})


@dataclass(frozen=True, slots=True)
class MissingEnd:
    """That the end of a file is missing. `share` of its sound is there, None where nothing tells how much
    there was."""

    share: float | None = None


def missing_end(read_at: ReadAt, size: int) -> MissingEnd | None:
    """What a file of `size` bytes tells of its missing end; None where it is whole or does not tell."""
    head = read_at(0, _HEAD_BYTES)
    for beginning, look in _LOOKS:
        if beginning.match(head):
            return look(read_at, size)
    return None


def is_beginning(path: Path) -> bool:
    """Whether a file that cannot be decoded is the beginning of one: its end is missing, or that of an MP4
    file, where what explains the sound often stands. Raises OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size

        def read_at(offset: int, most: int) -> bytes:
            return os.pread(file.fileno(), most, offset)

        if missing_end(read_at, size) is not None:
            return True
        boxes = list(_boxes(read_at, size))
    return bool(boxes) and boxes[0][0] == b"ftyp" and boxes[-1][1] > size


def _boxes(read_at: ReadAt, size: int) -> Iterator[tuple[bytes, int]]:
    """The kind of each outermost box of an MP4 file (ISO/IEC 14496-12, 4.2) and the offset of its end: behind
    that of the file where the last one is not all there."""
    place = 0
    for _ in range(_MOST_BOXES):
        header = read_at(place, _LONG_BOX_HEADER_BYTES)
        if not header:
            return
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:
            length = size - place  # the last box takes all that is there
        if len(header) < _BOX_HEADER_BYTES:
            length = _BOX_HEADER_BYTES
        if length < _BOX_HEADER_BYTES:
            return
        place += length
        yield header[4:8], place


def _chunks(
    read_at: ReadAt, first: int, size_bytes: int, *, little: bool, even: bool
) -> Iterator[tuple[bytes, int, int]]:
    """Kind, offset and size of what follows each other, in the manner of IFF, from the offset `first` on."""
    place = first
    for _ in range(_MOST_CHUNKS):
        header = read_at(place, 4 + size_bytes)
        if len(header) < 4 + size_bytes:
            return
        length = int.from_bytes(header[4:], "little" if little else "big")
        place += len(header)
        yield header[:4], place, length
        place += length + (length % 2 if even else 0)


def _wav(read_at: ReadAt, size: int) -> MissingEnd | None:
    long_size = 0
    for kind, place, length in _chunks(read_at, 12, 4, little=True, even=True):
        if kind == b"ds64":
            long_size = int.from_bytes(read_at(place, _WAV_LONG_SIZE.stop)[_WAV_LONG_SIZE], "little")
        elif kind == b"data":
            return _of(long_size if long_size and length == 0xFFFFFFFF else length, size - place)
    return None


def _aiff(read_at: ReadAt, size: int) -> MissingEnd | None:
    for kind, place, length in _chunks(read_at, 12, 4, little=False, even=True):
        if kind == b"SSND":
            return _of(length, size - place)
    return None


def _caf(read_at: ReadAt, size: int) -> MissingEnd | None:
    for kind, place, length in _chunks(read_at, 8, 8, little=False, even=False):
        if kind == b"data":
            return _of(length, size - place)
    return None


def _au(read_at: ReadAt, size: int) -> MissingEnd | None:
    header = read_at(0, 12)
    return _of(int.from_bytes(header[8:], "big"), size - int.from_bytes(header[4:8], "big"))


def _asf(read_at: ReadAt, size: int) -> MissingEnd | None:
    place = int.from_bytes(read_at(0, _ASF_OBJECT_BYTES)[16:], "little")
    data = read_at(place, _ASF_OBJECT_BYTES) if place < size else b""
    length = int.from_bytes(data[16:], "little")
    return _of(length, size - place) if data.startswith(_ASF_DATA) and length > _ASF_DATA_BYTES else None


def _matroska(read_at: ReadAt, size: int) -> MissingEnd | None:
    """The segment of a live stream has no size (RFC 8794, section 6.2), that of a file gets it at the end."""
    header = read_at(0, _EBML_HEADER_BYTES)
    length, width = _ebml_size(header[_EBML_ID_BYTES:])
    place = _EBML_ID_BYTES + width + length
    header = read_at(place, _EBML_HEADER_BYTES) if place < size else b""
    if not header.startswith(_MATROSKA_SEGMENT):
        return None
    length, width = _ebml_size(header[_EBML_ID_BYTES:])
    if length == (1 << 7 * width) - 1:
        return None
    return _of(length, size - (place + _EBML_ID_BYTES + width))


def _ebml_size(data: bytes) -> tuple[int, int]:
    """A size and the bytes that it takes: one more than zeros stand before the first bit that is set."""
    width = 9 - data[0].bit_length() if data else 1
    return int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1), width


def _ogg(read_at: ReadAt, size: int) -> MissingEnd | None:
    """Whether the last page (RFC 3533, section 6) is not all there.

    That its flag for the end of the stream is missing proves nothing: a recording of a live stream has none.
    """
    tail = read_at(max(0, size - LONGEST_OGG_PAGE), LONGEST_OGG_PAGE)
    place = tail.rfind(b"OggS\0")
    if place < 0:
        return None
    page = tail[place:]
    if len(page) < _OGG_HEADER_BYTES:
        return MissingEnd()
    segments = page[_OGG_HEADER_BYTES - 1]
    lengths = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + segments]
    whole = len(lengths) == segments and len(page) >= _OGG_HEADER_BYTES + segments + sum(lengths)
    return None if whole else MissingEnd()


def _fragmented_mp4(read_at: ReadAt, size: int) -> MissingEnd | None:
    """Whether the last fragment (ISO/IEC 14496-12, 8.8) is not all there; without fragments the samples are
    counted."""
    fragmented = False
    for kind, end in _boxes(read_at, size):
        fragmented = fragmented or kind == b"moof"
        if end > size and fragmented and kind in _OF_FRAGMENTS:
            return MissingEnd()
    return None


def _of(told: int, there: int) -> MissingEnd | None:
    """For a piece that tells its size, and the bytes that are there from its beginning on."""
    if there >= told or any(told in unknown for unknown in _UNKNOWN_SIZES):
        return None
    return MissingEnd(max(there, 0) / told)


_LOOKS: tuple[tuple[re.Pattern[bytes], Callable[[ReadAt, int], MissingEnd | None]], ...] = (
    (re.compile(rb"OggS"), _ogg),
    (re.compile(rb"....ftyp", re.DOTALL), _fragmented_mp4),
    (re.compile(rb"\x1a\x45\xdf\xa3"), _matroska),
    (re.compile(rb"(?:RIFF|RF64|BW64)....WAVE", re.DOTALL), _wav),
    (re.compile(rb"FORM....AIF[FC]", re.DOTALL), _aiff),
    (re.compile(rb"caff"), _caf),
    (re.compile(rb"\.snd"), _au),
    (re.compile(rb"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa"), _asf),
)
"""How each container begins, and who looks at it."""
