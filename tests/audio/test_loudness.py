from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicsim_tui.audio.loudness import TARGET_DBFS, as_factor, matching_gain, volume_factor
from musicsim_tui.audio.waveform import WaveformBuilder
from musicsim_tui.audio.windows import SILENCE_DBFS
from tests.harness import audio_files


def test_tracks_become_equally_loud() -> None:
    for amplitude in (0.05, 0.12, 0.4, 0.9):
        builder = WaveformBuilder(44100)
        sine = audio_files.tone(amplitude=amplitude)
        builder.push(sine)
        waveform = builder.finish()
        played = sine * as_factor(matching_gain(waveform.loudness, waveform.peaks))
        assert 10 * math.log10(np.mean(played**2)) == pytest.approx(TARGET_DBFS, abs=0.1)


def test_a_peak_keeps_a_quiet_track_from_becoming_loud() -> None:
    assert matching_gain(-30.0, bytes([10, 255, 3])) == 0.0
    assert matching_gain(-30.0, bytes([10, 127, 3])) == pytest.approx(6.02, abs=0.05)
    assert matching_gain(-10.0, bytes([255])) == TARGET_DBFS + 10.0


@pytest.mark.parametrize("loudness", [None, math.nan, -math.inf, SILENCE_DBFS])
def test_what_was_not_measured_is_left_as_it_is(loudness: float | None) -> None:
    assert matching_gain(loudness, bytes([20])) == 0.0


@pytest.mark.parametrize("peaks", [None, b""])
def test_without_peaks_nothing_is_made_louder(peaks: bytes | None) -> None:
    assert matching_gain(-40.0, peaks) == 0.0
    assert matching_gain(-8.0, peaks) == TARGET_DBFS + 8.0


@given(st.floats(-70, 3), st.floats(0, 1))
def test_no_peak_comes_above_full_scale(loudness: float, peak: float) -> None:
    stored = bytes([round(peak * 255)])
    assert peak * as_factor(matching_gain(loudness, stored)) <= 1.0 + 1e-9


def test_volume() -> None:
    assert [volume_factor(percent) for percent in (0, 50, 100)] == [0.0, 0.125, 1.0]
