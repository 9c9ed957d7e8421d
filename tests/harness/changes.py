"""Music changed in one respect: what it then has more or less of is known.

Samples have shape (samples,) and come at `RATE` Hz; what is made of them may be louder than full scale.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.audio.encode import write_audio
from musicsim_tui.upkeep.pieces import pieces
from musicsim_tui.upkeep.synth import fast_length, filtered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples

    Numbers = NDArray[np.float64]

RATE = 22_050


def low_passed(samples: Samples) -> Samples:
    """Without most of what lies above 1.2 kHz."""
    return filtered(samples, RATE, lambda hertz: 1 / np.sqrt(1 + (hertz / 1_200) ** 8))


def treble_raised(samples: Samples) -> Samples:
    """15 dB more above 2 kHz."""
    return filtered(samples, RATE, lambda hertz: 10 ** (0.75 / (1 + (2_000 / np.maximum(hertz, 1)) ** 4)))


def bass_raised(samples: Samples) -> Samples:
    """15 dB more below 165 Hz."""
    return filtered(samples, RATE, lambda hertz: 10 ** (0.75 / (1 + (hertz / 165) ** 6)))


def bass_removed(samples: Samples) -> Samples:
    """Without most of what lies below 200 Hz."""
    return filtered(samples, RATE, lambda hertz: 1 / (1 + (200 / np.maximum(hertz, 1)) ** 8))


def with_bass_line(samples: Samples) -> Samples:
    """With a bass below 104 Hz, two notes a second and 3 dB louder than the music."""
    random = np.random.default_rng(1)
    line = np.zeros(len(samples))
    step = RATE // 2
    time = np.arange(step) / RATE
    swell = np.minimum(1, np.minimum(time / 0.02, (step / RATE - time) / 0.05))
    for start in range(0, len(samples) - step, step):
        frequency = 55 * 2 ** (random.integers(0, 12) / 12)
        line[start : start + step] = np.sin(2 * np.pi * frequency * time) * swell
    return _together(samples, line, 3)


def with_drums(samples: Samples) -> Samples:
    """With a drum every 83 ms, 3 dB louder than the music: kick, snare or hat."""
    random = np.random.default_rng(2)
    drums = np.zeros(len(samples))
    step = RATE // 12
    time = np.arange(4 * step) / RATE
    kick = np.sin(2 * np.pi * (50 * time + 8 * (1 - np.exp(-time / 0.03)))) * np.exp(-time / 0.08)
    for place, start in enumerate(range(0, len(samples) - 4 * step, step)):
        noise = random.standard_normal(len(time))
        snare = 0.5 * noise * np.exp(-time / 0.05)
        hat = 0.3 * np.diff(noise, append=0) * np.exp(-time / 0.015)
        drums[start : start + len(time)] += kick if place % 4 == 0 else snare if place % 4 == 2 else hat
    return _together(samples, drums, 3)


def with_noise(samples: Samples) -> Samples:
    """With as much noise as music, in the same registers: neither darker nor brighter."""
    length = fast_length(len(samples))
    spectrum = np.abs(np.fft.rfft(samples, length))
    smooth = np.sqrt(np.convolve(np.square(spectrum), np.full(2_001, 1 / 2_001), "same"))
    phases = np.exp(2j * np.pi * np.random.default_rng(3).random(len(spectrum)))
    return _together(samples, np.fft.irfft(smooth * phases, length)[: len(samples)], 0)


def compressed(samples: Samples) -> Samples:
    """At one level from beginning to end, but for what lies more than 40 dB below the loudest."""
    level = _level(samples)
    steady: Samples = (samples / np.maximum(level, 0.01 * level.max())).astype(np.float32)
    return steady


def swelling(samples: Samples) -> Samples:
    """From 20 dB softer to as loud as it was and back, once in five seconds."""
    gain = 10 ** (np.sin(2 * np.pi * np.arange(len(samples)) / RATE / 5) / 2 - 0.5)
    return (samples * gain).astype(np.float32)


CHANGES: dict[str, tuple[Callable[[Samples], Samples], str]] = {
    "low-passed": (low_passed, "darker"),
    "treble raised": (treble_raised, "brighter"),
    "bass raised": (bass_raised, "more bass"),
    "bass removed": (bass_removed, "less bass"),
    "with noise": (with_noise, "noisier"),
    "with drums": (with_drums, "busier"),
    "compressed": (compressed, "steadier"),
    "swelling": (swelling, "less steady"),
}
"""Changes of a piece by their titles, each with the word for what it does above all to `piece()`."""


def piece() -> Samples:
    """A piece for three players and no drums."""
    mono: Samples = pieces()[36].render(RATE).mean(axis=0)
    return mono


def write_changes(folder: Path) -> Path:
    """Files of the piece, of a copy of it as mp3 and of its changes, named for what they are; the piece's."""
    folder.mkdir()
    original = piece()
    files = {"original.flac": original, "copy.mp3": original}
    files |= {f"{title}.flac": change(original) for title, (change, _) in CHANGES.items()}
    for name, samples in files.items():
        peak = np.float32(np.max(np.abs(samples)))
        write_audio(folder / name, np.float32(0.8) / peak * samples, RATE)
    return folder / "original.flac"


def _together(samples: Samples, other: Numbers, decibels: float) -> Samples:
    """Both, the other so many decibels louder than the first."""
    gain = 10 ** (decibels / 20) * np.sqrt(np.mean(np.square(samples)) / np.mean(np.square(other)))
    both: Samples = (samples + gain * other).astype(np.float32)
    return both


def _level(samples: Samples) -> Numbers:
    """The root mean square of each 50 ms."""
    window = np.hanning(RATE // 20)
    level: Numbers = np.sqrt(np.convolve(np.square(samples), window / window.sum(), "same"))
    return level
