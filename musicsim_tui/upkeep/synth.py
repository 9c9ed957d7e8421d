"""Sound from numbers: oscillators, envelopes, plucked strings, shaped noise, and the room they are heard in.

Everything is float32 and vectorised over whole notes. Frequencies are in Hz, times in seconds, rates in Hz.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples

    Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_TABLE_BITS = 14
_TABLE_LENGTH = 1 << _TABLE_BITS
_FULL_TURN = 2**32
_TWO_PI = np.float32(2 * np.pi)

PEAK = 0.8
"""No rendered sample is larger: lossy encoders overshoot by up to a decibel or two."""
LOUDNESS_DB = -19.0
"""Mean power of a finished mix in dB re full scale, before its own level offset."""


def highest_partial(rate: int) -> float:
    """The highest frequency a tone may hold at `rate` without folding back."""
    return 0.45 * rate


def seconds_axis(count: int, rate: int) -> Samples:
    """Time of each of `count` samples, shape (count,)."""
    return np.arange(count, dtype=np.float32) / np.float32(rate)


def _turns(frequency: float, count: int, rate: int) -> NDArray[np.uint32]:
    """Phase as a 32-bit fraction of a cycle: integer overflow is the wrap, so no length loses precision."""
    step = np.uint32(round(frequency / rate * _FULL_TURN) % _FULL_TURN)
    return np.arange(count, dtype=np.uint32) * step


def phase(frequency: float, count: int, rate: int) -> Samples:
    """Phase of a steady tone in radians, in [0, 2 pi], shape (count,)."""
    return _turns(frequency, count, rate).astype(np.float32) * np.float32(2 * np.pi / _FULL_TURN)


def sine(frequency: float, count: int, rate: int) -> Samples:
    """A steady sine from phase zero, shape (count,)."""
    return np.sin(phase(frequency, count, rate))


def vibrato(depth_cents: float, speed: float, count: int, rate: int, onset: float = 0.3) -> Samples:
    """Phase deviation in cycles for a tone of 1 Hz (scale it by the frequency); grows in over `onset`."""
    seconds = seconds_axis(count, rate)
    deviation = np.float32((2 ** (depth_cents / 1200) - 1) / (2 * np.pi * speed))
    grown = np.minimum(seconds / np.float32(onset), np.float32(1))
    deviations: Samples = deviation * grown * np.sin(_TWO_PI * np.float32(speed) * seconds)
    return deviations


def unsteadiness(cents: float, count: int, rate: int, rng: np.random.Generator) -> Samples:
    """Phase deviation in cycles, for a tone of 1 Hz, of a pitch that wanders by `cents` as breath does."""
    steps = max(2, int(count / rate * 9) + 2)
    wander = np.interp(np.linspace(0, steps - 1, count), np.arange(steps), rng.standard_normal(steps))
    return np.cumsum(wander * ((2 ** (cents / 1200) - 1) / rate)).astype(np.float32)


def wavetable(amplitudes: Samples) -> Samples:
    """One cycle of a tone whose k-th harmonic (from 1) has `amplitudes[k - 1]`, all in sine phase."""
    spectrum = np.zeros(_TABLE_LENGTH // 2 + 1, dtype=np.complex64)
    spectrum[1 : len(amplitudes) + 1] = -0.5j * _TABLE_LENGTH * amplitudes
    return np.fft.irfft(spectrum, n=_TABLE_LENGTH).astype(np.float32, copy=False)


def harmonics(frequency: float, rate: int, shape: Curve, most: int = 80) -> Samples:
    """Amplitudes `shape(k)` of the harmonics k = 1, 2, ... of a tone that fit below the rate's limit."""
    count = max(1, min(most, int(highest_partial(rate) / frequency)))
    amplitudes: Samples = shape(np.arange(1, count + 1, dtype=np.float64)).astype(np.float32)
    return amplitudes


def table_positions(
    frequency: float, count: int, rate: int, start: float = 0.0, deviation: Samples | None = None
) -> NDArray[np.uint32]:
    """Where a tone reads its wavetable, shape (count,). `start` and `deviation` are in cycles."""
    turns = _turns(frequency, count, rate) + np.uint32(int(start % 1 * _FULL_TURN))
    if deviation is not None:
        turns += (deviation.astype(np.float64) * _FULL_TURN).astype(np.int64).astype(np.uint32)
    return turns >> np.uint32(32 - _TABLE_BITS)


