"""The players: each turns one tone into sound, shape (samples,), and lets it ring out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.upkeep.drums import DRUMS
from musicsim_tui.upkeep.synth import (
    envelope,
    filtered,
    harmonics,
    highest_partial,
    noise,
    phase,
    plucked_string,
    seconds_axis,
    sine,
    table_positions,
    unsteadiness,
    vibrato,
    wavetable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from musicsim_tui.track import Samples
    from musicsim_tui.upkeep.synth import Tone

    Harmonics = NDArray[np.float64]


def bell(tone: Tone) -> Samples:
    """A small bell by frequency modulation (Chowning, JAES 21(7), 1973): ratio 1 to 3.5."""
    count = tone.samples(2.8)
    room = (highest_partial(tone.rate) - tone.frequency) / (3.5 * tone.frequency) - 1
    depth = np.float32(min(1.9 * tone.brightness, max(0.0, room)))
    ring = 0.55 * (600 / tone.frequency) ** 0.4
    modulator = depth * tone.decay(count, 0.3 * ring) * sine(3.5 * tone.frequency, count, tone.rate)
    body = np.sin(phase(tone.frequency, count, tone.rate) + modulator) * tone.decay(count, ring)
    hum = 0.35 * sine(tone.frequency / 2, count, tone.rate) * tone.decay(count, 1.3 * ring)
    return tone.struck(body + hum, 0.003, 0.5)


def electric_piano(tone: Tone) -> Samples:
    """A tine piano: a warm 1-to-1 pair, and a short bright tine high above."""
    count = tone.samples(tone.seconds + 0.35)
    carrier = phase(tone.frequency, count, tone.rate)
    warmth = np.float32(0.9 * tone.brightness) * tone.decay(count, 0.55)
    body = np.sin(carrier + warmth * np.sin(carrier)) * tone.decay(count, 1.1)
    if 14 * tone.frequency < highest_partial(tone.rate):
        tine = sine(14 * tone.frequency, count, tone.rate) * tone.decay(count, 0.07)
        body += np.float32(0.1 * tone.brightness) * tine
    tremolo = 1 + 0.16 * sine(5.1, count, tone.rate)
    return tone.struck(body * tremolo, 0.004, 0.3)


def plucked(
    tone: Tone, ring: float = 3.0, bright: float = 2600.0, pluck_at: float = 0.13, knock: float = 0.12
) -> Samples:
    """A plucked string on a wooden body, let ring for a while past its written length.

    The string swings in two planes that are a hair apart in pitch; `knock` is how much the body sounds.
    """
    count = tone.samples(min(ring, tone.seconds + 0.9))
    bright *= tone.brightness * float(tone.rng.uniform(0.85, 1.15))
    string = np.zeros(count, dtype=np.float32)
    for detune, share, life in ((1.0, 0.7, 1.0), (1.0007, 0.3, 0.5)):
        string += np.float32(share) * plucked_string(
            tone.frequency * detune,
            count,
            tone.rate,
            tone.rng,
            ring=ring * life,
            brightness=bright,
            pluck_at=pluck_at,
        )
    wood = sum(sine(mode, count, tone.rate) * tone.decay(count, life) for mode, life in _WOOD)
    nail = noise(count, tone.rate, 1500, 6000, tone.rng) * tone.decay(count, 0.006)
    return tone.struck(string + np.float32(knock) * (0.5 * wood + nail), 0.001, 0.35)


_WOOD = ((104.0, 0.05), (207.0, 0.04), (392.0, 0.02))
"""Modes of a guitar's air and top plate, as (Hz, decay in seconds)."""


def mallet(tone: Tone) -> Samples:
    """A wooden bar over a tube: the fundamental, and the partial two octaves up that dies at once."""
    count = tone.samples(0.9)
    body = sine(tone.frequency, count, tone.rate) * tone.decay(count, 0.16)
    if 4 * tone.frequency < highest_partial(tone.rate):
        knock = sine(3.9 * tone.frequency, count, tone.rate) * tone.decay(count, 0.04)
        body += np.float32(0.4 * tone.brightness) * knock
    return tone.struck(body, 0.002, 0.3)


def _swept(tone: Tone, tables: tuple[Samples, Samples], sweep: Samples, detune: tuple[float, ...]) -> Samples:
    """Several detuned copies of a tone that goes from the first table to the second as `sweep` says."""
    count = len(sweep)
    dark, bright = tables
    sound = np.zeros(count, dtype=np.float32)
    for cents in detune:
        frequency = tone.frequency * 2 ** (cents / 1200)
        at = table_positions(frequency, count, tone.rate, start=float(tone.rng.random()))
        sound += dark[at]
        sound += sweep * (bright - dark)[at]
    return sound / np.float32(len(detune))


def _saw(tone: Tone, cutoff: float) -> Samples:
    """A sawtooth's cycle through a low-pass of 12 dB an octave at `cutoff`."""

    def shape(number: Harmonics) -> Harmonics:
        return 1 / number / (1 + (number * tone.frequency / cutoff) ** 2)

    return wavetable(harmonics(tone.frequency, tone.rate, shape))


