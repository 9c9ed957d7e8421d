"""Decodes any audio file to blocks at one rate: mono to be heard by a model, stereo by a person."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from musicsim_tui.audio import mixing
from musicsim_tui.audio.changes import ChangeWatch
from musicsim_tui.audio.identity import Examination
from musicsim_tui.audio.source import open_audio
from musicsim_tui.errors import AudioError

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.codeccontext import AudioCodecContext
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream

    from musicsim_tui.audio.changes import FormatChange
    from musicsim_tui.audio.identity import AudioFile
    from musicsim_tui.audio.source import AudioSource
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Samples

_MIN_SAMPLE_RATE = 1000
_PREROLL_SECONDS = 0.25
"""Decoded before the place asked for: codecs that lean on earlier packets (the bit reservoir of MP3, the
80 ms that RFC 7845 asks for in Opus) sound right when it comes."""
_TOO_NEAR_TO_SEEK_SECONDS = 2.0
"""Decoding as much from the start is as fast as going there."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What to make of a file. `portion` is the length of a block in seconds."""

    path: Path
    rate: int
    matrix: Callable[[Sequence[str]], mixing.Matrix]
    portion: float
    start: float = 0.0
    identify: bool = False


@dataclass(slots=True)
class _Tally:
    header_seconds: float | None = None
    mixed_samples: int = 0
    delivered_samples: int = 0
    decoded_packets: int = 0
    damaged_packets: int = 0
    changes: ChangeWatch = field(default_factory=ChangeWatch)
    examination: Examination | None = None


class AudioBlocks(Iterator["Samples"]):
    """The blocks of one file, and what has been met in it so far."""

    def __init__(self, task: _Task, cancel: CancelToken | None) -> None:
        self.rate = task.rate
        self._tally = _Tally()
        self._blocks = _decode(task, cancel, self._tally)

    def __next__(self) -> Samples:
        return next(self._blocks)

    @property
    def seconds(self) -> float:
        """Length of what was delivered so far: the true duration, once the blocks from the start of the
        file are exhausted."""
        return self._tally.delivered_samples / self.rate

    @property
    def header_seconds(self) -> float | None:
        """The duration that the file claims, from the first block on; None where it claims none."""
        return self._tally.header_seconds

    @property
    def audio_file(self) -> AudioFile:
        """What `examine` tells of the file, once the blocks are exhausted, where that was asked for."""
        if self._tally.examination is None:
            raise ValueError("nobody asked who the file is")
        return self._tally.examination.finish()

    @property
    def change(self) -> FormatChange | None:
        """Where the sample rate or the number of channels first changes, once the blocks are exhausted."""
        return self._tally.changes.finish()

    @property
    def damaged_packets(self) -> int:
        """Places that could not be read or decoded and were passed over."""
        return self._tally.damaged_packets

    def close(self) -> None:
        """Close the file before the blocks are exhausted; dropping the last reference does the same."""
        self._blocks.close()


def decode_mono(
    path: Path, rate: int, *, cancel: CancelToken | None = None, identify: bool = False
) -> AudioBlocks:
    """The audio of a file as float32 blocks of about one second, shape (samples,), at `rate` Hz.

    Mono is the mean of the channels, as librosa has it. Encoder delay and padding are removed where the file
    declares them. Damaged packets are passed over and counted; the sample rate and the number of channels
    may change in the middle. Samples are finite, and beyond [-1, 1] only where the recording is. Who asks to
    `identify` the file finds `audio_file` on the blocks at the end: cheaper than an `examine` before.

    Nothing is opened before the first block is asked for. While iterating, raises AudioError when the file
    is no audio, holds none, or is damaged in most of its packets; StorageError when the disk or share fails;
    Cancelled. Blocks that came before the error are good.
    """
    return AudioBlocks(_checked(_Task(path, rate, mixing.mono, 1.0, identify=identify)), cancel)


def decode_stereo(
    path: Path, rate: int, *, start: float = 0.0, cancel: CancelToken | None = None
) -> AudioBlocks:
    """The audio of a file from `start` seconds on, as float32 blocks of about 0.2 s, shape (2, samples).

    Everything else is as with `decode_mono`. The first sample is the one that stands at `start` when the
    file is decoded from its beginning, whatever its format; a `start` behind the end gives no blocks.
    """
    return AudioBlocks(_checked(_Task(path, rate, mixing.stereo, 0.2, max(0.0, start))), cancel)


