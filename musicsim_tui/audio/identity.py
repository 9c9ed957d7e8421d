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
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.packet import Packet

    from musicsim_tui.audio.source import AudioSource
    from musicsim_tui.jobs import CancelToken

_DIGEST_BYTES = 16
_UNCOMPRESSED = "pcm_"
_COUNTING_CONTAINERS = frozenset({"flac", "wv", "tta"})
"""Those that count the samples in their header; MP4 does so for each stream, MP3 in a frame of its own."""
_MP4 = "mov,mp4,m4a,3gp,3g2,mj2"
_MATROSKA = "matroska,webm"
_WHOLE_SHARE, _WHOLE_WITHIN_SECONDS = 0.98, 1.0
"""A recording this much shorter than its container says is whole: encoders pad, and headers are rounded."""
_AGREEMENT_SECONDS = 1.0
"""Encoder delay and padding are in the packets and not in the header: they stay well below this."""
_LONGEST_PACKET_SECONDS = 60.0
"""No codec packs more; an Ogg file whose clock wraps around claims a packet of 27 hours."""


@dataclass(frozen=True, slots=True)
class AudioFile:
    """What can be learned of a file without decoding it. Lengths in seconds, `sample_rate` in Hz.

    `header_duration` is what the container claims; a file that was cut off still claims its old length, and
    a variable bit rate without an index is guessed at. `packet_duration` is the sum over the packets that
    are there. `exact_duration` is what the container claims where such a claim is exact: a file with less in
    it was cut off. Each is None where the format does not tell. `breaks_off`: the file ends in the middle of
    a page or fragment, and nothing tells how much should follow.
    """

    track_id: TrackId
    tags: Tags
    header_duration: float | None
    packet_duration: float | None
    codec: str
    sample_rate: int
    channels: int
    exact_duration: float | None = None
    breaks_off: bool = False

    @property
    def expected_seconds(self) -> float | None:
        """The best guess before decoding: what the container claims, unless the packets contradict it."""
        header, packets = self.header_duration, self.packet_duration
        if header is None or packets is None:
            return header if packets is None else packets
        return header if abs(header - packets) < _AGREEMENT_SECONDS else packets

    def falls_short(self, seconds: float) -> bool:
        """Whether a recording of which so many seconds can be decoded is shorter than its exact duration."""
        exact = self.exact_duration
        return exact is not None and seconds < _WHOLE_SHARE * exact - _WHOLE_WITHIN_SECONDS

    def is_cut_off(self, seconds: float) -> bool:
        """Whether a recording of which so many seconds can be decoded lacks its end."""
        return self.breaks_off or self.falls_short(seconds)


def examine(path: Path, *, cancel: CancelToken | None = None) -> AudioFile:
    """Identity, tags and format of a file, in one pass over its packets and without decoding any.

    The identity is a UUID (RFC 9562, version 8) around the BLAKE2b hash of the bytes of every packet of the
    first audio stream, for PCM also of codec, rate and number of channels: tags, pictures, container, name
    and place do not enter. Remuxing keeps it wherever it keeps the packets: between MP4, Matroska/WebM, Ogg
    and the native formats, except out of ADTS (.aac), whose packets carry a header each.

    Raises AudioError when the file is no audio or holds no packets, StorageError when the disk or share
    fails, Cancelled.
    """
    with open_audio(path, cancel) as source:
        examination = Examination(source)
        for packet in source.packets():
            examination.add(packet)
    return examination.finish()


class Examination:
    """`examine`, for somebody who goes through the packets of a source anyway: made before the first packet
    is asked for, given every one, and finished."""

    def __init__(self, source: AudioSource) -> None:
        # Asked for before the packets, whose iteration may go on to another container.
        stream = source.stream
        self._tags = read_tags(source.container.metadata, stream.metadata)
        self._header_duration = source.header_seconds
        self._counted_duration = _counted_duration(source)
        self._missing_end = source.reader.missing_end()
        self._in_matroska = source.container.format.name == _MATROSKA
        self._alone = len(source.container.streams) == 1
        self._codec = stream.codec_context.codec.canonical_name
        self._sample_rate, self._channels = stream.sample_rate, stream.channels
        self._digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        if self._codec.startswith(_UNCOMPRESSED):
            # Such packets do not say how they are to be played; compressed ones do.
            self._digest.update(f"{self._codec} {self._sample_rate} {self._channels}".encode())
        self._seconds = 0.0
        self._stream: AudioStream | None = None
        self._time_base = 0.0

    def add(self, packet: Packet[AudioStream]) -> None:
        """Take in the next packet, which holds some bytes."""
        if packet.stream is not self._stream:
            self._stream = packet.stream
            self._time_base = float(packet.stream.time_base or 0)
        self._digest.update(packet)
        seconds = (packet.duration or 0) * self._time_base
        if seconds < _LONGEST_PACKET_SECONDS:
            self._seconds += seconds

    def finish(self) -> AudioFile:
        """What was learned. Raises AudioError when there was no packet."""
        if self._stream is None:
            raise AudioError(
                "The file holds no audio data.", "Its download or copy did not finish: fetch it again."
            )
        exact, missing = self._exact_duration(), self._missing_end
        return AudioFile(
            track_id=TrackId(_uuid(self._digest.digest())),
            tags=self._tags,
            header_duration=self._header_duration,
            packet_duration=self._seconds or None,
            codec=self._codec,
            sample_rate=self._sample_rate,
            channels=self._channels,
            exact_duration=exact,
            breaks_off=missing is not None and exact is None,
        )

    def _exact_duration(self) -> float | None:
        missing = self._missing_end
        if missing is None:
            return self._counted_duration
        if missing.share is None:  # what is counted then may be no more than there is
            return None
        if self._in_matroska:  # which counts pictures in, and gaps: of a whole file it proves nothing
            return self._header_duration if self._alone else None
        if not missing.share or not self._seconds:
            return None
        return round(self._seconds / missing.share, 1)  # what a packet lacks is in the share alone


def header_seconds(path: Path, *, cancel: CancelToken | None = None) -> float | None:
    """The length that a file claims, None where it claims none; quick, because no packet is read.

    Raises AudioError, StorageError and Cancelled, as `examine` does.
    """
    with open_audio(path, cancel) as source:
        return source.header_seconds


def _counted_duration(source: AudioSource) -> float | None:
    """The length of the stream by the samples that the container counts, None where it counts none."""
    name, stream = source.container.format.name, source.stream
    if name == _MP4:  # whose pictures may go on for longer than the sound
        return float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
    counts = name in _COUNTING_CONTAINERS or (name == "mp3" and source.reader.begins_with_length())
    return source.header_seconds if counts else None


def _uuid(digest: bytes) -> UUID:
    """Sets the version and variant bits that RFC 9562, section 5.8, asks for."""
    number = int.from_bytes(digest, "big")
    number &= ~(0xF << 76) & ~(0x3 << 62)
    return UUID(int=number | 0x8 << 76 | 0x2 << 62)