def pad(tone: Tone) -> Samples:
    """Three slow sawtooths whose filter opens and closes."""
    count = tone.samples(tone.seconds + 0.9)
    sweep = np.float32(0.5) - np.float32(0.5) * np.cos(
        phase(0.5 / max(tone.seconds, 0.5), count, tone.rate) * 2
    )
    tables = (_saw(tone, 500 * tone.brightness), _saw(tone, 1700 * tone.brightness))
    return _swept(tone, tables, sweep, (-6, 0, 7)) * envelope(count, tone.rate, 0.5, tone.seconds, 0.9)


def synth_bass(tone: Tone) -> Samples:
    """A sawtooth whose filter snaps shut: the pulse of an electronic dance track."""
    count = tone.samples(tone.seconds + 0.05)
    tables = (_saw(tone, 260 * tone.brightness), _saw(tone, 2600 * tone.brightness))
    sound = _swept(tone, tables, tone.decay(count, 0.09), (-4, 4))
    return sound * envelope(count, tone.rate, 0.003, tone.seconds, 0.05)


def _resonances(hertz: Harmonics, peaks: tuple[tuple[float, float, float], ...], floor: float) -> Harmonics:
    """Gain of a body or a mouth at each frequency: peaks (centre Hz, half width Hz, height) over a floor."""
    gain = np.full(len(hertz), floor)
    for centre, width, height in peaks:
        gain += height / (1 + ((hertz - centre) / width) ** 2)
    return gain


def _violin_body(hertz: Harmonics) -> Harmonics:
    """A violin's gain: air, wood and bridge, and dozens of narrow modes, which make a vibrato shimmer."""
    wood = np.random.default_rng(5).uniform(np.log(650), np.log(9000), 60)
    gain = np.full_like(hertz, 0.25)
    for mode in (280.0, 460.0, 560.0, *np.exp(wood)):
        gain += 1 / (1 + ((hertz - mode) / (mode / 28)) ** 2)
    bridge = 1 + 2 / (1 + ((hertz - 2600) / 900) ** 2)
    below, above = (hertz / 200) ** 4, (hertz / 6500) ** 4
    return gain * bridge * below / (1 + below) / (1 + above)


def bowed(tone: Tone) -> Samples:
    """A bowed string: a sawtooth with a vibrato that grows in and a little hair, through a violin's body."""
    count = tone.samples(tone.seconds + 0.22)
    saw = wavetable(harmonics(tone.frequency, tone.rate, lambda number: number ** (-1 / tone.brightness)))
    sway = vibrato(20, 5.6, count, tone.rate, onset=0.2) + unsteadiness(4, count, tone.rate, tone.rng)
    at = table_positions(
        tone.frequency, count, tone.rate, float(tone.rng.random()), sway * np.float32(tone.frequency)
    )
    string = saw[at]
    string += np.float32(0.02 * np.std(string)) * tone.rng.standard_normal(count, dtype=np.float32)
    return filtered(string, tone.rate, _violin_body) * envelope(
        count, tone.rate, min(0.08, 0.4 * tone.seconds), tone.seconds, 0.22
    )


_HORN_BELL = ((600.0, 350.0, 0.7), (1250.0, 450.0, 1.2), (2400.0, 700.0, 0.5))
"""Where a brass bell radiates best, as (centre Hz, half width Hz, height)."""


def brass(tone: Tone) -> Samples:
    """A horn: the harder it blows the brighter it gets, and each note starts just below its pitch."""
    count = tone.samples(tone.seconds + 0.12)
    seconds = seconds_axis(count, tone.rate)
    edge = 1500 * tone.brightness * max(1.0, tone.frequency / 350)

    def blown(number: Harmonics, cutoff: float) -> Harmonics:
        hertz = number * tone.frequency
        return _resonances(hertz, _HORN_BELL, 0.4) / number**0.3 / (1 + (hertz / cutoff) ** 4)

    soft, hard = (
        wavetable(harmonics(tone.frequency, tone.rate, partial(blown, cutoff=cutoff)))
        for cutoff in (edge * 0.4, edge * 2)
    )
    pressure = np.clip(seconds / np.float32(0.06), 0, 1) * (0.6 + 0.4 * np.exp(-seconds / np.float32(0.2)))
    scoop = np.float32(-0.03 * 0.025) * (1 - np.exp(-seconds / np.float32(0.025)))
    sway = scoop + vibrato(18, 5.1, count, tone.rate, onset=0.6) + unsteadiness(9, count, tone.rate, tone.rng)
    at = table_positions(
        tone.frequency, count, tone.rate, float(tone.rng.random()), sway * np.float32(tone.frequency)
    )
    sound: Samples = (1 - pressure) * soft[at] + pressure * hard[at]
    breath = noise(count, tone.rate, 700, 4500, tone.rng) * (0.02 + 0.1 * tone.decay(count, 0.04))
    sound += np.std(sound) * breath
    return sound * envelope(count, tone.rate, 0.025, tone.seconds, 0.12)


