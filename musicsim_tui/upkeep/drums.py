"""The drummers: skins, wires, cymbals and other noise, each stroke of shape (samples,)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from musicsim_tui.upkeep.synth import highest_partial, noise, seconds_axis, sine

if TYPE_CHECKING:
    from collections.abc import Callable

    from musicsim_tui.track import Samples
    from musicsim_tui.upkeep.synth import Tone


def kick(tone: Tone) -> Samples:
    """A bass drum of a machine: a tone that falls to its pitch, and a click."""
    count = tone.samples(0.75)
    seconds = seconds_axis(count, tone.rate).astype(np.float64)
    glide = 0.06 * (1 - np.exp(-seconds / 0.03))
    body = np.sin(2 * np.pi * tone.frequency * (seconds + glide)).astype(np.float32) * tone.decay(count, 0.16)
    click = noise(count, tone.rate, 800, 5000 * tone.brightness, tone.rng) * tone.decay(count, 0.01)
    return tone.struck(body + np.float32(0.15) * click, 0.002, 0.06)


_MEMBRANE = (
    (1.0, 1.0, 1.0),
    (1.594, 0.7, 0.6),
    (2.136, 0.45, 0.45),
    (2.296, 0.4, 0.4),
    (2.653, 0.3, 0.35),
    (2.918, 0.25, 0.3),
)
"""Modes of an ideal circular skin (zeros of the Bessel functions): ratio, height, life against the first."""


def skin(tone: Tone, ring: float = 0.22, slap: float = 0.4) -> Samples:
    """A drum with a skin, struck off centre by hand or stick; no two strokes are quite alike."""
    count = tone.samples(4.5 * ring + 0.05)
    seconds = seconds_axis(count, tone.rate).astype(np.float64)
    bend = seconds + 0.0035 * (1 - np.exp(-seconds / 0.04))
    sound = np.zeros(count, dtype=np.float32)
    for ratio, height, life in _MEMBRANE:
        mode = np.sin(2 * np.pi * ratio * tone.frequency * float(tone.rng.uniform(0.995, 1.005)) * bend)
        share = height * float(tone.rng.uniform(0.6, 1.3))
        sound += np.float32(share) * mode.astype(np.float32) * tone.decay(count, ring * life)
    hand = noise(count, tone.rate, 300, 3800 * tone.brightness, tone.rng)
    sound += np.float32(slap) * hand * (tone.decay(count, 0.012) + 0.25 * tone.decay(count, 0.06)) * 3
    return tone.struck(sound, 0.001, 0.06)


def rattle(
    tone: Tone, low: float, high: float, ring: float, attack: float = 0.002, ping: float = 0.0
) -> Samples:
    """Shaped noise that dies away: snare wires, cymbals, shakers, hands. `ping` adds the tone's own pitch."""
    count = tone.samples(5 * ring + 0.03)
    top = min(high * tone.brightness, highest_partial(tone.rate))
    sound = noise(count, tone.rate, low, top, tone.rng) * tone.decay(count, ring)
    if ping:
        sound += np.float32(ping) * sine(tone.frequency, count, tone.rate) * tone.decay(count, 0.5 * ring)
    return tone.struck(sound, attack, 0.03)


DRUMS: dict[str, Callable[[Tone], Samples]] = {
    "kick": kick,
    "hand drum": partial(skin, ring=0.16, slap=0.55),
    "great drum": partial(skin, ring=0.4, slap=0.3),
    "block": partial(skin, ring=0.03, slap=0.2),
    "snare": partial(rattle, low=900, high=7000, ring=0.085, ping=0.6),
    "brush": partial(rattle, low=1800, high=6000, ring=0.11, attack=0.02),
    "clap": partial(rattle, low=900, high=2600, ring=0.07),
    "hat": partial(rattle, low=6000, high=14000, ring=0.028),
    "open hat": partial(rattle, low=5500, high=13000, ring=0.13),
    "shaker": partial(rattle, low=4500, high=9000, ring=0.035, attack=0.015),
    "static": partial(rattle, low=400, high=12000, ring=0.04),
}
