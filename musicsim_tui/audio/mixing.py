"""Frames of any rate and layout to blocks of one: mixes the channels and resamples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.layout import AudioLayout
    from soxr import ResampleStream

    from musicsim_tui.track import Samples

_RESAMPLER = "HQ"
"""Quality of libsoxr, the one that librosa asks for: flat to 0.91 of the Nyquist frequency, 120 dB down from
1.0 on. libswresample's defaults lose 1 dB at 0.9 and let 22 dB through at 1.05; a filter of it that is as
sharp takes three times as long from 44.1 to 22.05 kHz."""
_MAX_AMPLITUDE = 16.0
"""24 dB above full scale: more than any recording, less than what overflows."""
_MAX_PORTION = 1 << 19
"""Samples of all channels together that are mixed at once: a bound for absurd rates and layouts."""
_OFF_SIDE = 0.5**0.5
"""Weight of centre and surround channels in a stereo mix (ITU-R BS.775-4, annex 4, table 2)."""

Matrix = Sequence[Sequence[float]]
"""Weight of each input channel, for each output channel."""


def mono(layout: AudioLayout) -> Matrix:
    """The mean of the channels.

    libswresample's own mono of float audio is 0.707 (L + R), while that of integer audio is 0.5 (L + R): an
    MP3 would come out 3 dB louder than the same music in FLAC.
    """
    return [[1 / layout.nb_channels] * layout.nb_channels]


def stereo(layout: AudioLayout) -> Matrix:
    """Two channels as they are, one on both sides, more mixed so that the sum cannot clip.

    The low-frequency channel is left out, as BS.775 has it; channels without a place are on both sides.
    """
    names = [channel.name for channel in layout.channels]
    if len(names) < 3:
        return [[1.0], [1.0]] if len(names) == 1 else [[1.0, 0.0], [0.0, 1.0]]
    rows = [[_weight(name, side) for name in names] for side in "LR"]
    return [[weight / (sum(row) or 1.0) for weight in row] for row in rows]


def _weight(name: str, side: str) -> float:
    if name.startswith("LFE"):
        return 0.0
    if name in ("FL", "FR"):
        return float(name.endswith(side))
    last = name[-2:-1] if name in ("FLC", "FRC") else name[-1:]
    return _OFF_SIDE if last == side or last not in "LR" else 0.0


class Mixer:
    """Mixes and resamples frames of one kind: a filter graph and a resampler that are fed `portion` seconds
    at a time, because a call for each packet costs more than the mixing."""

    def __init__(
        self, frame: AudioFrame, rate: int, matrix: Callable[[AudioLayout], Matrix], portion: float
    ) -> None:
        from av.audio.fifo import AudioFifo
        from av.filter import Graph

        weights = matrix(frame.layout)
        self._kind = _kind(frame)
        self._pending = AudioFifo()
        self._portion = min(
            max(1, round(portion * frame.sample_rate)), _MAX_PORTION // frame.layout.nb_channels
        )
        self._graph = Graph()
        self._graph.link_nodes(
            self._graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format,
                layout=frame.layout,
                time_base=Fraction(1, frame.sample_rate),
            ),
            self._graph.add("aformat", "sample_fmts=fltp"),
            self._graph.add("pan", _pan(weights)),
            self._graph.add("abuffersink"),
        )
        self._graph.configure()
        self._resampler = _resampler(frame.sample_rate, rate, len(weights))
        self._silence: Samples = np.zeros((len(weights), 0), dtype=np.float32)

    def accepts(self, frame: AudioFrame) -> bool:
        return _kind(frame) == self._kind

    def push(self, frame: AudioFrame) -> Iterator[Samples]:
        """What comes out when a frame goes in, shape (channels, samples)."""
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
        if self._resampler is not None:
            yield self._resampled(self._silence, last=True)

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
            yield self._resampled(_tamed(frame.to_ndarray().astype(np.float32, copy=False)))

    def _resampled(self, block: Samples, *, last: bool = False) -> Samples:
        if self._resampler is None:
            return block
        frames = np.ascontiguousarray(block.T)
        resampled: Samples = self._resampler.resample_chunk(frames, last=last)
        return np.ascontiguousarray(resampled.T)


def _resampler(rate: int, wanted: int, channels: int) -> ResampleStream | None:
    """None where there is nothing to resample."""
    from soxr import ResampleStream

    return ResampleStream(rate, wanted, channels, "float32", _RESAMPLER) if rate != wanted else None


def _tamed(block: Samples) -> Samples:
    """A float file can hold NaN, infinities and absurd values, which would poison every sum made of them."""
    if (
        block.max(initial=0.0) <= _MAX_AMPLITUDE and block.min(initial=0.0) >= -_MAX_AMPLITUDE
    ):  # false for NaN
        return block
    return np.clip(np.nan_to_num(block, nan=0.0), -_MAX_AMPLITUDE, _MAX_AMPLITUDE)


def _kind(frame: AudioFrame) -> tuple[str, str, int]:
    return frame.format.name, frame.layout.name, frame.sample_rate


def _pan(matrix: Matrix) -> str:
    """Arguments of FFmpeg's filter of that name."""
    sums = (
        "+".join(f"{weight!r}*c{channel}" for channel, weight in enumerate(row) if weight) or "0*c0"
        for row in matrix
    )
    outputs = "|".join(f"c{output}={terms}" for output, terms in enumerate(sums))
    return f"{'mono' if len(matrix) == 1 else 'stereo'}|{outputs}"
