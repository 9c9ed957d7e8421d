"""Writes audio files: the encoder and container that a suffix stands for, tags included."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from musicsim_tui.audio.reader import storage_error
from musicsim_tui.audio.source import open_audio
from musicsim_tui.errors import AudioError, StorageError
from musicsim_tui.track import Tags

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.stream import AudioStream
    from av.container import OutputContainer

    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Samples

NO_TAGS = Tags()
MP3_QUALITY = 2.0
"""LAME's -V scale, 0 best to 9.9 smallest; 2 is about 190 kbit/s for music in stereo."""
_LAMBDA_PER_QUALITY = 118
"""FFmpeg's FF_QP2LAMBDA: quality levels are handed over as multiples of it."""


@dataclass(frozen=True, slots=True)
class _Target:
    """What a suffix stands for. `kilobits` a second for each channel, None where the codec decides."""

    container: str
    codec: str
    kilobits: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    channels: int | None = None
    max_rate: int | None = None


_TARGETS = {
    ".mp3": _Target("mp3", "libmp3lame", container_options={"id3v2_version": "3"}),
    ".m4a": _Target("ipod", "aac", 96),
    ".mp4": _Target("mp4", "aac", 96),
    ".aac": _Target("adts", "aac", 96, container_options={"write_id3v2": "1"}),
    ".opus": _Target("opus", "libopus", 64),
    ".webm": _Target("webm", "libopus", 64),
    # FFmpeg's own Vorbis encoder knows two channels only, and counts as experimental.
    ".ogg": _Target("ogg", "vorbis", options={"strict": "experimental"}, channels=2),
    ".flac": _Target("flac", "flac"),
    ".mka": _Target("matroska", "flac"),
    ".wav": _Target("wav", "pcm_s16le"),
    ".aiff": _Target("aiff", "pcm_s16be", container_options={"write_id3v2": "1"}),
    ".wma": _Target("asf", "wmav2", 96, max_rate=48000),
}
WRITABLE_SUFFIXES = tuple(_TARGETS)


def write_audio(
    path: Path,
    blocks: Iterable[Samples] | Samples,
    rate: int,
    tags: Tags = NO_TAGS,
    *,
    mp3_quality: float = MP3_QUALITY,
    cancel: CancelToken | None = None,
) -> None:
    """Encode audio as the format that the suffix of `path` stands for (`WRITABLE_SUFFIXES`).

    `blocks` is one array or a stream of them, float32: shape (samples,) for mono, or (channels, samples)
    with one or two channels, the same for every block. A rate that the format does not know is resampled to
    the next one above it; Ogg Vorbis is always stereo. Only a block is held in memory. The file appears
    whole or not at all: it is written beside itself as `.part`, flushed to the disk and renamed.

    Raises AudioError when the suffix is unknown, there is nothing to write or the encoder refuses;
    StorageError when the disk does; Cancelled.
    """
    target = _TARGETS.get(path.suffix.lower())
    if target is None:
        raise AudioError(
            f"Audio cannot be written as {path.suffix!r}.", f"Use one of {', '.join(WRITABLE_SUFFIXES)}."
        )
    with _whole(path) as sink:
        _encode(sink, target, _blocks(blocks, rate, cancel), rate, tags, mp3_quality)


