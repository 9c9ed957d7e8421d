from __future__ import annotations

import numpy as np
import pytest

from musicsim_tui.upkeep.ideas import IDEAS
from musicsim_tui.upkeep.instruments import INSTRUMENTS
from musicsim_tui.upkeep.synth import Tone, highest_partial

STEADY = ("guitar", "organ", "bowed", "brass", "square", "triangle", "synth bass", "bass guitar", "bell")


def _tone(frequency: float, rate: int, seconds: float = 0.7) -> Tone:
    return Tone(frequency, seconds, 1.0, rate, np.random.default_rng(1))


def test_every_part_has_its_instrument_and_no_instrument_is_idle() -> None:
    assert {part.instrument for idea in IDEAS for part in idea.parts} == set(INSTRUMENTS)


@pytest.mark.parametrize("rate", [16000, 32000, 44100])
@pytest.mark.parametrize("name", sorted(INSTRUMENTS))
def test_a_tone_begins_and_ends_without_a_click(name: str, rate: int) -> None:
    for frequency in (55.0, 220.0, 1500.0):
        sound = INSTRUMENTS[name](_tone(frequency, rate))
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()
        peak = np.abs(sound).max()
        assert peak > 0.01
        assert abs(sound[0]) < 0.02 * peak
        assert np.abs(sound[-4:]).max() < 0.02 * peak


@pytest.mark.parametrize("name", STEADY)
def test_a_tone_is_in_tune(name: str) -> None:
    rate = 32000
    sound = INSTRUMENTS[name](_tone(331.7, rate, seconds=1.5))
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), n=1 << 18)) ** 2
    hertz = np.fft.rfftfreq(1 << 18, 1 / rate)
    near = (hertz > 331.7 * 0.95) & (hertz < 331.7 * 1.05)
    heard = np.sum(hertz[near] * spectrum[near]) / np.sum(spectrum[near])
    assert abs(1200 * np.log2(heard / 331.7)) < 12


@pytest.mark.parametrize("name", ["square", "thin square", "bowed", "brass", "organ", "guitar", "bell"])
def test_a_high_tone_does_not_fold_back(name: str) -> None:
    """Folded partials would stand between the harmonics, where a clean tone has next to nothing."""
    rate, frequency = 16000, 1100.0
    sound = INSTRUMENTS[name](_tone(frequency, rate, seconds=1.5))
    middle = sound[rate // 4 : rate // 4 + rate]
    spectrum = np.abs(np.fft.rfft(middle * np.blackman(len(middle)))) ** 2
    hertz = np.fft.rfftfreq(len(middle), 1 / rate)
    place = (hertz / (frequency / 2)) % 1
    between = (np.minimum(place, 1 - place) > 0.2) & (hertz < highest_partial(rate))
    assert spectrum[between].sum() < 3e-3 * spectrum.sum()
