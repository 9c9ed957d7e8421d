"""The spectrograms that the two networks were trained on: a Hann window, hops of 10 ms, mel bands, a log."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

SAMPLE_RATE = 32_000
N_FFT = 1024
HOP = 320

_FRAMES_AT_ONCE = 256
"""Frames whose spectra fit a processor's cache together."""
_BANDS_AT_ONCE = 16


class MelFilters:
    """Filters over neighbouring bins, the columns of a matrix of shape (N_FFT / 2 + 1, bands).

    A few at a time are applied to the bins that they reach: an eighth of the whole matrix's arithmetic.
    """

    def __init__(self, mel: Tensor) -> None:
        self.bands = mel.shape[1]
        self._parts: list[tuple[slice, slice, Tensor]] = []
        for first in range(0, self.bands, _BANDS_AT_ONCE):
            bands = slice(first, first + _BANDS_AT_ONCE)
            reached = mel[:, bands].any(dim=1).nonzero().flatten().tolist() or [0]
            parts = slice(2 * reached[0], 2 * reached[-1] + 2)
            # Once for the real part of a bin and once for the imaginary one.
            filters = mel.repeat_interleave(2, dim=0)[parts, bands].contiguous()
            self._parts.append((parts, bands, filters))

    def apply(self, spectra: Tensor, result: Tensor) -> None:
        """Write the power in the bands of complex spectra, shape (..., N_FFT / 2 + 1), to `result`
        (..., bands). The spectra are used up."""
        import torch

        squares = torch.view_as_real(spectra).flatten(-2).square_()
        for parts, bands, filters in self._parts:
            result[..., bands] = squares[..., parts] @ filters


def mel_power(samples: Tensor, window: Tensor, mel: MelFilters) -> Tensor:
    """Power in mel bands, shape (windows, samples // HOP + 1, bands).

    `samples` has shape (windows, samples), more than N_FFT / 2 of them; they are mirrored at both ends so
    that frame i is centred on sample i * HOP. `window` has at most N_FFT taps.
    """
    import torch

    taps = len(window)
    count = samples.shape[1] // HOP + 1
    frames = _mirrored(samples)[:, (N_FFT - taps) // 2 :].unfold(1, taps, HOP)[:, :count]
    block = max(1, _FRAMES_AT_ONCE // len(samples)) if samples.device.type == "cpu" else count
    bands = samples.new_empty((len(samples), count, mel.bands))
    tapered = samples.new_zeros((len(samples), block, N_FFT))
    for first in range(0, count, block):
        some = frames[:, first : first + block]
        here = tapered[:, : some.shape[1]]
        torch.mul(some, window, out=here[..., :taps])
        mel.apply(torch.fft.rfft(here), bands[:, first : first + block])
    return bands


def _mirrored(samples: Tensor) -> Tensor:
    """Samples with N_FFT / 2 more at both ends, as `torch.nn.functional.pad` has it with "reflect"; that
    takes its time over each sample."""
    import torch

    more = N_FFT // 2
    return torch.cat((samples[:, 1 : more + 1].flip(1), samples, samples[:, -more - 1 : -1].flip(1)), dim=1)


class PannsLogMel:
    """Log-mel of PANNs in dB (Kong et al., "PANNs", 2020): 64 Slaney bands from 50 to 14,000 Hz."""

    def __init__(self, mel: Tensor) -> None:
        """`mel` is the filter bank that a PANNs checkpoint carries, shape (513, 64)."""
        import torch

        self._mel = MelFilters(mel)
        self._window = torch.hann_window(N_FFT, device=mel.device)

    def __call__(self, samples: Tensor) -> Tensor:
        """Shape (windows, samples) to (windows, frames, 64)."""
        return mel_power(samples, self._window, self._mel).clamp_(min=1e-10).log10_().mul_(10)


class EfficientAtLogMel:
    """Log-mel of EfficientAT (Schmid et al., ICASSP 2023): pre-emphasis, 128 Kaldi bands up to 15,000 Hz."""

    def __init__(self, device: str) -> None:
        import torch

        self._mel = MelFilters(_kaldi_mel_filters(bands=128, highest=15_000.0).to(device))
        self._window = torch.hann_window(800, periodic=False, device=device)

    def __call__(self, samples: Tensor) -> Tensor:
        """Shape (windows, samples) to (windows, frames, 128)."""
        emphasised = samples[:, 1:].sub(samples[:, :-1], alpha=0.97)
        power = mel_power(emphasised, self._window, self._mel)
        return power.add_(1e-5).log_().add_(4.5).div_(5)


def _kaldi_mel_filters(bands: int, highest: float) -> Tensor:
    """Triangles of height 1 on the mel scale of HTK and Kaldi, 1127 ln(1 + f / 700), shape (513, bands).

    Computed in float32 as the network's training did: in float64 the narrow low bands come out different
    enough to move the log-mel by 2e-4. The Nyquist bin belongs to no band.
    """
    import torch

    spacing = 1127 * math.log(1 + highest / 700) / (bands + 1)
    left = torch.arange(bands) * spacing
    centre = (torch.arange(bands) + 1.0) * spacing
    right = (torch.arange(bands) + 2.0) * spacing
    frequencies = SAMPLE_RATE / N_FFT * torch.arange(N_FFT // 2)
    mels = (1127 * (1 + frequencies / 700).log())[:, None]
    rising = (mels - left) / (centre - left)
    falling = (right - mels) / (right - centre)
    return torch.nn.functional.pad(torch.minimum(rising, falling).clamp(min=0), (0, 0, 0, 1))
