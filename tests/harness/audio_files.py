"""Makes real audio files for tests: every format that can be written, odd layouts, and no audio at all."""

from __future__ import annotations

import functools
import struct
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from musicsim_tui.audio.encode import NO_TAGS, WRITABLE_SUFFIXES, write_audio

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples, Tags

RATE = 44100
EVERY_SUFFIX = WRITABLE_SUFFIXES
"""Twelve formats: lossy and lossless, every container that people keep music in."""


def tone(
    frequency: float = 440.0, seconds: float = 3.0, *, rate: int = RATE, amplitude: float = 0.3
) -> Samples:
    """A sine, shape (samples,)."""
    times = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * times)).astype(np.float32)


@functools.lru_cache(maxsize=32)
def music(seed: int, seconds: float = 3.0, *, rate: int = RATE) -> Samples:
    """Something with notes, overtones and a beat, shape (samples,); every seed sounds different.

    Many tests hear the same pieces: each is made once in a process, and cannot be written to.
    """
    random = np.random.default_rng(seed)
    audio = np.zeros(round(seconds * rate))
    step = round(random.uniform(0.15, 0.4) * rate)
    decay = random.uniform(3.0, 12.0)
    strengths = random.uniform(0.1, 1.0, 6) / np.arange(1, 7)
    scale = 110 * 2 ** (random.integers(0, 24) / 12) * 2 ** (np.array([0, 2, 4, 7, 9, 12]) / 12)
    times = np.arange(min(2 * step, len(audio))) / rate
    turns = 2 * np.pi * np.arange(1, 7)[:, np.newaxis] * times
    strokes: dict[float, NDArray[np.float64]] = {}
    for start in range(0, len(audio), step):
        note = float(random.choice(scale))
        if note not in strokes:
            strokes[note] = strengths @ np.sin(note * turns) * np.exp(-decay * times)
        audio[start : start + len(times)] += strokes[note][: len(audio) - start]
    audio += 0.01 * random.standard_normal(len(audio))
    audio *= 0.5 / np.abs(audio).max()
    made = audio.astype(np.float32)
    made.flags.writeable = False
    return made


def write_tone(
    path: Path,
    frequency: float = 440.0,
    seconds: float = 3.0,
    *,
    rate: int = RATE,
    channels: int = 1,
    tags: Tags = NO_TAGS,
) -> Path:
    """A sine in the format of the suffix."""
    write_audio(path, np.stack([tone(frequency, seconds, rate=rate)] * channels), rate, tags)
    return path


def write_music(path: Path, seed: int, seconds: float = 3.0, *, tags: Tags = NO_TAGS) -> Path:
    """Something musical in the format of the suffix, in mono."""
    write_audio(path, music(seed, seconds), RATE, tags)
    return path


def write_channels(
    path: Path,
    planes: Samples,
    layout: str,
    codec: str,
    *,
    rate: int = RATE,
    options: Mapping[str, str] | None = None,
    container_options: Mapping[str, str] | None = None,
    sample_format: str | None = None,
) -> Path:
    """Any layout with any encoder. `planes` has shape (channels, samples); the encoder chooses how it takes
    samples unless told."""
    import av

    with av.open(str(path), "w", options=dict(container_options or {})) as container:
        stream = container.add_stream(cast("Any", codec), rate=rate, options=dict(options or {}))
        stream.layout = layout
        if sample_format is not None:
            stream.format = sample_format
        for start in range(0, planes.shape[1], rate):
            block = np.ascontiguousarray(planes[:, start : start + rate].T).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_long_wav(path: Path, seconds: int, *, rate: int = 8000, frequency: float = 440.0) -> Path:
    """A long mono recording, quickly: one second of a sine, over and over."""
    second = (tone(frequency, 1.0, rate=rate) * 32767).astype("<i2").tobytes()
    path.write_bytes(wav_header(rate, 1, len(second) * seconds) + second * seconds)
    return path


