"""Who a file is: the identity of its sound, and what it says of itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from musicsim_tui.audio.source import open_audio
from musicsim_tui.audio.tags import read_tags
from musicsim_tui.errors import AudioError
from musicsim_tui.track import Tags, TrackId

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.packet import Packet

    from musicsim_tui.audio.source import AudioSource
    from musicsim_tui.jobs import CancelToken

_DIGEST_BYTES = 16
_AGREEMENT_SECONDS = 1.0
"""Encoder delay and padding are in the packets and not in the header: they stay well below this."""
_LONGEST_PACKET_SECONDS = 60.0
"""No codec packs more; an Ogg file whose clock wraps around claims a packet of 27 hours."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """What can be learned of a file without decoding it. Lengths in seconds, `sample_rate` in Hz.

    `header_duration` is what the container claims; a file that was cut off still claims its old length, and
    a variable bit rate without an index is guessed at. `packet_duration` is the sum over the packets that
    are there. Either is None where the format does not tell.
    """

    track_id: TrackId
    tags: Tags
    header_duration: float | None
    packet_duration: float | None
    codec: str
    sample_rate: int
    channels: int

    @property
    def expected_seconds(self) -> float | None:
        """The best guess before decoding: what the container claims, unless the packets contradict it."""
        header, packets = self.header_duration, self.packet_duration
        if header is None or packets is None:
            return header if packets is None else packets
        return header if abs(header - packets) < _AGREEMENT_SECONDS else packets


def examine(path: Path, *, cancel: CancelToken | None = None) -> AudioFile:
    """Identity, tags and format of a file, in one pass over its packets and without decoding any.

    The identity is a UUID (RFC 9562, version 8) around the BLAKE2b hash of the bytes of every packet of the
    first audio stream: tags, pictures, container, name and place do not enter. Remuxing keeps it wherever
    it keeps the packets: between MP4, Matroska/WebM, Ogg and the native formats, except out of ADTS (.aac),
    whose packets carry a header each.

    Raises AudioError when the file is no audio or holds no packets, StorageError when the disk or share
    fails, Cancelled.
    """
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with open_audio(path, cancel) as source:
        # Asked for before the packets, whose iteration may go on to another container.
        stream = source.stream
        tags = read_tags(source.container.metadata, stream.metadata)
        header_duration = source.header_seconds
        codec = stream.codec_context.codec.canonical_name
        sample_rate, channels = stream.sample_rate, stream.channels
        packet_duration = 0.0
        hashed_bytes = 0
        for packet, duration in _with_durations(source):
            digest.update(packet)
            hashed_bytes += packet.size
            packet_duration += duration
    if not hashed_bytes:
        raise AudioError(
            "The file holds no audio data.", "Its download or copy did not finish: fetch it again."
        )
    return AudioFile(
        track_id=TrackId(_uuid(digest.digest())),
        tags=tags,
        header_duration=header_duration,
        packet_duration=packet_duration or None,
        codec=codec,
        sample_rate=sample_rate,
        channels=channels,
    )


def header_seconds(path: Path, *, cancel: CancelToken | None = None) -> float | None:
    """The length that a file claims, None where it claims none; quick, because no packet is read.

    Raises AudioError, StorageError and Cancelled, as `examine` does.
    """
    with open_audio(path, cancel) as source:
        return source.header_seconds


def _with_durations(source: AudioSource) -> Iterator[tuple[Packet[AudioStream], float]]:
    """Each packet and its length in seconds, 0 where it is not known."""
    stream: AudioStream | None = None
    time_base = 0.0
    for packet in source.packets():
        if packet.stream is not stream:
            stream = packet.stream
            time_base = float(stream.time_base or 0)
        seconds = (packet.duration or 0) * time_base
        yield packet, seconds if seconds < _LONGEST_PACKET_SECONDS else 0.0


def _uuid(digest: bytes) -> UUID:
    """Sets the version and variant bits that RFC 9562, section 5.8, asks for."""
    number = int.from_bytes(digest, "big")
    number &= ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=number | 0x8 << 76 | 0x2 << 62)