def organ(tone: Tone) -> Samples:
    """Pipes from 16' to 2/3', with a gentle tremulant; `drawn` counts harmonics of the 16' pipe."""
    count = tone.samples(tone.seconds + 0.16)
    drawn = {1: 0.45, 2: 1.0, 3: 0.35, 4: 0.7, 6: 0.4, 8: 0.45, 12: 0.18, 16: 0.16, 24: 0.06}

    def shape(number: Harmonics) -> Harmonics:
        stops = np.array([drawn.get(int(k), 0.0) for k in number])
        return stops / (1 + (number * tone.frequency / 2 / (5200 * tone.brightness)) ** 2)

    table = wavetable(harmonics(tone.frequency / 2, tone.rate, shape, most=24))
    sway = vibrato(5, 5.8, count, tone.rate, onset=0.6) * np.float32(tone.frequency / 2)
    at = table_positions(tone.frequency / 2, count, tone.rate, float(tone.rng.random()), sway)
    return table[at] * envelope(count, tone.rate, 0.03, tone.seconds, 0.16)


_VOWELS = {
    "ah": ((700.0, 110.0, 1.0), (1150.0, 130.0, 0.6), (2700.0, 200.0, 0.18), (3400.0, 260.0, 0.1)),
    "oo": ((330.0, 70.0, 1.0), (750.0, 100.0, 0.3), (2500.0, 200.0, 0.05), (3300.0, 260.0, 0.03)),
}
"""Formants as (centre Hz, half width Hz, height), close to Peterson and Barney (JASA 24(2), 1952)."""


def choir(tone: Tone) -> Samples:
    """Six singers, from "oo" to "ah" and back, each with a pitch and vibrato of their own, and breath."""
    count = tone.samples(tone.seconds + 0.8)

    def sung(number: Harmonics, vowel: str) -> Harmonics:
        hertz = number * tone.frequency
        return _resonances(hertz, _VOWELS[vowel], 0.006 * tone.brightness) / number**0.5

    oo, ah = (
        wavetable(harmonics(tone.frequency, tone.rate, partial(sung, vowel=name))) for name in ("oo", "ah")
    )
    opened = envelope(count, tone.rate, 0.4 * tone.seconds, 0.6 * tone.seconds, 0.6 * tone.seconds)
    sound = np.zeros(count, dtype=np.float32)
    for cents in (-14, -8, -2, 4, 9, 13):
        frequency = tone.frequency * 2 ** (cents / 1200)
        sway = vibrato(
            float(tone.rng.uniform(20, 45)), float(tone.rng.uniform(4.8, 6.2)), count, tone.rate, onset=0.7
        )
        sway += unsteadiness(14, count, tone.rate, tone.rng)
        at = table_positions(
            frequency, count, tone.rate, float(tone.rng.random()), sway * np.float32(frequency)
        )
        sound += oo[at] + opened * (ah - oo)[at]
    breath = noise(count, tone.rate, 600, 4000, tone.rng)
    sound += np.float32(0.12) * np.std(sound) * breath
    return sound * envelope(count, tone.rate, 0.35, tone.seconds, 0.8)


def pulse(tone: Tone, duty: float = 0.5) -> Samples:
    """The square channel of an early game console."""
    count = tone.samples(tone.seconds + 0.03)

    def shape(number: Harmonics) -> Harmonics:
        hertz = number * tone.frequency
        return np.sin(np.pi * number * duty) / number / (1 + (hertz / (9000 * tone.brightness)) ** 2)

    table = wavetable(harmonics(tone.frequency, tone.rate, shape))
    sway = vibrato(14, 6.5, count, tone.rate, onset=0.5) * np.float32(tone.frequency)
    fall = 0.55 + 0.45 * tone.decay(count, 0.12)
    at = table_positions(tone.frequency, count, tone.rate, 0.0, sway)
    return table[at] * fall * envelope(count, tone.rate, 0.003, tone.seconds, 0.03)


def triangle(tone: Tone) -> Samples:
    """The triangle channel of an early game console: its bass."""
    count = tone.samples(tone.seconds + 0.03)

    def shape(number: Harmonics) -> Harmonics:
        return np.sin(np.pi * number / 2) / number**2

    table = wavetable(harmonics(tone.frequency, tone.rate, shape))
    return table[table_positions(tone.frequency, count, tone.rate)] * envelope(
        count, tone.rate, 0.004, tone.seconds, 0.03
    )


INSTRUMENTS: dict[str, Callable[[Tone], Samples]] = {
    "bell": bell,
    "electric piano": electric_piano,
    "guitar": plucked,
    "harp": partial(plucked, ring=4.0, bright=900.0, pluck_at=0.4, knock=0.03),
    "bass guitar": partial(plucked, ring=2.2, bright=420.0, pluck_at=0.28, knock=0.03),
    "mallet": mallet,
    "pad": pad,
    "synth bass": synth_bass,
    "bowed": bowed,
    "brass": brass,
    "organ": organ,
    "choir": choir,
    "square": pulse,
    "thin square": partial(pulse, duty=0.125),
    "triangle": triangle,
    **DRUMS,
}