def _checked(task: _Task) -> _Task:
    if task.rate <= 0:
        raise ValueError(f"rate must be positive, not {task.rate}")
    return task


def _decode(task: _Task, cancel: CancelToken | None, tally: _Tally) -> Generator[Samples, None, None]:
    # The package before any part of it: two threads that load it from both ends find it half made.
    import av

    with open_audio(task.path, cancel) as source:
        tally.header_seconds = source.header_seconds
        if task.identify:
            tally.examination = Examination(source)
        try:
            frames, early_seconds = _frames_near(source, task.start, tally)
            early = round(early_seconds * task.rate)
            for block in _mixed(frames, source, task, tally.changes):
                tally.mixed_samples += block.shape[-1]
                wanted = block[..., min(early, block.shape[-1]) :]
                early -= block.shape[-1] - wanted.shape[-1]
                if wanted.shape[-1]:
                    tally.delivered_samples += wanted.shape[-1]
                    yield wanted[0] if len(wanted) == 1 else wanted
        except av.FFmpegError as error:  # of converting: decoding errors are counted
            raise AudioError(
                "The audio has a format that cannot be mixed.", "Convert it to MP3 or FLAC."
            ) from error
    if tally.examination is not None:
        tally.examination.finish()  # without a packet, that is the error to tell
    if not tally.mixed_samples:
        raise AudioError(
            "Nothing in the file can be decoded.", "It is damaged or no audio: fetch or copy it again."
        )
    if tally.damaged_packets > tally.decoded_packets:
        raise AudioError("Most of the file is damaged.", "Fetch or copy it again from where it came.")


def _mixed(
    frames: Iterator[AudioFrame], source: AudioSource, task: _Task, changes: ChangeWatch
) -> Iterator[Samples]:
    mixer: mixing.Mixer | None = None
    for frame in frames:
        if mixer is None or not mixer.push(frame):
            if not frame.samples or frame.sample_rate < _MIN_SAMPLE_RATE:
                continue
            if mixer is not None:
                changes.add(mixer.rate, mixer.channels, mixer.samples)
                yield mixer.mix(last=True)
            mixer = mixing.Mixer(frame, task.rate, task.matrix(_channels(frame, source)), task.portion)
            mixer.push(frame)
        if mixer.full:
            yield mixer.mix()
    if mixer is not None:
        changes.add(mixer.rate, mixer.channels, mixer.samples)
        yield mixer.mix(last=True)


def _channels(frame: AudioFrame, source: AudioSource) -> Sequence[str]:
    """The names of the channels of a frame, in their order."""
    told = source.channels
    if told is not None and len(told) == frame.layout.nb_channels:
        return told
    return [channel.name for channel in frame.layout.channels]


def _frames_near(source: AudioSource, start: float, tally: _Tally) -> tuple[Iterator[AudioFrame], float]:
    """Frames from a place at or before `start` on, and the seconds from there to `start`.

    Where a file has no clock to go by, that is its beginning: slower, as right.
    """
    frames = _frames(source, tally)
    if start < _TOO_NEAR_TO_SEEK_SECONDS or not source.seekable:
        return frames, start
    origin = next(frames, None)
    if origin is None or origin.time is None:
        return (frames if origin is None else chain([origin], frames)), start
    if source.seek(origin.time + start - _PREROLL_SECONDS):
        frames = _frames(source, tally)
        landed = next(frames, None)
        if landed is not None and landed.time is not None and landed.time - origin.time <= start:
            return chain([landed], frames), start - (landed.time - origin.time)
    source.restart()
    return _frames(source, tally), start


def _frames(source: AudioSource, tally: _Tally) -> Iterator[AudioFrame]:
    from av.error import FFmpegError

    examination = tally.examination
    stream: AudioStream | None = None
    decoder: AudioCodecContext | None = None
    for packet in source.packets():
        if examination is not None:
            examination.add(packet)
        if decoder is None or packet.stream is not stream:
            yield from _kept_back(decoder)
            stream, decoder = packet.stream, packet.stream.codec_context
        try:
            yield from decoder.decode(packet)
            tally.decoded_packets += 1
        except FFmpegError:
            source.damaged += 1
            tally.damaged_packets = source.damaged
    tally.damaged_packets = source.damaged
    yield from _kept_back(decoder)


def _kept_back(decoder: AudioCodecContext | None) -> list[AudioFrame]:
    """What a decoder has not given out yet."""
    from av.error import FFmpegError

    try:
        return decoder.decode(None) if decoder is not None else []
    except FFmpegError:
        return []