def rewrap_opus(path: Path, ogg: Path, *, cancel: CancelToken | None = None) -> None:
    """Put the Opus packets of a file, as they are, into an Ogg file, whose container has a place for tags.

    The file appears as one of `write_audio` does. Raises AudioError when the packets do not fit,
    StorageError, Cancelled.
    """
    import av
    from av.error import FFmpegError

    with open_audio(path, cancel) as source, _whole(ogg) as sink:
        try:
            with av.open(sink, "w", format="opus") as container:
                copy = container.add_stream_from_template(source.stream)
                for packet in source.packets():
                    packet.stream = copy
                    container.mux(packet)
                    sink.check()
            sink.check()
        except (FFmpegError, ValueError) as error:
            sink.check()
            raise AudioError(
                "The audio could not be put into an Ogg file.", "Convert it to another format, such as MP3."
            ) from error


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[_FileWriter]:
    """What is written appears at `path` when it is complete, or not at all."""
    part = path.with_name(path.name + ".part")
    try:
        sink = _FileWriter(part)
        try:
            yield sink
            sink.finish()
            os.replace(part, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(part)
            raise
        finally:
            sink.close()
    except PermissionError as error:
        raise StorageError(
            "The folder may not be written to.", "Give yourself permission or choose another folder."
        ) from error
    except OSError as error:
        raise storage_error(error) from error


class _FileWriter:
    """The file object that FFmpeg writes to. Keeps the first failure, which `check` raises."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by close()
        self._failure: OSError | None = None

    def write(self, data: bytes) -> int:
        if self._failure is None:
            try:
                rest = memoryview(data)
                while rest:
                    rest = rest[self._file.write(rest) or 0 :]
            except OSError as error:
                self._failure = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def finish(self) -> None:
        """Everything is on the disk when this returns."""
        self.check()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def _blocks(blocks: Iterable[Samples] | Samples, rate: int, cancel: CancelToken | None) -> Iterator[Samples]:
    """Blocks of shape (channels, samples), none longer than a second, none empty."""
    shape: int | None = None
    for block in (blocks,) if isinstance(blocks, np.ndarray) else blocks:
        planes = np.atleast_2d(block)
        if planes.ndim != 2 or planes.shape[0] not in (1, 2) or shape not in (None, planes.shape[0]):
            raise ValueError(f"a block must be (samples,) or (1 or 2 channels, samples), not {block.shape}")
        shape = planes.shape[0]
        for start in range(0, planes.shape[1], rate):
            if cancel is not None:
                cancel.check()
            yield np.ascontiguousarray(planes[:, start : start + rate], dtype=np.float32)


def _encode(
    sink: _FileWriter, target: _Target, blocks: Iterator[Samples], rate: int, tags: Tags, mp3_quality: float
) -> None:
    import av
    from av.error import FFmpegError

    first = next(blocks, None)
    if first is None:
        raise AudioError("There is no audio to write.", "Check what it is made from.")
    try:
        with av.open(
            sink, "w", format=target.container, options=target.container_options, metadata_errors="replace"
        ) as container:
            container.metadata.update(_metadata(tags))
            stream = _add_stream(container, target, first.shape[0], rate, mp3_quality)
            position = 0
            for block in _and_the_rest(first, blocks):
                _mux(container, stream, block, rate, position)
                sink.check()
                position += block.shape[1]
            container.mux(stream.encode(None))
        sink.check()
    except FFmpegError as error:
        sink.check()
        raise AudioError(
            f"The audio could not be encoded ({error.strerror}).", "Choose another format or sample rate."
        ) from error


def _and_the_rest(first: Samples, blocks: Iterator[Samples]) -> Iterator[Samples]:
    yield first
    yield from blocks


def _mux(container: OutputContainer, stream: AudioStream, block: Samples, rate: int, position: int) -> None:
    from av import AudioFrame

    if block.shape[0] < stream.channels:  # done here, because libswresample takes 3 dB off on this way
        block = np.repeat(block, stream.channels, axis=0)
    frame = AudioFrame.from_ndarray(block, format="fltp", layout="stereo" if block.shape[0] == 2 else "mono")
    frame.sample_rate = rate
    frame.time_base = Fraction(1, rate)
    frame.pts = position
    container.mux(stream.encode(frame))


def _add_stream(
    container: OutputContainer, target: _Target, channels: int, rate: int, mp3_quality: float
) -> AudioStream:
    from av.codec import Codec

    options = dict(target.options)
    if target.codec == "libmp3lame":
        options |= {"flags": "+qscale", "global_quality": str(round(mp3_quality * _LAMBDA_PER_QUALITY))}
    rates = Codec(target.codec, "w").audio_rates
    stream = cast(
        "AudioStream",
        container.add_stream(
            cast("Any", target.codec), rate=_encodable_rate(rates, target.max_rate, rate), options=options
        ),
    )
    channels = target.channels or channels
    stream.layout = "stereo" if channels == 2 else "mono"
    if target.kilobits is not None:
        stream.bit_rate = target.kilobits * 1000 * channels
    return stream


def _encodable_rate(rates: list[int] | None, highest: int | None, rate: int) -> int:
    """`rate`, or the nearest that the encoder takes, above it where there is one."""
    if rates and rate not in rates:
        return min((known for known in rates if known > rate), default=max(rates))
    return min(rate, highest or rate)


def _metadata(tags: Tags) -> dict[str, str]:
    named = {
        "title": tags.title,
        "artist": tags.artist,
        "album": tags.album,
        "date": "" if tags.year is None else f"{tags.year:04}",
    }
    return {key: value for key, value in named.items() if value}