def wav_header(rate: int, channels: int, data_bytes: int, *, bits: int = 16, encoding: int = 1) -> bytes:
    """What stands before the samples in a WAV file; `encoding` is 1 for integers, 3 for floats."""
    frame_bytes = channels * bits // 8
    layout = struct.pack("<IHHIIHH", 16, encoding, channels, rate, rate * frame_bytes, frame_bytes, bits)
    data = b"data" + struct.pack("<I", data_bytes)
    return b"RIFF" + struct.pack("<I", 36 + data_bytes) + b"WAVEfmt " + layout + data


def write_ordered(path: Path, planes: Samples, labels: Sequence[int]) -> Path:
    """An AIFF file in 16 bits at 44.1 kHz whose channels stand in an order of its own: Core Audio's label for
    each of `planes`, shape (channels, samples)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)

    channels, samples = planes.shape
    rate = bytes.fromhex("400eac44000000000000")  # an extended float
    order = b"".join(struct.pack(">II12x", label, 0) for label in labels)
    data = np.round(planes.T * 32767).astype(">i2").tobytes()
    chunks = (
        chunk(b"COMM", struct.pack(">HIH", channels, samples, 16) + rate),
        chunk(b"CHAN", struct.pack(">III", 0, 0, len(labels)) + order),
        chunk(b"SSND", bytes(8) + data),
    )
    path.write_bytes(chunk(b"FORM", b"AIFF" + b"".join(chunks)))
    return path


def remux(source: Path, target: Path, metadata: Mapping[str, str] | None = None) -> Path:
    """The same packets of the first audio stream in another container, with other tags."""
    import av

    with av.open(str(source)) as opened, av.open(str(target), "w") as written:
        stream = opened.streams.audio[0]
        copy = written.add_stream_from_template(stream)
        written.metadata.update(metadata or {})
        for packet in opened.demux(stream):
            if packet.size:
                packet.stream = copy
                written.mux(packet)
    return target


def write_silent_film(path: Path) -> Path:
    """A video without any sound."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for _ in range(10):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def png_picture() -> bytes:
    """A picture of 2 x 2 red pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\xff\0\0" * 2) * 2)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def id3v2(title: str, *, picture: bytes = b"") -> bytes:
    """An ID3v2.3 tag, as a tagger puts it before an MP3: a title and, perhaps, a PNG cover."""

    def frame(kind: bytes, data: bytes) -> bytes:
        return kind + struct.pack(">IH", len(data), 0) + data

    frames = frame(b"TIT2", b"\x01" + title.encode("utf-16"))
    if picture:
        frames += frame(b"APIC", b"\0image/png\0\x03\0" + picture)
    size = len(frames)
    return b"ID3\x03\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + frames


def id3v1(title: bytes, artist: bytes = b"", year: bytes = b"") -> bytes:
    """An ID3v1 tag, as a tagger puts it behind an MP3: no encoding is declared."""
    return b"TAG" + struct.pack("30s30s30s4s30sB", title, artist, b"", year, b"", 255)


def apev2(items: Mapping[bytes, bytes], *, header: bool = True) -> bytes:
    """An APEv2 tag, as foobar2000 and mp3gain put it behind an MP3."""
    body = b"".join(struct.pack("<II", len(value), 0) + key + b"\0" + value for key, value in items.items())

    def edge(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII8x", 2000, len(body) + 32, len(items), flags)

    with_header = (1 << 31) * header
    return (edge(with_header | 1 << 29) if header else b"") + body + edge(with_header)


def lyrics3(words: bytes) -> bytes:
    """A Lyrics3v2 tag; an ID3v1 tag has to follow."""
    body = b"LYRICSBEGINLYR" + b"%05d" % len(words) + words
    return body + b"%06dLYRICS200" % len(body)


def without_id3v2(data: bytes) -> bytes:
    """An MP3 without the tag that stands before it."""
    if not data.startswith(b"ID3"):
        return data
    size = sum((byte & 0x7F) << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    return data[10 + size :]
