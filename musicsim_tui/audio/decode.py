"""Decodes any audio file to mono blocks at one rate."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from musicsim_tui.audio.source import open_audio
from musicsim_tui.errors import AudioError

if TYPE_CHECKING:
    from pathlib import Path

    from av.audio.codeccontext import AudioCodecContext
    from av.audio.frame import AudioFrame

    from musicsim_tui.audio.source import AudioSource
    from musicsim_tui.jobs import CancelToken
    from musicsim_tui.track import Samples

_RESAMPLER = "filter_size=96:cutoff=0.98"
"""Options of libswresample: flat to 0.93 of the Nyquist frequency, 92 dB down at 1.05 of it.

Its defaults lose 1 dB at 0.9 and let 22 dB through at 1.05."""
_MIN_SAMPLE_RATE = 1000
_MAX_PORTION = 1 << 19
"""Samples of all channels together that are mixed at once: a bound for absurd rates and layouts."""
_MAX_AMPLITUDE = 16.0
"""24 dB above full scale: more than any recording, less than what overflows."""


@dataclass(slots=True)
class _Tally:
    samples: int = 0
    decoded_packets: int = 0
    damaged_packets: int = 0


class MonoBlocks(Iterator["Samples"]):
    """The blocks of one file, and what has been met in it so far."""

    def __init__(self, path: Path, rate: int, cancel: CancelToken | None) -> None:
        self.rate = rate
        self._tally = _Tally()
        self._blocks = _decode(path, rate, cancel, self._tally)

    def __next__(self) -> Samples:
        return next(self._blocks)

    @property
    def seconds(self) -> float:
        """Length of what was delivered so far: the true duration, once the blocks are exhausted."""
        return self._tally.samples / self.rate

    @property
    def damaged_packets(self) -> int:
        """Places that could not be read or decoded and were passed over."""
        return self._tally.damaged_packets

    def close(self) -> None:
        """Close the file before the blocks are exhausted; dropping the last reference does the same."""
        self._blocks.close()


def decode_mono(path: Path, rate: int, *, cancel: CancelToken | None = None) -> MonoBlocks:
    """The audio of a file as float32 blocks of about one second, shape (samples,), at `rate` Hz.

    Mono is the mean of the channels, as librosa has it. Encoder delay and padding are removed where the file
    declares them. Damaged packets are passed over and counted; the sample rate and the number of channels
    may change in the middle. Samples are finite, and beyond [-1, 1] only where the recording is.

    Nothing is opened before the first block is asked for. While iterating, raises AudioError when the file
    is no audio, holds none, or is damaged in most of its packets; StorageError when the disk or share fails;
    Cancelled. Blocks that came before the error are good.
    """
    if rate <= 0:
        raise ValueError(f"rate must be positive, not {rate}")
    return MonoBlocks(path, rate, cancel)


def _decode(
    path: Path, rate: int, cancel: CancelToken | None, tally: _Tally
) -> Generator[Samples, None, None]:
    from av.error import FFmpegError

    with open_audio(path, cancel) as source:
        try:
            for block in _mono_blocks(source, rate, tally):
                if len(block):
                    tally.samples += len(block)
                    yield _tamed(block)
        except FFmpegError as error:  # of the filters: decoding errors are counted
            raise AudioError(
                "The audio has a format that cannot be mixed to mono.", "Convert it to MP3 or FLAC."
            ) from error
    if not tally.samples:
        raise AudioError(
            "Nothing in the file can be decoded.", "It is damaged or no audio: fetch or copy it again."
        )
    if tally.damaged_packets > tally.decoded_packets:
        raise AudioError("Most of the file is damaged.", "Fetch or copy it again from where it came.")


def _mono_blocks(source: AudioSource, rate: int, tally: _Tally) -> Iterator[Samples]:
    mixer: _MonoMixer | None = None
    for frame in _frames(source, tally):
        if not frame.samples or frame.sample_rate < _MIN_SAMPLE_RATE:
            continue
        if mixer is None or not mixer.accepts(frame):
            if mixer is not None:
                yield from mixer.finish()
            mixer = _MonoMixer(frame, rate)
        yield from mixer.push(frame)
    if mixer is not None:
        yield from mixer.finish()


def _frames(source: AudioSource, tally: _Tally) -> Iterator[AudioFrame]:
    from av.error import FFmpegError

    decoder: AudioCodecContext | None = None
    for packet in source.packets():
        if packet.stream.codec_context is not decoder:
            yield from _kept_back(decoder)
            decoder = packet.stream.codec_context
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


class _MonoMixer:
    """Mixes and resamples frames of one kind: a filter graph that is fed a second at a time, because a call
    for each packet costs more than the mixing.

    Mixing is written out as a mean. libswresample's own mono of float audio is 0.707 (L + R), while that of
    integer audio is 0.5 (L + R): an MP3 would come out 3 dB louder than the same music in FLAC.
    """

    def __init__(self, frame: AudioFrame, rate: int) -> None:
        from av.audio.fifo import AudioFifo
        from av.filter import Graph

        self._kind = _kind(frame)
        self._pending = AudioFifo()
        channels = frame.layout.nb_channels
        self._portion = min(frame.sample_rate, _MAX_PORTION // channels)
        mean = "+".join(f"{1 / channels!r}*c{channel}" for channel in range(channels))
        self._graph = Graph()
        self._graph.link_nodes(
            self._graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format,
                layout=frame.layout,
                time_base=Fraction(1, frame.sample_rate),
            ),
            self._graph.add("aformat", "sample_fmts=fltp"),
            self._graph.add("pan", f"mono|c0={mean}"),
            self._graph.add("aresample", f"{rate}:{_RESAMPLER}"),
            self._graph.add("abuffersink"),
        )
        self._graph.configure()

    def accepts(self, frame: AudioFrame) -> bool:
        return _kind(frame) == self._kind

    def push(self, frame: AudioFrame) -> Iterator[Samples]:
        frame.pts = None
        self._pending.write(frame)
        if self._pending.samples >= self._portion:
            yield from self._mix()

    def finish(self) -> Iterator[Samples]:
        """What is left, the tail of the resampler included."""
        if self._pending.samples:
            yield from self._mix()
        self._graph.push(None)
        yield from self._mixed()

    def _mix(self) -> Iterator[Samples]:
        frame = self._pending.read()
        assert frame is not None
        self._graph.push(frame)
        yield from self._mixed()

    def _mixed(self) -> Iterator[Samples]:
        from av import error

        while True:
            try:
                frame = self._graph.pull()
            except (error.BlockingIOError, error.EOFError):
                return
            yield frame.to_ndarray()[0]


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _tamed(block: Samples) -> Samples:
    """A float file can hold NaN, infinities and absurd values, which would poison every sum made of them."""
    import numpy as np

    if block.max() <= _MAX_AMPLITUDE and block.min() >= -_MAX_AMPLITUDE:  # false for NaN
        return block
    return np.clip(np.nan_to_num(block, nan=0.0), -_MAX_AMPLITUDE, _MAX_AMPLITUDE)