def envelope(count: int, rate: int, attack: float, hold: float, release: float) -> Samples:
    """Rises over `attack`, stays until `hold`, then falls over `release`; both edges are half cosines.

    The last sample is zero when `count` covers hold and release, so a note never ends in a click.
    """
    seconds = seconds_axis(count, rate)
    rise = np.clip(seconds / np.float32(attack), 0, 1)
    fall = np.clip((np.float32(hold + release) - seconds) / np.float32(release), 0, 1)
    risen = 1 - np.cos(np.float32(np.pi) * rise)
    fallen = 1 - np.cos(np.float32(np.pi) * fall)
    gain: Samples = np.float32(0.25) * risen * fallen
    return gain


@dataclass(frozen=True, slots=True, eq=False)
class Tone:
    """What a player is asked for. `brightness` is 1 for the instrument as it is built, more for sharper."""

    frequency: float
    seconds: float
    brightness: float
    rate: int
    rng: np.random.Generator

    def samples(self, seconds: float) -> int:
        """Length of a sound of that many seconds."""
        return max(2, int(seconds * self.rate))

    def decay(self, count: int, time_constant: float) -> Samples:
        """Exponential decay from 1 that falls to 1/e in `time_constant` seconds, shape (count,)."""
        gain: Samples = np.exp(seconds_axis(count, self.rate) * np.float32(-1 / time_constant))
        return gain

    def struck(self, sound: Samples, attack: float = 0.002, release: float = 0.08) -> Samples:
        """A decaying sound with a clean start and a clean end, wherever its decay stands there."""
        hold = max(0.0, len(sound) / self.rate - release)
        return sound * envelope(len(sound), self.rate, attack, hold, release)


def filtered(sound: Samples, rate: int, gain: Curve) -> Samples:
    """A sound, shape (n,), with each frequency scaled by `gain`, a curve over Hz; no phase is moved."""
    length = fast_length(len(sound))
    curve = gain(np.fft.rfftfreq(length, 1 / rate).astype(np.float64, copy=False)).astype(np.float32)
    heard = np.fft.irfft(np.fft.rfft(sound, n=length) * curve, n=length)[: len(sound)]
    return heard.astype(np.float32, copy=False)


