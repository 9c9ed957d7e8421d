"""Reads as much of the FLAC format (RFC 9639) as tells whether a file is one stream from end to end.

Joined files, as `cat a.flac b.flac` makes them, hold a stream behind a stream, each with a clock of its own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BEGINNING = re.compile(rb"fLaC[\x00\x80]\0\0\x22")
"""The marker of a stream and the header of its STREAMINFO (sections 6, 8.1 and 8.2)."""
_HEAD_BYTES = 1 << 16
_STREAMINFO_BYTES = 34
_LAST_BLOCK = 0x80
_TAGS_BYTES = 4096
"""Looked through behind the last frame: short tags may be appended."""
_FRAME = re.compile(rb"\xff[\xf8\xf9][^\0-\x0f]", re.DOTALL)
_FRAME_HEADER_BYTES = 16
_BLOCK_IN_ONE_BYTE, _BLOCK_IN_TWO_BYTES = 6, 7
_SAMPLES_IN_A_BLOCK = {
    1: 192, 2: 576, 3: 1152, 4: 2304, 5: 4608, 8: 256, 9: 512,
    10: 1024, 11: 2048, 12: 4096, 13: 8192, 14: 16384, 15: 32768,
}  # fmt: skip
_CRC_POLYNOMIAL = 0x107


def is_one_stream(read_at: Callable[[int, int], bytes], size: int) -> bool:
    """Whether the last frame of a file is the last that its first stream counts. False also where that
    cannot be told: the header counts no samples, the end is missing, long tags follow.

    `read_at(offset, size)` gives the bytes of a file that is `size` bytes long.
    """
    head = read_at(0, _HEAD_BYTES)
    found = BEGINNING.search(head)
    if found is None:
        return False
    info = head[found.end() : found.end() + _STREAMINFO_BYTES]
    block, longest = int.from_bytes(info[2:4], "big"), int.from_bytes(info[7:10], "big")
    samples = int.from_bytes(info[13:18], "big") & (1 << 36) - 1
    if not block or not longest or not samples:
        return False
    room = -(-samples // block) * longest + _TAGS_BYTES
    if size - _end_of_metadata(read_at, found.start() + 4) > room:
        return False  # another stream of the same length may follow
    tail = read_at(max(0, size - longest - _TAGS_BYTES), longest + _TAGS_BYTES)
    return any(_end_of_block(tail[frame.start() :], block) == samples for frame in _FRAME.finditer(tail))


def _end_of_metadata(read_at: Callable[[int, int], bytes], offset: int) -> int:
    while len(header := read_at(offset, 4)) == 4:  # a type and the length
        offset += 4 + int.from_bytes(header[1:], "big")
        if header[0] & _LAST_BLOCK:
            break
    return offset


def _end_of_block(data: bytes, stream_block: int) -> int | None:
    """How many samples of the stream are over at the end of the frame that begins here; None when none does.
    (Section 9.1.)"""
    first = data[4] if len(data) > _FRAME_HEADER_BYTES else 0xFF
    leading = f"{first:08b}".find("0")  # how many bytes the number takes, as in UTF-8
    if leading in (-1, 1, 8):
        return None
    number, at = first & 0x7F >> leading, 4 + max(1, leading)
    for byte in data[5:at]:
        number = number << 6 | byte & 0x3F
    code = data[2] >> 4
    if code in (_BLOCK_IN_ONE_BYTE, _BLOCK_IN_TWO_BYTES):
        length = code - _BLOCK_IN_ONE_BYTE + 1
        samples = int.from_bytes(data[at : at + length], "big") + 1
        at += length
    else:
        samples = _SAMPLES_IN_A_BLOCK[code]
    at += {12: 1, 13: 2, 14: 2}.get(data[2] & 0xF, 0)  # the sample rate
    if _crc8(data[:at]) != data[at]:
        return None
    return samples + (number if data[1] & 1 else number * stream_block)


def _crc8(data: bytes) -> int:
    remainder = 0
    for byte in data:
        remainder ^= byte
        for _ in range(8):
            remainder <<= 1
            if remainder & 0x100:
                remainder ^= _CRC_POLYNOMIAL
    return remainder
