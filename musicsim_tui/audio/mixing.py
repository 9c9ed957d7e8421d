"""Frames of any rate and layout to blocks of one: mixes the channels and resamples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from av.audio.frame import AudioFrame
    from numpy.typing import NDArray
    from soxr import ResampleStream

    from musicsim_tui.track import Samples

    Plane: TypeAlias = NDArray[Any]
    """One channel, shape (samples,)."""

_RESAMPLER = "HQ"
"""Quality of libsoxr, the one that librosa asks for: flat to 0.91 of the Nyquist frequency, 120 dB down from
1.0 on. libswresample's defaults lose 1 dB at 0.9 and let 22 dB through at 1.05; a filter of it that is as
sharp takes three times as long from 44.1 to 22.05 kHz."""
_MAX_AMPLITUDE = 16.0
"""24 dB above full scale: more than any recording, less than what overflows."""
_MOST_PLANES = 7
"""Of a frame with more PyAV 18.1 also lists planes that are not there."""
_MAX_PORTION = 1 << 19
"""Samples of all channels together that are mixed at once: a bound for absurd rates and layouts."""
_OFF_SIDE = 0.5**0.5
"""Weight of centre and surround channels in a stereo mix (ITU-R BS.775-4, annex 4, table 2)."""

_FORMATS = {
    "u8": (np.uint8, np.float32(1 << 7), 1 << 7),
    "s16": (np.int16, np.float32(0), 1 << 15),
    "s32": (np.int32, np.float32(0), 1 << 31),
    "flt": (np.float32, np.float32(0), 1),
    "dbl": (np.float64, np.float32(0), 1),
}
"""FFmpeg's sample formats: how NumPy calls them, where zero is, and the amplitude of full scale."""

Matrix = Sequence[Sequence[float]]
"""Weight of each input channel, for each output channel."""


def mono(names: Sequence[str]) -> Matrix:
    """The mean of the channels.

    libswresample's own mono of float audio is 0.707 (L + R), while that of integer audio is 0.5 (L + R): an
    MP3 would come out 3 dB louder than the same music in FLAC.
    """
    return [[1 / len(names)] * len(names)]


def stereo(names: Sequence[str]) -> Matrix:
    """Two channels as they are, one on both sides, more mixed so that the sum cannot clip.

    The low-frequency channel is left out, as BS.775 has it; channels without a place are on both sides.
    """
    if len(names) < 3 and list(names) != ["FR", "FL"]:
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
    """Mixes and resamples frames of one kind, `portion` seconds at a time, because a call for each packet
    costs more than the mixing."""

    def __init__(self, frame: AudioFrame, rate: int, matrix: Matrix, portion: float) -> None:
        from av.audio.fifo import AudioFifo

        self._weights: Samples = np.asarray(matrix, dtype=np.float32)
        self.rate, self.channels = frame.sample_rate, frame.layout.nb_channels
        self._layout = frame.layout
        self._pending = AudioFifo()
        self._portion = min(
            max(1, round(portion * frame.sample_rate)), _MAX_PORTION // frame.layout.nb_channels
        )
        self._planes = _planes_of(frame)
        self._scratch: Samples = np.empty((0, 0), dtype=np.float32)
        self._resampler = _resampler(frame.sample_rate, rate, len(self._weights))

    @property
    def samples(self) -> int:
        """Samples of each channel that were pushed so far."""
        return self._pending.samples_written

    @property
    def full(self) -> bool:
        """Whether it is time for `mix`."""
        return self._pending.samples >= self._portion

    def push(self, frame: AudioFrame) -> bool:
        """Take in a frame, which loses its time; false where it is of another kind, and is not taken."""
        if frame.layout != self._layout:
            return False
        frame.pts = None
        try:
            self._pending.write(frame)
        except ValueError as error:  # for another rate, format or time base: cheaper than to look at each
            if type(error) is not ValueError:  # FFmpeg's own
                raise
            return False
        return True

    def mix(self, *, last: bool = False) -> Samples:
        """All that was pushed, mixed and resampled, shape (channels, samples); with the tail of the resampler
        when it is the last."""
        frame = self._pending.read()
        if frame is None:
            block: Samples = np.zeros((len(self._weights), 0), dtype=np.float32)
        else:
            block = _tamed(self._mixed(self._planes(frame)))
        if self._resampler is None:
            return block.copy()
        frames = np.ascontiguousarray(block.T)
        resampled: Samples = self._resampler.resample_chunk(frames, last=last)
        return np.ascontiguousarray(resampled.T)

    def _mixed(self, planes: Sequence[Plane]) -> Samples:
        """No matrix product: a BLAS shares it among threads, which wait for each other. And no new arrays
        where they are soon let go: the system would clear their memory, time and again."""
        samples = len(planes[0])
        if samples > self._scratch.shape[1]:
            self._scratch = np.empty((len(self._weights) + 1, samples), dtype=np.float32)
        mixed, term = self._scratch[:-1, :samples], self._scratch[-1, :samples]
        with np.errstate(invalid="ignore", over="ignore"):  # what comes of it is tamed
            for output, weights in zip(mixed, self._weights, strict=True):
                if len(planes) == 2 and weights[0] == weights[1]:  # a pass less than below
                    np.add(planes[0], planes[1], out=output)
                    output *= weights[0]
                    continue
                np.multiply(planes[0], weights[0], out=output)
                for plane, weight in zip(planes[1:], weights[1:], strict=True):
                    if weight:
                        output += np.multiply(plane, weight, out=term)
        return mixed


def _planes_of(like: AudioFrame) -> Callable[[AudioFrame], Sequence[Plane]]:
    """What takes the channels out of a frame like this one, as float32 of full scale 1."""
    name, channels, is_planar = like.format.name, like.layout.nb_channels, like.format.is_planar
    if (is_planar and channels > _MOST_PLANES) or name.removesuffix("p") not in _FORMATS:
        return _converting(like)
    kind, zero, full_scale = _FORMATS[name.removesuffix("p")]

    def planes(frame: AudioFrame) -> list[Plane]:
        if is_planar:
            raw = [np.frombuffer(memoryview(plane), kind, frame.samples) for plane in frame.planes]
        else:
            samples = np.frombuffer(memoryview(frame.planes[0]), kind, frame.samples * channels)
            raw = list(samples.reshape(-1, channels).T)
        if full_scale == 1:
            return raw
        return [(plane.astype(np.float32) - zero) / full_scale for plane in raw]

    return planes


def _converting(like: AudioFrame) -> Callable[[AudioFrame], Sequence[Plane]]:
    """For frames whose samples NumPy or PyAV cannot get at: FFmpeg puts them side by side, as float32."""
    from av import AudioResampler

    channels = like.layout.nb_channels
    converter = AudioResampler(format="flt", layout=like.layout, rate=like.sample_rate)

    def planes(frame: AudioFrame) -> list[Plane]:
        parts = [
            np.frombuffer(memoryview(part.planes[0]), np.float32, part.samples * channels)
            for part in converter.resample(frame)
        ]
        return list(np.concatenate(parts).reshape(-1, channels).T)

    return planes


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