def noise(count: int, rate: int, low: float, high: float, rng: np.random.Generator) -> Samples:
    """Noise between two frequencies with soft edges (12 dB an octave), peak 1, shape (count,)."""

    def band(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        below = (hertz / low) ** 2
        return below / (1 + below) / (1 + (hertz / high) ** 2)

    shaped = filtered(rng.standard_normal(count, dtype=np.float32), rate, band)
    return _to_peak(shaped)


def _to_peak(sound: Samples) -> Samples:
    """A sound scaled to a peak of 1; silence stays silence."""
    scaled: Samples = sound / np.max(np.abs(sound), initial=np.float32(1e-9))
    return scaled


def plucked_string(
    frequency: float,
    count: int,
    rate: int,
    rng: np.random.Generator,
    *,
    ring: float,
    brightness: float,
    pluck_at: float = 0.17,
) -> Samples:
    """A plucked string, after Karplus and Strong (Computer Music Journal 7(2), 1983), in closed form.

    Their loop sends a noise burst round a delay line through a gentle low-pass, once a period. Here the
    period's spectrum is multiplied by the loop filter's n-th power for the n-th trip, all trips at once,
    at a whole number of samples per period; reading that at the tone's own pace makes the pitch exact.
    `ring` is the time the fundamental takes to fall by 60 dB; `brightness` is where, in Hz, a harmonic
    dies twice as fast; `pluck_at` is the place of the finger, as a fraction of the string.
    """
    partials = max(1, min(72, int(highest_partial(rate) / frequency)))
    number = np.arange(1, partials + 1)
    per_period = 1 << int(np.ceil(np.log2(4 * partials + 4)))
    trips = int(count * frequency / rate) + 2
    loss = 6.9 / (ring * frequency) * (1 + (number * frequency / brightness) ** 2)
    burst = np.abs(np.sin(np.pi * number * pluck_at)) / number
    spectrum = np.zeros((trips, per_period // 2 + 1), dtype=np.complex64)
    angles = rng.uniform(0, 2 * np.pi, partials)
    spectrum[:, 1 : partials + 1] = burst * np.exp(1j * angles) * np.exp(-np.outer(np.arange(trips), loss))
    line = np.fft.irfft(spectrum, n=per_period, axis=1).reshape(-1).astype(np.float32)
    position = np.arange(count) * (frequency * per_period / rate)
    index = position.astype(np.int64)
    fraction = (position - index).astype(np.float32)
    heard = line[index] * (1 - fraction) + line[index + 1] * fraction
    return _to_peak(heard)


def fast_length(count: int) -> int:
    """The smallest 2**a * 3**b (b at most 2) that is not less than `count`: quick to transform."""
    return min(odd << max(0, (-(-count // odd) - 1).bit_length()) for odd in (1, 3, 9))


def reverberation(seconds: float, rate: int, rng: np.random.Generator) -> Samples:
    """Impulse response of a room that falls by 60 dB in `seconds`, shape (2, n), unit energy a channel.

    Decaying noise, different in each ear; high frequencies die about twice as fast as low ones.
    """
    count = int(seconds * rate)
    time = seconds_axis(count, rate)
    raw = rng.standard_normal((2, count), dtype=np.float32)
    smooth = np.cumsum(raw, axis=1, dtype=np.float64).astype(np.float32)
    width = max(2, int(rate / 2500))
    low = (smooth[:, width:] - smooth[:, :-width]) / np.float32(width**0.5)
    low = np.pad(low, ((0, 0), (0, width)))
    tail = low * np.exp(-6.9 * time / seconds) + 0.35 * raw * np.exp(-14 * time / seconds)
    tail *= np.clip(time / np.float32(0.012), 0, 1)
    scaled: Samples = (tail / np.sqrt(np.sum(tail**2, axis=1, keepdims=True))).astype(np.float32)
    return scaled


def finish(dry: Samples, rate: int, room: Samples, *, wet: float, tilt: float, level: float) -> Samples:
    """Make a dry mix a finished recording: room, tone, loudness, soft peaks, faded ends.

    `dry` has shape (2, n), `room` (2, m); the result has shape (2, n). `wet` is the room's level against
    the dry sound, `tilt` a slope in dB an octave around 1 kHz, `level` an offset in dB to the loudness.
    """
    count = dry.shape[1]
    length = fast_length(count + room.shape[1])
    frequencies = np.fft.rfftfreq(length, 1 / rate)
    rumble = (frequencies / 28) ** 4
    tone = rumble / (1 + rumble) * (np.clip(frequencies, 60, 8000) / 1000) ** (tilt / 6.02)
    response = 1 + np.float32(wet) * np.fft.rfft(room, n=length, axis=1)
    spectrum = np.fft.rfft(dry, n=length, axis=1) * response * tone.astype(np.float32)
    mix = np.fft.irfft(spectrum, n=length, axis=1)[:, :count].astype(np.float32)
    power = float(np.sqrt(np.mean(mix**2)))
    mix *= np.float32(10 ** ((LOUDNESS_DB + level) / 20) / max(power, 1e-9))
    return _soft_peaks(mix) * _fades(count, rate)


def _soft_peaks(mix: Samples) -> Samples:
    """Leave what is below half scale alone and bend what is above towards, never beyond, `PEAK`."""
    knee = np.float32(0.5)
    room = np.float32(PEAK) - knee
    loud = np.abs(mix)
    bent = knee + room * np.tanh((loud - knee) / room)
    return np.where(loud > knee, np.copysign(bent, mix), mix).astype(np.float32)


def _fades(count: int, rate: int) -> Samples:
    """Gain from silence to silence: 8 ms in, 1.2 s out."""
    return envelope(count, rate, 0.008, count / rate - 1.2 - 1 / rate, 1.2)
