"""Reads what surrounds the audio of files without a container of their own, as MP3 is: the tags that taggers
append, and the frame before the first that tells the length."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_ID3V1_BYTES = 128
_APE_FOOTER = struct.Struct("<8sIIII8x")
_APE_HAS_HEADER = 1 << 31
_LYRICS3_END = b"LYRICS200"
_LYRICS3_SIZE_DIGITS = 6
_ID3V2_HEADER_BYTES = 10
_LENGTH_FRAME = re.compile(rb"Xing|Info|VBRI")
_FRAME_START_BYTES = 256


def end_of_audio(read_at: Callable[[int, int], bytes], size: int) -> int:
    """Offset at which the audio ends and only ID3v1, APEv2 and Lyrics3v2 tags follow, in any order.

    `read_at(offset, size)` gives the bytes of a file that is `size` bytes long. A demuxer that does not skip
    such a tag takes what looks like a frame in it, a cover above all, for audio.
    """
    end = size
    while True:
        start = max(0, end - _ID3V1_BYTES)
        length = _length_of_tag(read_at(start, end - start))
        if not 0 < length <= end:
            return end
        end -= length


def _length_of_tag(tail: bytes) -> int:
    """Bytes of the tag that ends with `tail`, 0 when there is none."""
    if len(tail) == _ID3V1_BYTES and tail.startswith(b"TAG"):
        return _ID3V1_BYTES
    if tail.endswith(_LYRICS3_END):
        digits = tail[: -len(_LYRICS3_END)][-_LYRICS3_SIZE_DIGITS:]
        return int(digits) + len(digits) + len(_LYRICS3_END) if digits.isdigit() else 0
    if len(tail) >= _APE_FOOTER.size:
        magic, _version, length, _items, flags = _APE_FOOTER.unpack(tail[-_APE_FOOTER.size :])
        if magic == b"APETAGEX":
            return int(length) + (_APE_FOOTER.size if flags & _APE_HAS_HEADER else 0)
    return 0


def tells_length(read_at: Callable[[int, int], bytes]) -> bool:
    """Whether the first frame of an MP3 is one of Xing, LAME or Fraunhofer that counts the frames."""
    header = read_at(0, _ID3V2_HEADER_BYTES)
    begin = 0
    if header.startswith(b"ID3") and len(header) == _ID3V2_HEADER_BYTES:
        size = 0
        for byte in header[6:]:  # seven bits each (ID3v2.4, section 6.2)
            size = size << 7 | byte & 0x7F
        begin = _ID3V2_HEADER_BYTES + size
    return _LENGTH_FRAME.search(read_at(begin, _FRAME_START_BYTES)) is not None
